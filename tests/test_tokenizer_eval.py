"""The figures of a tokenizer: by hand, by brute force, as properties, and on the command line."""

import base64
import io
import itertools
import json
import re
import subprocess
import sys
import tracemalloc
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from conftest import cygnet, refused
from cygnet.errors import InputError
from cygnet.text.batch import TextBatch
from cygnet.text.sources import Reading, read_files
from cygnet.tokenizer.comparison import compare, print_comparison
from cygnet.tokenizer.evaluation import VocabularyFigures, evaluate
from cygnet.tokenizer.plots import draw_comparison
from cygnet.tokenizer.reachability import occurs_in_utf8, unreachable_tokens
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary

BYTES = Tokenizer([])
HUG = Tokenizer([(104, 117), (256, 103)], special_tokens=["<|end|>", "<|pad|>"])
NO_UTF8 = (0xC0, 0xC1, *range(0xF5, 0x100))


def test_figures_by_hand() -> None:
    # hug, blank, a, blank, hug; hug, s: seven tokens, four types.
    found = evaluate(HUG, ["hug a hug", "hugs"])
    assert found.n_documents == 2
    assert found.n_bytes == 13
    assert found.n_words == 4
    assert found.n_tokens == 7
    assert found.bytes_per_token == 13 / 7
    assert found.tokens_per_word == 7 / 4
    assert found.single_byte_share == 4 / 7  # two blanks, "a" and "s"
    assert found.frequencies.tolist() == [3, 2, 1, 1]
    assert found.coverage.tolist() == pytest.approx([3 / 7, 5 / 7, 6 / 7, 1])
    assert [found.types_for(percent) for percent in (1, 42, 43, 71, 72, 85, 86, 100)] == [
        *(1, 1, 2, 2, 3, 3, 4, 4)
    ]
    assert found.n_never_used == 256 + 2 + 2 - 4
    assert found.vocabulary.longest[:2] == (b"hug", b"hu")
    assert found.unreachable == NO_UTF8
    # Nine and four tokens as bytes, seven with the merges: a saving of six thirteenths.
    assert found.relative_tokens(evaluate(BYTES, ["hug a hug", "hugs"])) == -100 * 6 / 13


def test_a_share_that_is_met_exactly_needs_no_more_types() -> None:
    assert evaluate(BYTES, "a" * 19 + "b").types_for(95) == 1
    assert evaluate(BYTES, "a" * 99 + "b").types_for(99) == 1


def test_characters_of_several_bytes() -> None:
    found = evaluate(BYTES, "é 🍓\u3000a")
    assert found.n_bytes == found.n_tokens == 2 + 1 + 4 + 3 + 1
    assert found.n_words == 3  # an ideographic space is white space
    assert found.single_byte_share == 1


def test_white_space_alone_has_no_fertility() -> None:
    found = evaluate(BYTES, " \n ")
    assert found.tokens_per_word is None
    assert json.loads(json.dumps(found.to_dict()))["tokens_per_word"] is None


@pytest.mark.parametrize("text", [[], "", ["", ""]])
def test_no_text_is_refused(text: str | list[str]) -> None:
    with pytest.raises(InputError, match="no text"):
        evaluate(BYTES, text)


def test_figures_are_those_of_another_encoder_on_real_text(data: Path, tmp_path: Path) -> None:
    path = data / "tinystories" / "tinystories_valid.txt"
    Tokenizer.train(read_files([path], "<|endoftext|>", "strict"), 1500).save(tmp_path)
    found = evaluate(Tokenizer.load(tmp_path), read_files([path], "<|endoftext|>", "strict"))

    other = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    pieces = [piece.strip("\r\n") for piece in path.read_text().split("<|endoftext|>")]
    documents = [piece for piece in pieces if piece]
    encoded = [token for document in documents for token in other.encode(document).tokens]
    n_words = sum(len(re.findall(r"\S+", document)) for document in documents)
    most_common = [count for _, count in Counter(encoded).most_common()]
    covered = list(itertools.accumulate(most_common))

    assert found.n_documents == len(documents)
    assert found.bytes_per_token == sum(len(d.encode()) for d in documents) / len(encoded)
    assert found.tokens_per_word == len(encoded) / n_words
    assert found.single_byte_share == sum(len(name) == 1 for name in encoded) / len(encoded)
    assert found.n_never_used == other.get_vocab_size() - len(set(encoded))
    for percent in (50, 90, 95, 99):
        enough = (n for n, sum_ in enumerate(covered, 1) if sum_ / len(encoded) >= percent / 100)
        assert found.types_for(percent) == next(enough)


