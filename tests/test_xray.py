"""Traces and their views."""

import copy
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from rich.cells import cell_len
from rich.console import Console
from transformers import GPT2LMHeadModel

from commands import cygnet
from cygnet import trace
from cygnet.cli import main
from cygnet.errors import InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.figures import TokenFigures
from cygnet.transformer.presets import gpt2
from cygnet.transformer.sampling import Sampling
from cygnet.xray.live import watch
from cygnet.xray.page import trace_html
from cygnet.xray.plots import loss_curves
from cygnet.xray.runs.curves import loss_curves_of
from cygnet.xray.runs.reading import Run
from cygnet.xray.terminal import inline, print_trace, svg_console, token_line, totals, write_svg
from cygnet.xray.tokens.comparison import compare_tokens
from cygnet.xray.trace import Trace, TraceToken
from cygnet.xray.tracing import trace_generation, trace_ids
from cygnet.xray.writing import Writing

BYTES = Tokenizer([])


@pytest.fixture(scope="module")
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = gpt2(257, n_layer=1, n_head=1, n_embd=16, block_size=12, boundary_id=256)
    return GPT2LMHeadModel(config).eval()


def by_hand(model: GPT2LMHeadModel, before: list[int], token: int) -> float:
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([before])).logits[0, -1]
    return float(torch.log_softmax(logits, -1)[token])


def test_figures_come_from_the_tokens_before(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "a pit")
    ids = list(b"a pit")
    assert [token.id for token in found.tokens] == ids
    for i, token in enumerate(found.tokens):
        assert token.figures is not None
        expected = by_hand(model, [256, *ids[:i]], ids[i])
        assert token.figures.log_probability == pytest.approx(expected, abs=1e-5)
    bits = -sum(by_hand(model, [256, *ids[:i]], ids[i]) for i in range(5)) / math.log(2)
    assert found.bits == pytest.approx(bits, rel=1e-5)
    assert found.bits_per_byte == pytest.approx(bits / 5, rel=1e-5)
    assert found.text == "a pit"


def test_special_tokens_have_bits_and_no_bytes(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "ab<|endoftext|>é", special=True)
    ids = [97, 98, 256, *"é".encode()]
    nats = [by_hand(model, [256, *ids[:i]], ids[i]) for i in range(5)]
    assert found.n_bytes == 4
    assert found.bits == pytest.approx(-sum(nats) / math.log(2), rel=1e-5)
    of_text = -(sum(nats) - nats[2]) / math.log(2)
    assert found.bits_per_byte == pytest.approx(of_text / 4, rel=1e-5)


@pytest.mark.parametrize("length", [1, 11, 12, 13, 18, 19, 40])
def test_text_longer_than_the_context(model: GPT2LMHeadModel, length: int) -> None:
    ids = [(7 * i) % 256 for i in range(length)]
    text = bytes(i % 96 + 32 for i in ids).decode()
    found = trace(model, BYTES, text)
    assert found.text == text
    tokens = [256, *text.encode()]
    for i, token in enumerate(found.tokens):
        assert token.figures is not None
        contexts = [tokens[begin : i + 1] for begin in range(max(0, i + 1 - 12), i + 1)]
        if i + 1 > 12:  # at least half a context before every token
            contexts = [context for context in contexts if len(context) >= 6]
        else:
            contexts = [tokens[: i + 1]]
        values = [by_hand(model, context, tokens[i + 1]) for context in contexts]
        assert any(abs(token.figures.log_probability - value) < 1e-4 for value in values)


def test_without_a_boundary_the_first_token_has_no_figures(model: GPT2LMHeadModel) -> None:
    tokenizer = Tokenizer([], special_tokens=[])
    found = trace(model, tokenizer, "ab")
    assert found.tokens[0].figures is None
    assert found.tokens[1].figures is not None
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[97]])).logits[0, -1]
    expected = float(torch.log_softmax(logits, -1)[98])
    assert found.tokens[1].figures.log_probability == pytest.approx(expected)
    assert found.to_dict()["tokens"][0]["probability"] is None
    print_trace(found, Console(file=io.StringIO()))


