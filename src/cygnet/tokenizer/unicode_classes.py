r"""The class of every Unicode character, of one stated version: what ``\p{L}`` and ``\s`` mean.

Python, ``regex`` and the encoders that a vocabulary comes from each bring a Unicode table of their
own, and a character that is a letter in one may be unknown in another. Ids must not depend on who
is asked. The table here is the one of tiktoken 0.14 and of ``tokenizers`` 0.23;
``tools/make_unicode_classes.py`` makes it from the Unicode Character Database.
"""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

UNICODE_VERSION = "16.0.0"
N_CODE_POINTS = 0x110000
CLASS_NAMES = ("other", "upper", "lower", "letter", "mark", "number", "space")
OTHER, UPPER, LOWER, LETTER, MARK, NUMBER, SPACE = range(len(CLASS_NAMES))
r"""``UPPER`` is Lu and Lt, ``LOWER`` Ll, ``LETTER`` Lm and Lo: the three are ``\p{L}``. ``MARK``
is ``\p{M}``, ``NUMBER`` ``\p{N}``, and ``SPACE`` the property White_Space, which is ``\s``."""

TABLE = Path(__file__).with_name("unicode_classes.txt")


@cache
def character_classes() -> npt.NDArray[np.uint8]:
    """The class of each code point, ``uint8`` of shape ``(0x110000,)``, read only.

    Surrogates, private and unassigned code points are ``OTHER``.

    Cost: 2 ms, once.

    Source: general category and White_Space of the Unicode Character Database (UAX #44).

    >>> [CLASS_NAMES[character_classes()[ord(character)]] for character in "Aa中̈7\u3000!"]
    ['upper', 'lower', 'letter', 'mark', 'number', 'space', 'other']
    """
    classes = np.zeros(N_CODE_POINTS, np.uint8)
    codes = {name: code for code, name in enumerate(CLASS_NAMES)}
    for line in TABLE.read_text("ascii").splitlines():
        if not line.startswith("#"):
            borders, name = line.split()
            first, last = borders.split("..")
            classes[int(first, 16) : int(last, 16) + 1] = codes[name]
    classes.setflags(write=False)
    return classes
