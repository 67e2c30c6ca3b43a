"""Traces and their views."""

import copy
import html
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from rich.cells import cell_len
from rich.color import Color, ColorSystem, ColorType
from rich.console import Console
from rich.style import Style
from transformers import GPT2LMHeadModel
from wcwidth import wcswidth

from commands import cygnet
from cygnet import trace
from cygnet.cli import main
from cygnet.errors import InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.figures import TokenFigures
from cygnet.transformer.presets import gpt2
from cygnet.transformer.sampling import Sampling
from cygnet.xray.live import watch
from cygnet.xray.page import STYLE, token_html, trace_html
from cygnet.xray.pieces import part_of
from cygnet.xray.plots import loss_curves
from cygnet.xray.runs.curves import loss_curves_of
from cygnet.xray.runs.reading import Run
from cygnet.xray.shades import SHADES, legend, shade_of, style_of
from cygnet.xray.terminal import inline, print_trace, svg_console, totals, write_svg
from cygnet.xray.token_lines import token_lines
from cygnet.xray.token_table import TokenTable
from cygnet.xray.tokens.comparison import compare_tokens
from cygnet.xray.tokens.page import COMPARISON_STYLE
from cygnet.xray.trace import Alternative, Trace, TraceToken
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


def test_a_text_in_the_place_of_the_tokenizer(finished_run: Path) -> None:
    for text in ("Once upon a time", "x" * 5000, "a\0b", ""):
        with pytest.raises(InputError, match="no tokenizer's folder: name a text") as found:
            trace(finished_run, text)
        assert "\n" not in str(found.value)
    assert trace(finished_run, str(finished_run), "a") == trace(finished_run, text="a")
    with pytest.raises(InputError, match="no model"):
        trace(finished_run, finished_run.parent, "a")


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


GROUNDS = {"#ffffff": "#000000", "#fbfaf7": "#1d2733", "#1e1e1e": "#cccccc", "#282c34": "#abb2bf"}
"""Grounds and texts: JupyterLab, a report, VS Code dark, One Dark."""


