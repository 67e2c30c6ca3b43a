"""Tokenizers side by side: what they agree on, what they do not, and how it is shown."""

import io
import itertools
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from commands import cygnet
from cygnet.errors import InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.other_tokenizers import adapt
from cygnet.xray.page import trace_html
from cygnet.xray.tokens.blocks import pieces_of
from cygnet.xray.tokens.comparison import compare_tokens, open_tokenizers, tokens_of
from cygnet.xray.tokens.view import print_comparison
from cygnet.xray.trace import Trace

WORDS = "the soft seashell said hello, hello"
BYTES = Tokenizer([])
THREE = {
    "bytes": BYTES,
    "few": Tokenizer.train([WORDS * 3], 264),
    "many": Tokenizer.train([WORDS[::-1] * 2 + WORDS * 9], 280),
}


def spans(trace: Trace) -> list[tuple[int, int]]:
    ends = [0, *itertools.accumulate(len(token.bytes) for token in trace.tokens)]
    return list(itertools.pairwise(ends))


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="the soft,\né🍓", max_size=30), st.sets(st.sampled_from([*THREE]), min_size=2)
)
def test_disagreements_are_all_that_differs_and_as_short_as_can_be(
    text: str, names: set[str]
) -> None:
    found = compare_tokens({name: THREE[name] for name in names}, text)
    cuts = {name: spans(trace) for name, trace in found.traces.items()}
    inside = [range(one.start, one.end) for one in found.disagreements]
    outside = {
        name: [span for span in cut if not any(span[0] in place for place in inside)]
        for name, cut in cuts.items()
    }
    assert len({tuple(cut) for cut in outside.values()}) == 1
    borders = [{start for start, _ in cut} for cut in cuts.values()]
    for one in found.disagreements:
        assert (
            len({tuple(cuts[name][i] for i in places) for name, places in one.tokens.items()}) > 1
        )
        between = range(one.start + 1, one.end)
        assert not set.intersection(*borders) & set(between)
        for name, places in one.tokens.items():
            assert (
                b"".join(found.traces[name].tokens[i].bytes for i in places)
                == (text.encode()[one.start : one.end])
            )


def test_a_tokenizer_that_loses_bytes_takes_no_part() -> None:
    class Lossy(Tokenizer):
        def encode(self, text: str, *arguments: object, **named: object) -> list[int]:
            return super().encode(text.replace("x", ""))

    found = compare_tokens({"whole": THREE["few"], "lossy": Lossy([])}, "the x")
    assert found.unfaithful == ("lossy",)
    assert found.disagreements == ()
    assert "does not give back the text" in printed(found)


def test_the_blank_that_sentencepiece_puts_before_a_text_is_none_of_it() -> None:
    vocabulary = {piece: i for i, piece in enumerate(["▁", "a", "b", "▁a", "▁b"])}
    merges = [("▁", "a"), ("▁", "b")]
    backend = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
    theirs = adapt(backend)
    found = compare_tokens({"theirs": theirs, "bytes": Tokenizer([])}, "ab b")
    assert found.traces["theirs"].text == " ab b"
    assert found.unfaithful == ()
    assert [(one.start, one.end) for one in found.disagreements] == [(2, 4)]


def printed(found: object, width: int = 80, ids: bool = False, **look: object) -> str:
    console = Console(record=True, width=width, file=io.StringIO(), **look)  # type: ignore[arg-type]
    print_comparison(found, ids, console)  # type: ignore[arg-type]
    return console.export_text()


