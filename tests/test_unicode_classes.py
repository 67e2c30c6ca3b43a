"""The shipped class of every Unicode character, against every encoder at hand."""

import unicodedata
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pytest
import regex
import tiktoken
from tokenizers import Regex, pre_tokenizers

from cygnet.tokenizer.unicode_classes import (
    CLASS_NAMES,
    N_CODE_POINTS,
    OTHER,
    SPACE,
    TABLE,
    UNICODE_VERSION,
    character_classes,
)

Classes = npt.NDArray[np.uint8]
PROBES = {
    "upper": r"[\p{Lu}\p{Lt}]",
    "lower": r"\p{Ll}",
    "letter": r"[\p{Lm}\p{Lo}]",
    "mark": r"\p{M}",
    "number": r"\p{N}",
    "space": r"\s",
}
ALL = "".join(chr(c) for c in range(N_CODE_POINTS) if not 0xD800 <= c <= 0xDFFF)
BYTES = {bytes([byte]): byte for byte in range(256)}
PYTHON_ALSO_SPACE = "\x1c\x1d\x1e\x1f"
"""The separators of ASCII: ``str.isspace`` counts them, the property White_Space does not."""

DIFFERS = {
    # Code points whose class in another version of Unicode is not that of the table: characters
    # that came later or earlier, and U+0295, which Unicode 17 moved from Ll to Lo.
    "14.0.0": """
        897 CF3 ECE 1C89..1C8A A7CB..A7CD A7DA..A7DC 105C0..105F3 10D40..10D65 10D69..10D6D
        10D6F..10D85 10EC2..10EC4 10EFC..10EFF 1123F..11241 11380..11389 1138B 1138E
        11390..113B5 113B7..113C0 113C2 113C5 113C7..113CA 113CC..113D3 113E1..113E2
        116D0..116E3 11BC0..11BE0 11BF0..11BF9 11F00..11F10 11F12..11F3A 11F3E..11F42
        11F50..11F5A 1342F 13440..13455 13460..143FA 16100..16139 16D40..16D6C 16D70..16D79
        18CFF 1B132 1B155 1CCF0..1CCF9 1D2C0..1D2D3 1DF25..1DF2A 1E030..1E06D 1E08F 1E4D0..1E4F9
        1E5D0..1E5FA 2B739 2EBF0..2EE5D 31350..323AF
    """,
    "15.0.0": """
        897 1C89..1C8A A7CB..A7CD A7DA..A7DC 105C0..105F3 10D40..10D65 10D69..10D6D 10D6F..10D85
        10EC2..10EC4 10EFC 11380..11389 1138B 1138E 11390..113B5 113B7..113C0 113C2 113C5
        113C7..113CA 113CC..113D3 113E1..113E2 116D0..116E3 11BC0..11BE0 11BF0..11BF9 11F5A
        13460..143FA 16100..16139 16D40..16D6C 16D70..16D79 18CFF 1CCF0..1CCF9 1E5D0..1E5FA
        2EBF0..2EE5D
    """,
    "15.1.0": """
        897 1C89..1C8A A7CB..A7CD A7DA..A7DC 105C0..105F3 10D40..10D65 10D69..10D6D 10D6F..10D85
        10EC2..10EC4 10EFC 11380..11389 1138B 1138E 11390..113B5 113B7..113C0 113C2 113C5
        113C7..113CA 113CC..113D3 113E1..113E2 116D0..116E3 11BC0..11BE0 11BF0..11BF9 11F5A
        13460..143FA 16100..16139 16D40..16D6C 16D70..16D79 18CFF 1CCF0..1CCF9 1E5D0..1E5FA
    """,
    "17.0.0": """
        295 88F C5C CDC 1ACF..1ADD 1AE0..1AEB A7CE..A7CF A7D2 A7D4 A7F1 10940..10959
        10EC5..10EC7 10EFA..10EFB 11B60..11B67 11DB0..11DDB 11DE0..11DE9 16EA0..16EB8
        16EBB..16ED3 16FF2..16FF6 187F8..187FF 18D09..18D1E 18D80..18DF2 1E6C0..1E6DE
        1E6E0..1E6F5 1E6FE..1E6FF 2B73A..2B73F 2CEA2..2CEAD 323B0..33479
    """,
    "18.0.0": """
        295 558 58B..58C 5C8..5C9 88F B53..B54 C5C CDC 1ACF..1AF0 208F 209D..209F A7CE..A7CF
        A7D2 A7D4 A7DD A7E2 A7F1 AB6C..AB6D 107BB..107BF 10940..10959 10EC5..10EC7 10ECB..10ECF
        10ED9..10EEE 10EF0..10EFB 11B0A 11B60..11B67 11DB0..11DDB 11DE0..11DE9 11DF0..11DF1
        1246F 12475..1247F 12550..12686 16EA0..16EB8 16EBB..16ED3 16FF2..16FF6 187F8..187FF
        18CD6..18CDA 18D09..18D20 18D80..18DF2 18E00..19191 191A0..191D2 1B123..1B128 1B168
        1D127..1D128 1D250..1D252 1D25B..1D25C 1D25F 1D280..1D281 1D6A6 1DF1F..1DF24
        1DF2B..1DF81 1DF90..1DF96 1DFCD..1DFFF 1E6C0..1E6DE 1E6E0..1E6F5 1E6FE..1E6FF
        2B73A..2B73F 2B81E 2CEA2..2CEAD 323B0..33479 3D000..3FC3F
    """,
    "16.0.0": "",
}
VERSION_OF_REGEX = "18.0.0"
"""Of regex 2026.11; the package does not say."""