def test_a_row_without_a_token_has_its_share_and_is_never_drawn(model: GPT2LMHeadModel) -> None:
    tokenizer = Tokenizer([], special_tokens=[])  # row 256 of the model is padding
    padded = copy.deepcopy(model)
    with torch.no_grad():
        padded.get_output_embeddings().weight[256] *= 300
        padded.get_output_embeddings().weight[256, 0] += 300
    text = "abcdefgh"
    traced = trace(padded, tokenizer, text, n_alternatives=300)
    shares = [sum(one.probability for one in token.alternatives) for token in traced.tokens[1:]]
    assert min(shares) < 0.5 and max(shares) <= 1 + 1e-5
    assert all(one.id < 256 for token in traced.tokens for one in token.alternatives)
    assert all(token.figures.rank <= 256 for token in traced.tokens[1:] if token.figures)
    written = Writing(padded, tokenizer, text, Sampling(seed=1), n_alternatives=300)
    for _ in range(20):
        assert written.step().id < 256
    _, drawn_from = written.alternatives(300)
    assert sum(one.probability for one in drawn_from) == pytest.approx(1, abs=1e-4)
    again = trace_ids(padded, tokenizer, [token.id for token in written.trace.tokens])
    for token, same in zip(written.trace.tokens[1:], again.tokens[1:], strict=True):
        assert token.figures and same.figures
        assert token.figures.log_probability == pytest.approx(
            same.figures.log_probability, abs=1e-3
        )


def test_generation_marks_what_was_given(model: GPT2LMHeadModel) -> None:
    seen: list[TraceToken] = []
    found = trace_generation(model, BYTES, "ab", seen.append, max_tokens=5, seed=1)
    assert [token.is_given for token in found.tokens] == [True, True] + [False] * len(seen)
    assert list(found.tokens[2:]) == seen


def test_a_model_in_memory_needs_a_tokenizer(model: GPT2LMHeadModel) -> None:
    with pytest.raises(InputError, match="needs its tokenizer"):
        trace(model, text="a")


def test_empty_text(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "")
    assert found.tokens == ()
    assert found.bits_per_byte is None
    assert "0 tokens" in trace_html(found)


def test_special_tokens_alone_have_no_bits_per_byte(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "<|endoftext|>", special=True)
    assert (found.bits_per_byte, found.bytes_per_token) == (None, None)
    assert found.to_dict()["bits_per_byte"] is None
    words = f"1 token (1 special), 0 bytes, {found.bits:.1f} bits"
    assert totals(found) == words
    assert f'<div class="cygnet-totals">{words}. ' in trace_html(found)
    without = compare_tokens({"it": BYTES}, "<|endoftext|>", special=True)
    assert totals(without.traces["it"]) == "1 token (1 special), 0 bytes"
    assert without.to_dict()["tokenizers"]["it"]["bytes_per_token"] is None


NASTY = "<script>alert(1)</script> & \"q\" 'x' \x00\x1b[31m\t\r\n[red]é🍓 שלום"


def test_html_shows_markup_and_does_not_run_it(model: GPT2LMHeadModel) -> None:
    words = Tokenizer.train(["<script> " * 9], 270, pattern=r"<\w+>|.")
    config = gpt2(words.vocab_size, n_layer=1, n_head=1, n_embd=8, block_size=80)
    found = trace(GPT2LMHeadModel(config), words, NASTY)
    markup = trace_html(found)
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup
    tree = ET.fromstring(f"<div>{markup.replace('<br>', '<br/>')}</div>")
    spans = tree.findall(".//span[@tabindex]")
    assert [span.text for span in spans] == [token.text for token in found.tokens]
    assert "<style>" in found._repr_html_()


def test_terminal_view_is_plain_text_without_control_characters(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, NASTY)
    console = Console(record=True, width=40, file=io.StringIO())
    print_trace(found, console)
    text = console.export_text()
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    assert "[│r│e│d│]" in text.replace("\n", "")
    assert max(map(len, text.splitlines())) <= 40


