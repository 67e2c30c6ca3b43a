"""Random strings that look for the mistakes a tokenizer can make; the same for the same seed."""

import random
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product

import numpy as np

from cygnet.tokenizer.unicode_classes import CLASS_NAMES, character_classes

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLANKS = " \n\t\r\v\f\xa0\u3000\x85\u2028\u1680"
NEARLY_BLANK = "\u200b\u180e\u2060\ufeff\x1c\x1f\x00"
APOSTROPHES = ("'", "'", "'", "\u2019", "\u02bc", "\uff07", "''")
CONTRACTIONS = ("s", "t", "d", "m", "re", "ve", "ll", "\u017f", "r", "l", "v", "lL", "n", "\u212a")
ZWJ = "\u200d"
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|bos|>", "<|endofprompt|>", "<tool_call>")
UNITS = ("a", "A", " ", "1", "é", "中", "\u0301", "🙂", "\n", "'", "/", "\u3000")
"""What a border is moved along by: one, two, three and four bytes, of every class."""

Rng = random.Random


@cache
def code_points(kind: int) -> tuple[list[int], list[int]]:
    """All code points of a class, and those with a neighbour of another class."""
    classes = character_classes()
    is_border = np.diff(classes, prepend=classes[:1]) != 0
    is_border |= np.diff(classes, append=classes[-1:]) != 0
    scalar = np.ones(len(classes), np.bool_)
    scalar[0xD800:0xE000] = False
    members = scalar & (classes == kind)
    return np.flatnonzero(members).tolist(), np.flatnonzero(members & is_border).tolist()


def character(rng: Rng) -> str:
    """A character of a random class; every second one is where the classes change."""
    anywhere, border = code_points(rng.randrange(len(CLASS_NAMES)))
    return chr(rng.choice(border if rng.random() < 0.5 else anywhere))


def in_plane(rng: Rng) -> str:
    """A character of a random plane, assigned or not."""
    return chr((rng.randrange(17) << 16) + rng.randrange(0xD800))


def of_class(rng: Rng) -> str:
    members, _ = code_points(rng.randrange(len(CLASS_NAMES)))
    return "".join(chr(rng.choice(members)) for _ in range(rng.randint(1, 5)))


def english(rng: Rng) -> str:
    word = "".join(rng.choices(LETTERS[:26], k=rng.randint(1, 12)))
    return rng.choice((word, word.title(), word.upper(), word[:3].upper() + word, word + "XyZ"))


def blanks(rng: Rng) -> str:
    some = rng.choice((" ", "\n", " \n", " \t\n\r", "\r\n", BLANKS, BLANKS + NEARLY_BLANK))
    return "".join(rng.choices(some, k=rng.choice((1, 1, 2, 2, 3, 4, 7, 15, 33))))


def digits(rng: Rng) -> str:
    some = "0123456789" if rng.random() < 0.6 else "7²½٣四Ⅷ८𝟘፩"
    return "".join(rng.choices(some, k=rng.randint(1, 9)))


def punctuation(rng: Rng) -> str:
    return "".join(rng.choices(".,!?-/'\"()#$_…—€。\\", k=rng.randint(1, 4)))


def contraction(rng: Rng) -> str:
    letters = rng.choice(CONTRACTIONS)
    cased = "".join(rng.choice((c, c.lower(), c.upper())) for c in letters)
    after = rng.choice(("", " ", "a", "S", "s", "1", "é", "\n", "'", "\u0301", "中"))
    return rng.choice((english(rng), "", " ")) + rng.choice(APOSTROPHES) + cased + after


def emoji(rng: Rng) -> str:
    parts = [chr(rng.randint(0x1F300, 0x1FAFF)) for _ in range(rng.randint(1, 4))]
    tone = rng.choice(("", "\ufe0f", chr(rng.randint(0x1F3FB, 0x1F3FF))))
    return (tone + ZWJ).join(parts) + rng.choice(("", "\ufe0f", "\u20e3"))


def marks(rng: Rng) -> str:
    members, _ = code_points(CLASS_NAMES.index("mark"))
    some = "".join(chr(rng.choice(members)) for _ in range(rng.randint(1, 3)))
    return rng.choice(("", "e", "E", " ", "ñ", "क", "7")) + some


def slashes(rng: Rng) -> str:
    return rng.choice((".", "!", "", ")")) + "".join(rng.choices("/\n\r", k=rng.randint(1, 5)))


def special(rng: Rng) -> str:
    return rng.choice(SPECIALS)


ATOMS: tuple[Callable[[Rng], str], ...] = (
    *(character, in_plane, of_class, english, english, blanks, blanks, digits),
    *(punctuation, contraction, contraction, emoji, marks, slashes),
)


def soup(rng: Rng) -> str:
    """Some atoms next to each other."""
    some = "".join(rng.choice(ATOMS)(rng) for _ in range(rng.choice((1, 2, 3, 4, 8, 16))))
    return some if rng.random() < 0.98 else some + special(rng)


def padded(rng: Rng) -> str:
    """A border that is pushed to every place of a block of 64 bytes, and over its end."""
    return rng.choice(UNITS) * rng.randint(0, 130) + soup(rng)


def cut_short(rng: Rng) -> str:
    """A document of 0 to 200 characters."""
    text = ""
    while len(text) < 200:
        text += soup(rng)
    return text[: rng.randint(0, 200)]


def repeated(rng: Rng) -> str:
    """A word of up to 300 characters: one, or a few again and again."""
    some = rng.choice((rng.choice(UNITS), english(rng)[:3], of_class(rng)))
    return (some * 300)[: rng.randint(1, 300)] + rng.choice(("", " ", "'s", "\n"))


def texts(seed: int, n: int) -> Iterator[str]:
    """``n`` strings; a batch of them in this order has long and short ones next to each other."""
    rng = Rng(seed)
    kinds = (soup, soup, soup, soup, soup, soup, padded, padded, cut_short, repeated)
    for _ in range(n):
        yield rng.choice(kinds)(rng)


def borders(width: int) -> Iterator[str]:
    """Every kind of border at every offset ``0..width-1``, behind every kind of character."""
    kinds = [
        *("a b", "a'sb", "'s", "'\u017f", "'RE", "'r", "a1", "1a", "12345", "a.b", " .", "..\n/\n"),
        *(
            "  a",
            "   ",
            " \n a",
            "\n\n",
            "\r\na",
            "\t\tx",
            "\xa0a",
            "\u3000\u3000a",
            "\x85b",
            " \n",
        ),
        *(
            "aB",
            "ABc",
            "Abc",
            "é1",
            "中 中",
            "a\u0301b",
            " \u0301",
            "🙂'll",
            "٣٤٥٦",
            "!'s",
            "\u2019s",
        ),
    ]
    for unit, offset, kind, after in product(UNITS, range(width), kinds, ("", "z")):
        yield unit * offset + kind + after


def long_words(seed: int, n: int, longest: int = 100_000) -> Iterator[str]:
    """Single words of 1 to ``longest`` bytes, short ones as likely as long ones."""
    rng = Rng(seed)
    for _ in range(n):
        length = round(longest ** rng.random())
        period = rng.choice((1, 1, 2, 3, 7, 64, length))
        alphabet = rng.choice((LETTERS[:2], LETTERS[:26], LETTERS, "=-", "한글", "éß"))
        word = "".join(rng.choices(alphabet, k=period)) * (length // period + 1)
        yield word.encode()[:length].decode(errors="ignore") + rng.choice(("", " ", "1"))
