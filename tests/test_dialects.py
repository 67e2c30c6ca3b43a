"""Split patterns in the syntax of other engines, and the alphabet of bytes."""

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from cygnet.tokenizer import formats
from cygnet.tokenizer.formats.byte_level import byte_alphabet, spell
from cygnet.tokenizer.formats.dialects import LLAMA3, OTHER_SPELLINGS, read_pattern, translate
from cygnet.tokenizer.patterns import PATTERNS, Splitter


@pytest.mark.parametrize("name", PATTERNS)
def test_named_patterns_are_known_again(name: str) -> None:
    for dialect in ("oniguruma", "rust"):
        written = formats.dialects.write_pattern(PATTERNS[name], dialect)
        assert read_pattern(written, dialect) == PATTERNS[name]


CUTTING_TEXT = st.text("a1 \n\r'sS.é\u3000", max_size=12)


@settings(max_examples=300)
@given(CUTTING_TEXT)
def test_other_spellings_of_named_patterns_cut_alike(text: str) -> None:
    for spelling, name in OTHER_SPELLINGS.items():
        assert Splitter(spelling)(text) == Splitter(PATTERNS[name])(text)


@settings(max_examples=200)
@given(CUTTING_TEXT)
@pytest.mark.parametrize(
    "pattern",
    [*PATTERNS.values(), r"(?:a|\s){1,2}+\s?", r"^a|[1\s]+$|.\Z", r"(s{2,}+|\S)\b", LLAMA3],
)
def test_a_translated_pattern_cuts_alike(pattern: str, text: str) -> None:
    there = translate(pattern, "regex", "oniguruma")
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(there), "isolated")
    expected = Splitter(pattern)(text)
    assert [word for word, _ in split.pre_tokenize_str(text)] == expected
    assert Splitter(translate(there, "oniguruma", "regex"))(text) == expected


@given(st.lists(st.binary(min_size=1, max_size=6)))
def test_the_byte_alphabet_loses_nothing(tokens: list[bytes]) -> None:
    values = {character: byte for byte, character in enumerate(byte_alphabet())}
    assert [bytes(values[c] for c in name) for name in spell(tokens)] == tokens