texts = st.lists(st.text(max_size=20), min_size=1, max_size=8).filter(any)
MIXED = Tokenizer.train(["naïve café 🍓🍓 hug hugs a  b\n\nthe then there"] * 3, 300)


@given(texts, st.integers(1, 40))
def test_what_holds_of_every_text(documents: list[str], batch_bytes: int) -> None:
    found = evaluate(MIXED, documents, VOCABULARY)
    batches = [TextBatch.from_strings([document]) for document in documents]
    assert evaluate(MIXED, batches, VOCABULARY).to_dict() == found.to_dict()
    lengths = MIXED.token_lengths()
    assert found.n_tokens == found.counts.sum() == sum(len(MIXED.encode(d)) for d in documents)
    assert found.counts @ lengths == found.n_bytes
    assert 0 <= found.single_byte_share <= 1 <= found.bytes_per_token
    assert 0 <= found.n_never_used < found.vocabulary.n_rows
    coverage = found.coverage
    assert (coverage > 0).all()
    assert (np.diff(coverage) > 0).all()
    assert coverage[-1] == 1
    assert (np.diff(coverage, 2) <= 1e-12).all()  # the most frequent come first
    assert 1 <= found.types_for(90) <= found.types_for(95) <= found.types_for(100) == len(coverage)
    assert not found.counts[list(found.unreachable)].any()


VOCABULARY = VocabularyFigures.of(MIXED)


def test_memory_does_not_grow_with_the_text() -> None:
    batch = TextBatch.from_strings(["a hug of hugs "] * 2000)

    def peak(n_batches: int) -> int:
        tracemalloc.start()
        evaluate(HUG, itertools.repeat(batch, n_batches))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(12) < 1.5 * peak(1)


@st.composite
def merge_lists(draw: st.DrawFn, alphabet: bytes) -> list[tuple[int, int]]:
    """Merges as no training would give them: of any two tokens, in any order."""
    known, merges = list(alphabet), []
    for token in range(256, 256 + draw(st.integers(0, 6))):
        pair = (draw(st.sampled_from(known)), draw(st.sampled_from(known)))
        if pair in merges:
            break
        merges.append(pair)
        known.append(token)
    return merges


def every_text(characters: str, max_length: int) -> Iterator[str]:
    for length in range(1, max_length + 1):
        yield from map("".join, itertools.product(characters, repeat=length))


@settings(max_examples=40, deadline=None)
@given(merge_lists(b"ab"))
def test_unreachable_is_what_no_text_gives(merges: list[tuple[int, int]]) -> None:
    tokenizer = Tokenizer(merges, special_tokens=[])
    given_tokens = {t for text in every_text("ab", 8) for t in tokenizer.encode(text)}
    short = [t for t in range(256, tokenizer.vocab_size) if len(tokenizer.token_bytes(t)) <= 6]
    unreachable = unreachable_tokens(tokenizer)
    for token in short:
        assert (token in unreachable) == (token not in given_tokens)


@settings(max_examples=40, deadline=None)
@given(merge_lists("éè".encode()))
def test_parts_of_characters_are_unreachable_only_if_no_text_gives_them(
    merges: list[tuple[int, int]],
) -> None:
    tokenizer = Tokenizer(merges, special_tokens=[])
    given_tokens = {t for text in every_text("éè", 6) for t in tokenizer.encode(text)}
    assert not given_tokens & set(unreachable_tokens(tokenizer))


def test_parts_of_characters_that_are_never_joined() -> None:
    # "\xa9" + "\xc3" stands between two é; "\xc3" + "\xc3" nowhere; the third is overtaken.
    merges = [(0xA9, 0xC3), (0xC3, 0xC3), (0xC3, 256), (0xC3, 0xA9), (259, 0xC3)]
    assert set(unreachable_tokens(Tokenizer(merges))) - set(NO_UTF8) == {257, 260}


def test_two_bytes_in_a_row_against_all_of_unicode() -> None:
    code_points = itertools.chain(range(0xD800), range(0xE000, 0x110000))
    characters = [chr(code_point).encode() for code_point in code_points]
    inside = {pair for c in characters for pair in map(bytes, itertools.pairwise(c))}
    firsts, lasts = {c[:1] for c in characters}, {c[-1:] for c in characters}
    expected = inside | {last + first for last in lasts for first in firsts}
    pairs = map(bytes, itertools.product(range(256), repeat=2))
    assert {pair for pair in pairs if occurs_in_utf8(pair)} == expected
    assert [byte for byte in range(256) if not occurs_in_utf8(bytes([byte]))] == list(NO_UTF8)