def test_the_terminal_shows_each_stretch_of_all_one_under_another() -> None:
    found = compare_tokens({"bytes": THREE["bytes"], "many": THREE["many"]}, "the soft\n é")
    text = printed(found)
    assert text.splitlines()[:4] == [
        "bytes  t│h│e│·│s│o│f│t│⏎",
        "many   the  │·soft    │⏎",
        "       ^^^^^ ^^^^^^^^^  ",
        "",
    ]
    assert re.search(r"text +· é +\nbytes  ·│‹c3›│‹a9›\nmany   ·│‹c3›│‹a9›\n", text)
    assert re.search(r"tokens  bytes/token  special\nbytes +12 +1.00 +0\nmany +6 +2.00 +0\n", text)
    assert "^ cut differently" in text
    assert "they differ in 2 places, 67% of the bytes: at byte 0, 3" in text
    assert "they differ in 1 place, 80%" in printed(compare_tokens(THREE, "hello"))
    assert "underline" not in text
    same = compare_tokens({"a": THREE["few"], "b": THREE["few"]}, "the soft")
    assert "they cut the text alike" in printed(same)
    assert "^" not in printed(same)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="the soft,\né🍓ש", max_size=40), st.integers(8, 60), st.booleans())
def test_the_columns_of_tokenizers_hold_the_same_text(text: str, width: int, ids: bool) -> None:
    found = compare_tokens(THREE, text)
    for piece in pieces_of(found):
        contents = {b"".join(one.bytes for one in tokens) for tokens in piece.tokens.values()}
        assert len(contents) == 1
        contents.pop().decode()  # whole characters
    assert b"".join(piece.content for piece in pieces_of(found)) == text.encode()
    assert max(map(cell_len, printed(found, width, ids).splitlines()), default=0) <= width


@pytest.mark.parametrize("width", [10, 40, 80])
@pytest.mark.parametrize("ids", [False, True])
def test_lines_are_never_wider_than_the_terminal(width: int, ids: bool) -> None:
    text = "the soft 🍓🍓🍓 שלום \u0301\u202e\x00\x1b[31m\t seashell " * 3
    wide = Tokenizer.train(["天鹅" * 99], 280)
    found = compare_tokens(THREE | {"wide": wide}, text + "天鹅" * 24)
    assert max(len(token.bytes) for token in found.traces["wide"].tokens) > 72
    shown = printed(found, width, ids)
    assert max(map(cell_len, shown.splitlines())) <= width
    assert not any(ord(character) < 32 and character != "\n" for character in shown)
    assert "\u202e" not in shown


def test_a_character_that_is_cut_differently_is_marked() -> None:
    tail = Tokenizer([(0x8D, 0x93)])  # the last two of four bytes; the first are cut alike
    [piece] = pieces_of(compare_tokens({"bytes": Tokenizer([]), "tail": tail}, "🍓"))
    assert [len(tokens) for tokens in piece.tokens.values()] == [4, 3]
    assert piece.differs


def test_names_of_folders_are_no_commands_for_a_terminal() -> None:
    found = compare_tokens({"[/x]\x1b[31m": THREE["few"], "\udce9 b": THREE["many"]}, WORDS)
    text = printed(found)
    assert "[/x]\\x1b[31m  t│he│" in text
    assert "‹e9› b" in text
    assert "\x1b" not in text


def test_a_notebook_has_the_same_text_one_under_another() -> None:
    class Lossy(Tokenizer):
        def encode(self, text: str, *arguments: object, **named: object) -> list[int]:
            return super().encode("x")

    text = "the soft <script>é\n & " * 12
    found = compare_tokens({"a<b>": THREE["few"], "many": THREE["many"], "l": Lossy([])}, text)
    markup = found._repr_html_()
    assert "<script" not in markup
    assert "a<b>" not in markup
    tree = ET.fromstring(re.sub("<br>|<style>.*?</style>| class=figure", "", markup, flags=re.S))
    sides = [one for one in tree.iter("table") if one.get("class") == "cygnet-side"]
    for i, name in enumerate(["a<b>", "many"]):
        rows = [side.findall("tr")[i] for side in sides]
        assert {row.findtext("th") for row in rows} == {name}
        spans = [span for row in rows for span in row.findall("td/span")]
        assert [span.text for span in spans] == [one.text for one in found.traces[name].tokens]
    cells = [cell for side in sides for cell in side.find("tr").findall("td")]  # type: ignore[union-attr]
    assert sum(cell.get("class") == "cygnet-differs" for cell in cells) == len(found.disagreements)
    rows = [row for side in sides for row in side.iter("tr")]
    assert max(sum(len(span.text or "") for span in row.findall("td/span")) for row in rows) <= 72
    assert f"They differ in {len(found.disagreements)} places" in markup
    assert "l does not give back the text" in markup
    alone = compare_tokens({"a": THREE["few"]}, text)._repr_html_()
    assert "differ" not in alone[alone.index("</style>") :]
    assert (
        "They cut the text alike" in compare_tokens(dict.fromkeys("ab", BYTES), "x")._repr_html_()
    )


