"""Write ``src/cygnet/tokenizer/unicode_classes.txt`` from the Unicode Character Database.

    pip install unicodedata2==16.0.0
    python tools/make_unicode_classes.py

``unicodedata2`` is Python's ``unicodedata`` with the database of the version it is named after.
"""

import itertools
from collections.abc import Iterator

import unicodedata2

from cygnet.tokenizer.unicode_classes import N_CODE_POINTS, TABLE, UNICODE_VERSION

HEADER = f"""\
# Character classes of Unicode {UNICODE_VERSION}: first..last code point, class.
# upper: Lu Lt; lower: Ll; letter: Lm Lo; mark: Mn Mc Me; number: Nd Nl No; space: White_Space.
# What is not listed is other. Made by tools/make_unicode_classes.py; do not edit.
"""
BY_CATEGORY = {"Lu": "upper", "Lt": "upper", "Ll": "lower", "Lm": "letter", "Lo": "letter"}
BY_MAJOR = {"M": "mark", "N": "number", "Z": "space"}
CONTROLS_THAT_ARE_SPACE = {*range(0x09, 0x0E), 0x85}
"""White_Space in PropList.txt: these control characters, and the general category Z."""


def class_name(code_point: int) -> str:
    """The class of one code point."""
    if code_point in CONTROLS_THAT_ARE_SPACE:
        return "space"
    category = unicodedata2.category(chr(code_point))
    return BY_CATEGORY.get(category) or BY_MAJOR.get(category[0], "other")


def lines() -> Iterator[str]:
    """A line for each run of code points of one class."""
    for name, group in itertools.groupby(range(N_CODE_POINTS), class_name):
        code_points = list(group)
        if name != "other":
            yield f"{code_points[0]:06X}..{code_points[-1]:06X} {name}\n"


if __name__ == "__main__":
    if unicodedata2.unidata_version != UNICODE_VERSION:
        raise SystemExit(f"Unicode {UNICODE_VERSION} wanted, not {unicodedata2.unidata_version}")
    TABLE.write_text(HEADER + "".join(lines()), "ascii", newline="\n")