def rgb(colour: str) -> tuple[float, ...]:
    if colour.startswith("#"):
        return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(map(float, re.findall(r"[\d.]+", colour)))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Of WCAG 2.2."""

    def luminance(colour: tuple[float, ...]) -> float:
        parts = (c / 255 for c in colour)
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    lighter, darker = sorted(map(luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("ground", "ink"), GROUNDS.items())
def test_tokens_are_readable_on_any_ground(ground: str, ink: str) -> None:
    assert contrast(rgb("#777777"), rgb("#ffffff")) == pytest.approx(4.48, abs=0.01)
    shades = re.findall(r"cygnet-above-\d+ { background: (.*?); color: #000; }", STYLE)
    assert len(shades) == len(SHADES) - 1 == 6
    for shade in shades:
        assert contrast(rgb(shade), rgb("#000000")) >= 4.5
    assert "opacity" not in STYLE
    *orange, share = rgb(re.findall(r"rgba\(213,94,0,.*?\)", COMPARISON_STYLE)[0])
    mixed = [share * a + (1 - share) * b for a, b in zip(orange, rgb(ground), strict=True)]
    assert contrast(tuple(mixed), rgb(ink)) >= 4.5
    assert contrast(rgb("#d55e00"), rgb(ground)) >= 3  # bars, and lines around differences


def test_surprise_is_a_shade_and_a_bar() -> None:
    def shown(bits: float) -> tuple[str, str]:
        figures = TokenFigures(97, -bits * math.log(2), 1, 1.0, ())
        markup = token_html(TraceToken(97, b"a", figures=figures))
        return (re.findall(r"above-(\d+)", markup) or [""])[0], (
            re.findall(r"height:([\d.]+)px", markup) or ["0"]
        )[0]

    assert [shown(bits) for bits in (0, 0.9, 1.5, 8, 99)] == [
        ("", "0"),
        ("", "0.4"),
        ("1", "0.6"),
        ("7", "3.4"),
        ("14", "6.0"),
    ]


def test_a_notebook_lists_the_most_surprising_places(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "a<b>\n" * 4)
    rows = re.findall("<tr><td class=figure>(.*?)</tr>", found._repr_html_())
    assert len(rows) == 5
    place = found.most_surprising(1)[0]
    token = found.tokens[place]
    assert f"{token.surprise:.1f}" in rows[0]
    assert f"<td class=figure>{place}</td>" in rows[0]
    assert f"│{html.escape(token.text)}│" in rows[0]
    assert "surprising" not in TokenTable(BYTES).trace([97])._repr_html_()


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


def token_of(bits: float, text: bytes = b"ab", **fields: object) -> TraceToken:
    figures = TokenFigures(1, -bits * math.log(2), 1, 1.0, ())
    return TraceToken(1, text, figures=figures, **fields)  # type: ignore[arg-type]


OF_EACH_SHADE = Trace(tuple(map(token_of, (0.5, 1.5, 3, 5, 9, 13, 20))))


@pytest.mark.parametrize("colours", [None, "standard", "256", "truecolor"])
def test_bars_say_with_and_without_colours_what_colours_say(colours: str | None) -> None:
    console = Console(record=True, width=80, file=io.StringIO(), color_system=colours)  # type: ignore[arg-type]
    print_trace(OF_EACH_SHADE, console)
    line, bars, legend_line, *_ = console.export_text().splitlines()
    assert line == "ab│ab│ab│ab│ab│ab│ab"
    assert bars == "   ▁▁ ▂▂ ▃▃ ▄▄ ▆▆ ██"
    assert legend_line == legend().plain.rstrip() or legend_line == legend().plain
    assert [shade_of(token) for token in OF_EACH_SHADE.tokens] == [*SHADES]


def luminance(color: Color) -> float:
    """Of WCAG 2.2."""
    shares = (value / 255 for value in color.get_truecolor())
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
def test_text_on_every_shade_has_the_contrast_that_wcag_asks_for(system: ColorSystem) -> None:
    for shade in SHADES[1:]:
        style = Style.parse(shade.style)
        assert style.color and style.bgcolor
        assert {style.color.type, style.bgcolor.type} == {ColorType.TRUECOLOR}
        one, other = sorted(
            luminance(color.downgrade(system)) for color in (style.color, style.bgcolor)
        )
        assert (other + 0.05) / (one + 0.05) >= 4.5


@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
def test_more_surprise_is_further_from_grey(system: ColorSystem) -> None:
    grounds = [Style.parse(shade.style).bgcolor for shade in SHADES[1:]]
    found = [ground.downgrade(system).get_truecolor() for ground in grounds if ground]
    spreads = [max(ground) - min(ground) for ground in found]
    assert spreads == sorted(spreads)
    assert len(set(found)) == len(SHADES) - 1


def test_the_legend_has_the_shades_as_they_are() -> None:
    line = legend()
    styles = [str(span.style) for span in line.spans if span.style]
    assert styles == ["dim", *(shade.style for shade in SHADES[1:])]
    assert not line.style, "dimmed, text on a shade is not readable"
    assert cell_len(line.plain) <= 40


def test_sixteen_colours_are_left_to_the_terminal() -> None:
    sink = io.StringIO()
    console = Console(width=80, file=sink, force_terminal=True, color_system="standard")
    print_trace(OF_EACH_SHADE, console)
    codes = {
        code
        for found in re.findall(r"\x1b\[([\d;]*)m", sink.getvalue())
        for code in found.split(";")
    }
    assert codes <= {"0", "1", "2", "7"}, "bold, dim and reverse"
    assert style_of(OF_EACH_SHADE.tokens[6], is_plain=True) == "bold reverse"


WRITTEN = Trace(
    (
        TraceToken(5, b"he"),
        TraceToken(6, b"llo"),
        token_of(3, b" you", origin="forced"),
        token_of(3, b" all", origin="drawn", drawn_probability=0.25),
    )
)


def test_prompt_and_forced_tokens_are_marked() -> None:
    found = lines_of(WRITTEN, 80)
    assert found[0] == "he│llo»►·you│·all"
    assert "» end of the prompt  ► put, not drawn" in found
    assert found.index("» written from here") < found.index("     put, not drawn")
    assert "     drawn from 25.0%" in found
    assert "»" not in "".join(lines_of(OF_EACH_SHADE, 80))


@pytest.mark.parametrize("width", [40, 71, 72, 80, 120])
def test_all_figures_and_alternatives_are_there_in_any_width(width: int) -> None:
    others = tuple(Alternative(i, word.encode(), 0.2 - i / 100) for i, word in enumerate(WORDS))
    figures = TokenFigures(774, -12.76, 1234, 3.21, ())
    token = TraceToken(774, b" camel", figures=figures, alternatives=others)
    lines = [line.plain for line in token_lines(token, 14, width)]
    assert max(map(cell_len, lines)) <= width
    assert lines[0].split()[:3] == ["14│·camel│", "774", "3e-06"]
    found = " ".join(" ".join(lines).split())
    for wanted in ("18.4", "-12.76", "1,234", "3.2"):
        assert wanted in found
    for other in others:
        assert f"{other.probability:.1%} {other.text}" in found, "whole, on one line"


WORDS = ("expectation", "seashell", "tortoise", "lake", "dragon", "home")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_what_was_expected_is_never_cut(width: int) -> None:
    other = (Alternative(9, b"expectation", 0.94),)
    tokens = [TraceToken(8, b" seashell")] * 8
    figures = TokenFigures(774, -12.76, 1234, 3.21, ())
    trace = Trace((*tokens, TraceToken(774, b" camel", figures=figures, alternatives=other)))
    assert any("expected expectation 94.0%" in line for line in lines_of(trace, width))


def test_characters_in_several_tokens_are_named() -> None:
    tokens = [TraceToken(byte, bytes([byte])) for byte in "aש🍓".encode()]
    assert [part_of(tokens, i).replace("\u200e", "") for i in range(7)] == [
        "", "byte 1 of 2 of ש", "byte 2 of 2 of ש",
        *(f"byte {i} of 4 of 🍓" for i in (1, 2, 3, 4)),
    ]  # fmt: skip
    content = "éé".encode()
    two = [TraceToken(1, content[:1]), TraceToken(2, content[1:3]), TraceToken(3, content[3:])]
    assert part_of(two, 1) == "byte 2 of 2 of é, byte 1 of 2 of é"
    emoji = "🍓".encode()
    halves = [TraceToken(1, emoji[:3]), TraceToken(2, emoji[3:])]
    assert part_of(halves, 0) == "bytes 1-3 of 4 of 🍓"
    assert part_of([TraceToken(1, b"\xff")], 0) == ""


def test_tokens_of_right_to_left_scripts_keep_their_places() -> None:
    text = inline(Trace(tuple(token_of(3, word.encode()) for word in ("של", "ום", "ab"))), 40)
    [(line, bars)] = text
    mark = "\u200e"
    assert line.plain == f"{mark}של{mark}│{mark}ום{mark}│ab"
    assert line.cell_len == cell_len(bars) == wcswidth(line.plain) == 8


def test_a_text_longer_than_the_context_says_so(model: GPT2LMHeadModel) -> None:
    for n_tokens, window in ((12, None), (13, 12)):
        found = trace(model, BYTES, "a" * n_tokens)
        assert found.window == window
        assert found.to_dict()["window"] == window
        assert Trace.from_dict(found.to_dict()) == found
        said = "read in windows of 12 tokens that overlap by 6" in " ".join(lines_of(found, 80))
        assert said == bool(window)
    written = Writing(model, BYTES, "a" * 12)
    assert written.trace.window is None
    written.force(97)
    assert written.trace.window == 12


def test_positions_count_the_text_alone(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "a pit")
    assert [token["position"] for token in found.to_dict()["tokens"]] == [0, 1, 2, 3, 4]
    table = lines_of(found, 80)
    for i, token in enumerate(found.tokens):
        assert any(
            re.match(rf" +{i}│{re.escape(token.text)}│ +{token.id} ", line) for line in table
        )


def test_an_empty_text_is_said_to_be_empty() -> None:
    assert lines_of(Trace(()), 40) == ["0 tokens: the text is empty"]


def test_brackets_in_a_prompt_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_token = watch("[/x] [red]hi")
    print_token(TraceToken(104, b"h", figures=TokenFigures(104, -1.0, 1, 1.0, ())))
    assert "'[/x] [red]hi' and on" in capsys.readouterr().out


def test_borders_and_lines(model: GPT2LMHeadModel) -> None:
    found = trace(model, BYTES, "a\nb")
    assert [line.plain for line, _ in inline(found, 80)] == ["a│⏎", "b"]
    line = next(token_lines(found.tokens[0], 0, 80)).plain
    assert line.startswith("   0│a│ ")
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