def test_tokenizers_of_others_and_folders_are_taken(tmp_path: Path) -> None:
    THREE["few"].save(tmp_path)
    backend = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1}, []))
    found = compare_tokens({"folder": str(tmp_path), "theirs": backend}, "ab")
    assert [token.text for token in found.traces["theirs"].tokens] == ["a", "b"]
    with pytest.raises(InputError):
        compare_tokens({"none": tmp_path / "absent"}, "ab")


NAMES = [f"<|{who}_{side}|>" for who in ("user", "assistant") for side in ("start", "end")]
CHAT = "<|user_start|>hi<|user_end|><|assistant_start|>ho<|assistant_end|>"


def test_a_chat_shows_who_speaks_and_what_counts() -> None:
    tokenizer = Tokenizer([], special_tokens=["<|bos|>", *NAMES])
    found = compare_tokens({"chat": tokenizer}, CHAT, special=True)
    text = printed(found)
    assert "user:\n⟦<|user_start|>⟧│h│i│⟦<|user_end|>⟧\nassistant:\n" in text
    assert "training counts what the assistant says (3 in chat)" in text
    assert text.count("special token") == 1
    assert "8 tokens (4 special), 4 bytes, 1.00 bytes per token" in text
    markup = trace_html(found.traces["chat"])
    assert '<span class="cygnet-role">assistant</span>' in markup
    assert markup.count("cygnet-quiet") == 5
    as_text = compare_tokens({"chat": tokenizer}, CHAT)
    assert len(as_text.traces["chat"].tokens) == len(CHAT)
    assert "special" not in printed(as_text)


def test_command(tmp_path: Path) -> None:
    for name in ("few", "many"):
        THREE[name].save(tmp_path / name)
    done = cygnet("xray", "tokens", WORDS, tmp_path / "few", tmp_path / "many", "--json")
    found = json.loads(done.stdout)
    assert [*found["tokenizers"]] == ["few", "many"]
    assert found["tokenizers"]["few"]["tokens"][0]["id"] == THREE["few"].encode(WORDS)[0]
    picture = tmp_path / "view.svg"
    done = cygnet("xray", "tokens", WORDS, tmp_path / "few", "--ids", "--svg", picture)
    assert str(THREE["few"].encode(WORDS)[0]) in done.stdout
    assert "xray&#160;tokens" in picture.read_text()


def test_no_tokenizer_is_one_line(tmp_path: Path) -> None:
    for arguments in (["text"], ["text", tmp_path]):
        done = cygnet("xray", "tokens", *arguments)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
    with pytest.raises(InputError, match="name a tokenizer"):
        open_tokenizers([])


def test_tokens_are_shown_without_torch(tmp_path: Path) -> None:
    THREE["few"].save(tmp_path)
    code = f"""
import sys
class Absent:
    def find_spec(self, name, *rest):
        if name in ("torch", "transformers"):
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
from cygnet.cli import main
sys.exit(main(["xray", "tokens", "the soft", {str(tmp_path)!r}]))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert "│" in found.stdout


def test_an_empty_text_is_shown() -> None:
    assert tokens_of(THREE["few"], "").tokens == ()
    assert "0 tokens" in printed(compare_tokens(THREE, ""))