def lines_of(trace: Trace, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    print_trace(trace, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [10, 40, 80])
def test_tokens_longer_than_the_terminal_leave_room_for_figures(width: int) -> None:
    figures = TokenFigures(1, -1.0, 2, 1.0, ((2, 0.5),))
    long = [TraceToken(1, text.encode(), figures=figures) for text in ("天鹅" * 30, "=" * 90)]
    found = lines_of(Trace(tuple(long)), width)
    assert max(map(cell_len, found)) <= width
    assert [cell_len(line) for line in found[:4]] == [width] * 4
    assert found[0].rstrip(" …") in "天鹅" * 30
    if width >= 40:
        assert sum("36.8%" in line for line in found) == 2
        assert sum("1.4 bits  at" in line and "…" in line for line in found) == 2


def test_a_token_that_rich_would_read_is_shown_as_it_is() -> None:
    figures = TokenFigures(1, -1.0, 2, 1.0, ())
    [line, *_] = lines_of(Trace((TraceToken(1, b":smile:[/x]", figures=figures),)), 40)
    assert line == ":smile:[/x]"


def test_bars_say_without_colours_what_colours_say() -> None:
    bits = (0.5, 1.5, 3.0, 5.0, 9.0)
    tokens = [
        TraceToken(i, b"ab", figures=TokenFigures(i, -one * math.log(2), 1, 1.0, ()))
        for i, one in enumerate(bits)
    ]
    trace_of_all = Trace(tuple(tokens))
    assert lines_of(trace_of_all, 80)[:2] == ["ab│ab│ab│ab│ab", "   ▂▂ ▄▄ ▆▆ ██"]
    coloured = Console(record=True, width=80, file=io.StringIO(), color_system="truecolor")
    coloured.no_color = False
    print_trace(trace_of_all, coloured)
    assert "█" not in coloured.export_text()


def test_brackets_in_a_prompt_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_token = watch("[/x] [red]hi")
    print_token(TraceToken(104, b"h", figures=TokenFigures(104, -1.0, 1, 1.0, ())))
    assert "'[/x] [red]hi' and on" in capsys.readouterr().out


def test_borders_and_lines(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "a\nb")
    assert inline(found).plain == "a│⏎\nb"
    line = token_line(found.tokens[0]).plain
    assert line.startswith(" │a│ ")
    assert found.tokens[0].figures
    assert f" {found.tokens[0].figures.rank} " in line


def test_svg_refers_to_nothing_outside(model: GPT2LMHeadModel, tmp_path: Path) -> None:
    console = svg_console(80)
    print_trace(trace(model, BYTES, "a <b> & c"), console)
    write_svg(console, tmp_path / "view.svg", "a trace")
    svg = (tmp_path / "view.svg").read_text()
    ET.fromstring(svg)
    assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", svg)


def test_trace_of_a_run_folder(finished_run: Path) -> None:
    found = trace(finished_run, text="Once upon a time")
    assert isinstance(found, Trace)
    assert json.dumps(found.to_dict())


def test_json_holds_what_a_terminal_would_obey_in_figures(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["xray", "trace", str(finished_run), "é\x9b31m\u202e\x1b", "--json"]) == 0
    out = capsys.readouterr().out
    assert not set(out) & set("\x9b\u202e\x1b")
    assert '"text": "é\\u009b31m\\u202e\\u001b"' in out
    assert json.loads(out)["text"] == "é\x9b31m\u202e\x1b"


def test_a_picture_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    for name in ("view.png", "no/view.svg"):
        for verb in (["trace", tmp_path, "text"], ["tokens", "text", tmp_path]):
            done = cygnet("xray", *verb, "--svg", tmp_path / name)
            assert done.returncode == 2
            assert "view." in done.stderr  # not that there is no model


def test_loss_curves() -> None:
    lines = (
        {"tokens": 100, "train_nats_per_token": 3.0, "train_bits_per_byte": 2.0},
        {"tokens": 200, "train_nats_per_token": 2.0, "train_bits_per_byte": 1.5},
    )
    curves = [*loss_curves_of([Run("", lines)])]
    svg = loss_curves(curves)
    ET.fromstring(svg)
    assert "bits per byte" in svg
    assert loss_curves(curves) == svg