def classes_of(matches: Callable[[str], Iterable[str]]) -> Classes:
    """The table of an oracle that finds the characters which match a pattern."""
    classes = np.zeros(N_CODE_POINTS, np.uint8)
    for code, name in enumerate(CLASS_NAMES[1:], 1):
        found = [ord(character) for character in matches(PROBES[name])]
        assert len(found) > 20 and not classes[found].any(), name
        classes[found] = code
    return classes


def of_tiktoken(pattern: str) -> str:
    # tiktoken drops what the pattern does not match.
    encoding = tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks=BYTES, special_tokens={})
    return encoding.decode(encoding.encode_ordinary(ALL))


def of_tokenizers(pattern: str) -> str:
    split = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    parts = (ALL[start : start + 20_000] for start in range(0, len(ALL), 20_000))
    return "".join(word for part in parts for word, _ in split.pre_tokenize_str(part))


def of_regex(pattern: str) -> list[str]:
    return regex.findall(pattern, ALL)


def of_python(pattern: str) -> list[str]:
    categories = regex.findall(r"\\p\{(\w+)\}", pattern)
    if pattern == r"\s":
        return [c for c in ALL if c.isspace() and c not in PYTHON_ALSO_SPACE]
    return [c for c in ALL if unicodedata.category(c).startswith(tuple(categories))]


def expand(ranges: str) -> set[int]:
    borders = [[int(border, 16) for border in part.split("..")] for part in ranges.split()]
    return {code_point for part in borders for code_point in range(part[0], part[-1] + 1)}


def test_the_table_says_which_unicode_it_is() -> None:
    assert f"Unicode {UNICODE_VERSION}:" in TABLE.read_text("ascii").splitlines()[0]


@pytest.mark.parametrize(
    ("oracle", "version"),
    [
        (of_tiktoken, UNICODE_VERSION),
        (of_tokenizers, UNICODE_VERSION),
        (of_regex, VERSION_OF_REGEX),
        (of_python, unicodedata.unidata_version),
    ],
)
def test_every_character_has_the_class_that_an_oracle_gives_it_but_for_other_versions_of_unicode(
    oracle: Callable[[str], Iterable[str]], version: str
) -> None:
    differs = np.flatnonzero(character_classes() != classes_of(oracle))
    assert set(differs.tolist()) == expand(DIFFERS[version]), [hex(c) for c in differs[:20]]


def test_white_space_is_the_property_and_nothing_that_only_looks_like_it() -> None:
    classes = character_classes()
    space = [0x20, *range(0x09, 0x0E), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B)]
    space += [0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
    assert np.flatnonzero(classes == SPACE).tolist() == sorted(space)
    assert not classes[[*range(0x1C, 0x20), 0x180E, 0x200B, 0x2060, 0xFEFF]].any()


def test_surrogates_private_and_unassigned_characters_are_other() -> None:
    classes = character_classes()
    for first, last in [(0xD800, 0xF8FF), (0xE0080, 0xE00FF), (0xF0000, 0x10FFFF)]:
        assert (classes[first : last + 1] == OTHER).all()