def test_longer_runs_of_bytes() -> None:
    text = "a¢ࠀ퟿\ue000𐀀\U0010ffffzé".encode()
    for i, j in itertools.combinations(range(len(text) + 1), 2):
        assert occurs_in_utf8(text[i:j])
    for wrong in (b"\x80" * 4, b"a\x80", b"\xed\xa0\x80", b"\xf0\x8f\xbf", b"\xe2\x82a"):
        assert not occurs_in_utf8(wrong)


def from_tiktoken(path: Path, pattern: str) -> Tokenizer:
    lines = map(bytes.split, path.read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    return Tokenizer(Vocabulary.from_ranks(ranks), pattern)


def test_unreachable_tokens_of_published_vocabularies(data: Path) -> None:
    folder = data / "tokenizers"
    o200k = from_tiktoken(folder / "o200k_base.tiktoken", "o200k")
    assert o200k.encode("\n//") != [o200k.vocabulary.token_bytes.index(b"\n//")]
    assert [o200k.token_bytes(token) for token in unreachable_tokens(o200k)] == [
        bytes([byte]) for byte in sorted(NO_UTF8, key=o200k.vocabulary.byte_ids.__getitem__)
    ]
    # Its pattern parts Thai letters from their vowel signs, which the vocabulary has together.
    qwen = from_tiktoken(folder / "qwen2.5" / "qwen2.5.tiktoken", "qwen2")
    found = {qwen.token_bytes(token) for token in unreachable_tokens(qwen)}
    assert "ที่".encode() in found
    assert len(found) == 1673 + len(NO_UTF8)


def test_a_token_that_the_text_holds_is_not_unreachable() -> None:
    found = evaluate(HUG, "hug", VocabularyFigures(260, (257, 258), ()))
    assert found.unreachable == (258,)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokenizers ``bytes``, ``hug`` and ``mixed``, and two texts."""
    folder = tmp_path_factory.mktemp("eval")
    for name, tokenizer in (("bytes", BYTES), ("hug", HUG), ("mixed", MIXED)):
        tokenizer.save(folder / name)
    (folder / "one.txt").write_text("hug a hug<|endoftext|>\nhugs\n")
    (folder / "two [b].txt").write_text("the café, then the naïve 🍓\n" * 30)
    (folder / "empty.txt").write_text("\n<|endoftext|>\n")
    (folder / "bad.txt").write_bytes(b"a hug\xff")
    return folder


ONE = ("tokenizer", "eval", "bytes", "hug", "mixed", "--text", "one.txt")
BOTH = (*ONE, "two [b].txt")


def test_table_has_the_figures_of_the_json(folder: Path) -> None:
    result = cygnet(*BOTH, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    evaluations = json.loads(cygnet(*BOTH, "--json", cwd=folder).stdout)["evaluations"]
    assert [(e["text"], e["tokenizer"]) for e in evaluations] == list(
        itertools.product(("one.txt", "two [b].txt"), ("bytes", "hug", "mixed"))
    )
    for source in ("one.txt", "two [b].txt"):
        table = lines[lines.index(source) :]
        found = [e for e in evaluations if e["text"] == source]
        assert table[1] == (
            f"{found[0]['documents']} documents, {found[0]['bytes']:,} bytes,"
            f" {found[0]['words']:,} words"
        )
        assert table[2].split() == ["bytes", "hug", "mixed"]
        for row, name in enumerate(("bytes", "hug", "mixed")):
            assert found[row]["tokenizer"] == name
        printed = {line[:19].strip(): line[19:].split() for line in table[3:15]}
        assert printed == {
            "tokens": [f"{e['tokens']:,}" for e in found],
            "against the first": [f"{e['relative_tokens_percent']:+.1f}%" for e in found],
            "bytes per token": [f"{e['bytes_per_token']:.3f}" for e in found],
            "tokens per word": [f"{e['tokens_per_word']:.3f}" for e in found],
            "single-byte tokens": [f"{e['single_byte_share']:.2%}" for e in found],
            "types for 90%": [f"{e['types_for']['90']:,}" for e in found],
            "types for 95%": [f"{e['types_for']['95']:,}" for e in found],
            "types for 99%": [f"{e['types_for']['99']:,}" for e in found],
            "rows": [f"{e['rows']:,}" for e in found],
            "never used": [f"{e['never_used']:,}" for e in found],
            "never used, share": [f"{e['never_used_share']:.2%}" for e in found],
            "unreachable": [f"{len(e['unreachable']):,}" for e in found],
        }
        for name in printed:  # each line is explained below
            assert any(line.startswith(name) for line in lines[lines.index("longest tokens") :])


def test_figures_of_the_command(folder: Path) -> None:
    found = json.loads(cygnet(*ONE, "--json", cwd=folder).stdout)["evaluations"]
    assert [e["tokens"] for e in found[:2]] == [13, 7]
    assert found[1]["relative_tokens_percent"] == pytest.approx(-600 / 13)
    assert found[1]["longest"][:2] == ["hug", "hu"]
    assert found[1]["unreachable"] == list(NO_UTF8)
    whole = json.loads(cygnet(*ONE, "--boundary", "", "--json", cwd=folder).stdout)["evaluations"]
    assert whole[0]["documents"] == 1
    assert whole[0]["tokens"] == 13 + len("<|endoftext|>\n")


def test_many_tokenizers_go_on_below(folder: Path) -> None:
    paths = [folder / name for name in ("bytes", "hug", "mixed")]
    found = compare(paths, [str(folder / "one.txt")], Reading())
    console = Console(width=46, record=True, file=io.StringIO())
    print_comparison(found, console)
    printed = console.export_text()
    assert re.search(r"^ +bytes +hug *$", printed, re.MULTILINE)
    assert re.search(r"^ +mixed *$", printed, re.MULTILINE)
    assert max(len(line) for line in printed.splitlines()) <= 46


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hug",), "name a text: --text FILE"),
        (("--text", "one.txt"), "name a tokenizer"),
        (("hug", "--text", "none.txt"), "none.txt does not exist"),
        (("hug", "--text", "one.txt", "empty.txt"), "empty.txt holds no text"),
        (("none", "--text", "one.txt"), "none holds no tokenizer"),
        (("hug", "--text", "bad.txt"), "or pass --errors replace"),
    ],
)
def test_bad_input(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(cygnet("tokenizer", "eval", *arguments, cwd=folder))


def test_bytes_that_are_not_utf8_can_be_replaced(folder: Path) -> None:
    command = ("tokenizer", "eval", "bytes", "--text", "bad.txt", "--errors", "replace", "--json")
    [found] = json.loads(cygnet(*command, cwd=folder).stdout)["evaluations"]
    assert found["bytes"] == len("a hug\ufffd".encode())


@pytest.mark.parametrize(
    ("name", "message"), [("a.pdf", ".png or .svg"), ("plot", ".png or .svg"), ("no/a.png", "no")]
)
def test_plot_file_is_refused_before_the_work(folder: Path, name: str, message: str) -> None:
    # The text is bad as well: that the name is what is refused shows which comes first.
    result = cygnet("tokenizer", "eval", "hug", "--text", "bad.txt", "--plot", name, cwd=folder)
    assert message in refused(result)
    assert "UTF-8" not in result.stderr


def test_without_matplotlib_one_line_says_what_to_install(folder: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None; from cygnet.cli import main;"
        "sys.exit(main(['tokenizer', 'eval', 'hug', '--text', 'one.txt', '--plot', 'a.png']))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert "pip install 'cygnet[train]'" in refused(result)
    assert result.stdout == ""


def words_of(path: Path) -> set[str]:
    """The text that an SVG shows."""
    svg = ET.parse(path).getroot()
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    return {"".join(element.itertext()).strip() for element in svg.iter() if "text" in element.tag}


def test_plots(folder: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    for name in ("plot.png", "plot.SVG"):
        result = cygnet(*BOTH, "--plot", tmp_path / name, cwd=folder)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
    pixels = imread(tmp_path / "plot.png")
    assert pixels.shape[1] == 1440
    assert pixels[..., :3].min() < 0.1 < pixels[..., :3].std()  # not one colour
    words = words_of(tmp_path / "plot.SVG")
    assert {"bytes", "hug", "mixed", "one.txt", "two [b].txt", "95%", "rank of the type"} <= words
    assert list(tmp_path.glob("*.tmp")) == []


def test_lines_of_the_plot_are_the_figures(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from cygnet.tokenizer.plots import _draw_coverage, _draw_zipf

    found = evaluate(HUG, ["hug a hug", "hugs"])
    left, right = Figure().subplots(1, 2)
    _draw_coverage(left, {"$1": found})
    _draw_zipf(right, {"$1": found, "$2": found})
    coverage = next(line for line in left.lines if line.get_label() == "$1")
    assert coverage.get_xydata().tolist() == [[n + 1, y] for n, y in enumerate(found.coverage)]
    assert right.lines[0].get_ydata().tolist() == [3, 2, 1, 1]
    looks = {(line.get_color(), line.get_linestyle()) for line in right.lines}
    assert len({colour for colour, _ in looks}) == len({style for _, style in looks}) == 2


def test_same_figures_same_plot_and_one_type_can_be_drawn(tmp_path: Path) -> None:
    comparison = {"$a$ text": {"x$": evaluate(BYTES, "aaa")}}
    for name in ("a.svg", "b.svg"):
        draw_comparison(comparison, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert {"$a$ text", "x$"} <= words_of(tmp_path / "a.svg")
