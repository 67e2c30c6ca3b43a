"""What tokens look at, against transformers' own weights and against sums by hand."""

import base64
import io
import json
import math
import re
import threading
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from rich.console import Console
from transformers import AutoModelForCausalLM, GPT2LMHeadModel, MambaConfig, PreTrainedModel

from commands import cygnet, refused
from cygnet.errors import InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.blocked_attention import BLOCKED
from cygnet.transformer.presets import gpt2
from cygnet.xray.attention.heads import summarise
from cygnet.xray.attention.page import attention_html, attention_svg, heads_png, heads_svg
from cygnet.xray.attention.plots import _draw_grid, draw_attention
from cygnet.xray.attention.reading import attention, attention_of_ids
from cygnet.xray.attention.result import Attention
from cygnet.xray.attention.view import map_lines, print_attention, print_token
from cygnet.xray.token_table import TokenTable
from cygnet.xray.trace import TraceToken
from cygnet.xray.tracing import trace
from small_models import BYTES, CONFIGS, CONTEXT, SLIDING, new_model

TEXT = "a pit of it"
IDS = [256, *TEXT.encode()]
NASTY = '<script>"q" $x$ & \x00\x1b[31m\t\n[red] 鹅🍓é שלום'


def made(rows: Any, texts: str = "") -> Attention:
    """The attention of one layer with one head."""
    weights = np.array(rows, np.float32)[None, None]
    tokens = [TraceToken(ord(t), t.encode()) for t in texts or "abcdefgh"[: weights.shape[-1]]]
    return Attention(tuple(tokens), weights)


def printed(show: Any, *arguments: Any, width: int = 100, **options: Any) -> str:
    console = Console(record=True, width=width, file=io.StringIO(), **options)
    show(*arguments, console=console)
    return console.export_text()


# The weights


@pytest.mark.parametrize("kind", ["sdpa", "eager", BLOCKED])
@pytest.mark.parametrize("name", [*CONFIGS, "sliding"])
def test_weights_are_those_that_transformers_gives(name: str, kind: str) -> None:
    config = (CONFIGS | {"sliding": SLIDING})[name]
    found = attention(new_model(config, kind), BYTES, TEXT)
    oracle = new_model(config, "eager")
    with torch.inference_mode():
        layers = oracle(input_ids=torch.tensor([IDS]), output_attentions=True).attentions
    assert found.weights.dtype == np.float32
    assert [token.id for token in found.tokens] == IDS
    assert np.array_equal(found.weights, torch.cat(layers).numpy())
    assert found.weights.sum(axis=-1) == pytest.approx(1, abs=1e-5)
    assert not np.triu(found.weights, 1).any()


def test_weights_are_the_softmax_of_queries_and_keys() -> None:
    """By the words of the paper, in float64, one number at a time, from the parameters of GPT-2."""
    model = new_model(CONFIGS["gpt2"])
    at = {name: part.detach().double().numpy() for name, part in model.named_parameters()}
    x = at["transformer.wte.weight"][IDS] + at["transformer.wpe.weight"][: len(IDS)]
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    normed = (x - x.mean(axis=1, keepdims=True)) / deviation
    normed = normed * at["transformer.h.0.ln_1.weight"] + at["transformer.h.0.ln_1.bias"]
    both = (
        normed @ at["transformer.h.0.attn.c_attn.weight"] + at["transformer.h.0.attn.c_attn.bias"]
    )
    found = attention(model, BYTES, TEXT).weights[0]
    for head in range(4):
        query, key = (both[:, start + 8 * head : start + 8 * head + 8] for start in (0, 32))
        for i in range(len(IDS)):
            scores = [math.exp(query[i] @ key[j] / math.sqrt(8)) for j in range(i + 1)]
            expected = np.array(scores) / math.fsum(scores)
            assert found[head, i, : i + 1] == pytest.approx(expected, abs=1e-5)


def test_a_sliding_window_leaves_zeros() -> None:
    weights = attention(new_model(SLIDING), BYTES, "a" * 20).weights
    assert weights[..., 15, 10:16].all()
    assert not weights[..., 15, :10].any()


@pytest.mark.parametrize("kind", ["sdpa", BLOCKED])
def test_a_model_is_left_as_it_was(kind: str) -> None:
    model = new_model(CONFIGS["llama"], kind).train()
    seen: list[int] = []
    model.model.layers[0].register_forward_hook(lambda *_: seen.append(1))
    before, state = model(input_ids=torch.tensor([IDS])).logits, _state(model)
    attention(model, BYTES, TEXT)
    assert _state(model) == state
    assert len(seen) == 2  # hooks are called, as the model is
    assert torch.equal(model(input_ids=torch.tensor([IDS])).logits, before)


def test_a_model_that_raises_is_left_as_it_was() -> None:
    model = new_model(CONFIGS["gpt2"])

    def fail(*_: Any) -> None:
        raise RuntimeError("on purpose")

    handle = model.transformer.h[1].register_forward_hook(fail)
    state = _state(model)
    with pytest.raises(RuntimeError, match="on purpose"):
        attention(model, BYTES, TEXT)
    assert _state(model) == state
    handle.remove()
    assert attention(model, BYTES, TEXT).n_layer == 2


def _state(model: PreTrainedModel) -> Any:
    hooks = [len(module._forward_hooks) for module in model.modules()]
    return model.training, model.config._attn_implementation, hooks, model.config.to_dict()


def test_a_model_may_be_asked_while_it_is_read() -> None:
    model = new_model(CONFIGS["qwen2"])
    ids = torch.tensor([IDS])
    with torch.inference_mode():
        expected = model(input_ids=ids).logits
    stop, differ = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            with torch.inference_mode():
                logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
            differ.append(not torch.equal(logits, expected))

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(20):
        attention(model, BYTES, TEXT)
    stop.set()
    thread.join()
    assert differ
    assert not any(differ)


def test_dropout_is_not_applied() -> None:
    torch.manual_seed(0)
    config = gpt2(257, n_layer=1, n_head=2, n_embd=8, block_size=32, boundary_id=256)
    config.attn_pdrop = config.embd_pdrop = config.resid_pdrop = 0.5
    model = GPT2LMHeadModel(config).train()
    first, second = (attention(model, BYTES, TEXT).weights for _ in range(2))
    assert np.array_equal(first, second)


# What is read


def test_of_a_text_that_is_too_long_the_end_is_read() -> None:
    model = new_model(CONFIGS["gpt2"])
    whole = attention(model, BYTES, "b" * (CONTEXT - 1))
    assert (whole.n_dropped, whole.note, len(whole.tokens)) == (0, None, CONTEXT)
    assert whole.tokens[0].kind == "special"
    text = "".join(chr(97 + i % 26) for i in range(CONTEXT + 5))
    cut = attention(model, BYTES, text)
    assert b"".join(token.bytes for token in cut.tokens).decode() == text[-CONTEXT:]
    assert cut.note == "the text is too long: the last 48 of its 53 tokens were read"
    assert cut.note in printed(print_attention, cut)
    last = attention(model, BYTES, text, max_tokens=7)
    assert last.weights.shape[-1] == 7
    assert last.n_dropped == 46
    assert last.positions == list(range(46, 53))
    assert last.looks_at(52) == last.looks_at(-1)
    with pytest.raises(InputError, match="there is no token 45: 7 were read, 46 to 52"):
        last.looks_at(45)
    again = attention_of_ids(model, Tokenizer([], special_tokens=[]), list(text[-7:].encode()))
    assert np.array_equal(last.weights, again.weights)


def test_memory_limits_how_much_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cygnet.xray.attention.reading.MOST_BYTES", 4 * 8 * 20 * 20)
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, "a" * 40)
    assert len(found.tokens) == 20
    assert found.weights.nbytes == 4 * 8 * 20 * 20
    assert len(attention(new_model(CONFIGS["gpt2"]), BYTES, "a" * 40, max_tokens=30).tokens) == 30


def test_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = new_model(CONFIGS["gpt2"])
    with pytest.raises(InputError, match="needs its tokenizer"):
        attention(model, text=TEXT)
    with pytest.raises(InputError, match="the text is empty"):
        attention(model, Tokenizer([], special_tokens=[]), "")
    with pytest.raises(InputError, match="max_tokens must be at least 1, found 0"):
        attention(model, BYTES, TEXT, max_tokens=0)
    with pytest.raises(InputError, match="this is not its tokenizer"):
        attention(model, Tokenizer.train(["to be to be"], 300), TEXT)
    with pytest.raises(InputError, match="there is no layer 2: the model has 2, 0 to 1"):
        attention(model, BYTES, TEXT).map(2)
    with pytest.raises(InputError, match="there is no head -1"):
        attention(model, BYTES, TEXT).map(0, -1)
    with pytest.raises(InputError, match=r"there is no token 11: 12 were read, \^ and 0 to 10"):
        attention(model, BYTES, TEXT).looks_at(11)


@pytest.mark.filterwarnings("ignore")
def test_a_model_without_attention_is_refused() -> None:
    config = MambaConfig(vocab_size=257, hidden_size=8, num_hidden_layers=1, state_size=2)
    model = AutoModelForCausalLM.from_config(config)
    with pytest.raises(InputError, match="MambaForCausalLM gives no attention weights"):
        attention(model, BYTES, "a")


def test_a_model_that_looks_ahead_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = [torch.full((1, 2, 3, 3), 1 / 3)]
    monkeypatch.setattr("cygnet.xray.attention.reading._ask", lambda *_: ahead)
    with pytest.raises(InputError, match="looks at those behind it: it is no causal model"):
        attention(new_model(CONFIGS["gpt2"]), BYTES, "ab")


# Summaries


@given(st.integers(3, 9), st.integers(0, 2**32 - 1))
def test_summaries_are_those_of_slow_sums(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.tril(rng.random((n, n)) ** 4 * (rng.random((n, n)) < 0.7) + np.eye(n) * 1e-3)
    rows = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    found = summarise(rows[None, None])[0]
    counted = range(2, n)
    expected = {
        "previous": [rows[i][i - 1] for i in counted],
        "first": [rows[i][0] for i in counted],
        "itself": [rows[i][i] for i in counted],
        "distance": [math.fsum(rows[i][j] * (i - j) for j in range(i + 1)) for i in counted],
        "entropy": [
            -math.fsum(w * math.log2(w) for w in map(float, rows[i]) if w) for i in counted
        ],
    }
    for name, values in expected.items():
        assert getattr(found, name) == pytest.approx(np.mean(values), abs=1e-6), name
    greatest = np.mean([math.log2(i + 1) for i in counted])
    assert found.evenness == pytest.approx(np.mean(expected["entropy"]) / greatest, abs=1e-6)


def test_heads_are_called_what_they_plainly_are() -> None:
    n = 6
    eye, even = np.eye(n, dtype=np.float32), np.tril(np.ones((n, n), np.float32))
    previous, first = np.eye(n, k=-1, dtype=np.float32), np.zeros((n, n), np.float32)
    previous[0, 0], first[:, 0] = 1, 1
    even /= even.sum(axis=1, keepdims=True)
    kinds = np.stack([previous, first, eye, even, 0.5 * previous + 0.5 * eye])
    assert [one.word for one in summarise(kinds[None])] == [
        "previous",
        "first",
        "itself",
        "even",
        "",
    ]
    assert [(one.layer, one.head) for one in summarise(kinds[:, None])][-1] == (4, 0)


def test_of_two_tokens_there_is_no_summary() -> None:
    found = made([[1, 0], [0.5, 0.5]])
    assert found.summaries()[0].to_dict()["entropy"] is None
    assert "three tokens or more" in printed(print_attention, found)
    assert "NaN" not in json.dumps(found.to_dict())


# What one token looks at

ROWS = [[1, 0, 0, 0], [0.25, 0.75, 0, 0], [0, 0.5, 0.5, 0], [0.125, 0.5, 0.125, 0.25]]


def test_what_a_token_looks_at_and_who_looks_at_it() -> None:
    found = made(ROWS)
    assert found.looks_at(3, n=3) == [(1, 0.5), (3, 0.25), (0, 0.125)]
    assert found.looks_at(-2) == [(1, 0.5), (2, 0.5)]
    assert found.seen_by(1) == [(1, 0.75), (2, 0.5), (3, 0.5)]
    assert found.seen_by(0, 0, 0, n=9) == [(0, 1.0), (1, 0.25), (3, 0.125)]


def test_positions_are_those_of_a_trace() -> None:
    model = new_model(CONFIGS["gpt2"])
    found, traced = attention(model, BYTES, TEXT), trace(model, BYTES, TEXT)
    assert found.positions == ["^", *range(len(traced.tokens))]
    assert [found.tokens[found.row(i)].id for i in range(11)] == [one.id for one in traced.tokens]
    row = found.map()[found.row(4)]
    assert dict(found.looks_at(4, n=9)) == {
        at: pytest.approx(row[found.row(at)]) for at in ["^", 0, 1, 2, 3, 4]
    }
    assert found.looks_at("^") == [("^", 1.0)]
    assert found.seen_by("^", n=99)[0] == ("^", 1.0)
    assert found.looks_at(-1) == found.looks_at(10)
    with pytest.raises(InputError, match=r"there is no token \^: 4 were read, 0 to 3"):
        made(ROWS).looks_at("^")
    with pytest.raises(InputError, match=r"there is no token 0: 1 were read, \^$"):
        attention(model, BYTES, "").looks_at(0)
    values = found.to_dict(token=4)
    assert (values["token"], values["n_before"]) == (4, 1)
    assert values["looks_at"][0]["position"] == found.looks_at(4)[0][0]


def test_what_is_not_chosen_is_a_mean() -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, TEXT)
    assert found.map() == pytest.approx(found.weights.mean(axis=(0, 1)))
    assert found.map(1) == pytest.approx(found.weights[1].mean(axis=0))
    assert found.map(head=2) == pytest.approx(found.weights[:, 2].mean(axis=0))
    assert np.array_equal(found.map(1, 3), found.weights[1, 3])
    assert found.looks_at(5, 1, n=1)[0][1] == pytest.approx(found.weights[1, :, 6].mean(0).max())


def test_to_dict_has_one_map_in_four_digits() -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, TEXT)
    values = json.loads(json.dumps(found.to_dict(1, 2, -1)))
    assert values["texts"] == found.texts
    assert values["kinds"] == ["special"] + ["text"] * 11
    assert [len(row) for row in values["weights"]] == list(range(1, 13))
    for row, expected in zip(values["weights"], found.weights[1, 2], strict=True):
        assert row == [round(float(weight), 4) for weight in expected[: len(row)]]
    assert len(values["heads"]) == 8
    assert values["token"] == 10
    assert values["looks_at"][0]["position"] == found.looks_at(10, 1, 2)[0][0]
    assert "looks_at" not in found.to_dict()


# The views


def test_map_on_the_terminal() -> None:
    lines = printed(print_attention, made(ROWS)).splitlines()
    start = lines.index("the mean over all layers, all heads") + 1
    assert [line.rstrip() for line in lines[start : start + 5]] == [
        "0 a          ██",
        "1 b          ▓▓██",
        "2 c            ████",
        "3 d          ▒▒██▒▒▓▓",
        "             0 1 2 3",
    ]


def test_the_boundary_stands_apart_on_the_terminal() -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, "ab")
    lines = [line.rstrip() for line in printed(print_attention, found).splitlines()]
    rows = [line[:12].rstrip() for line in lines if line[1:2] == " "]
    assert rows[:3] == ["^ <|endofte…", "0 a", "1 b"]
    assert "             ^ 0 1" in lines
    assert lines[-1] == "^ stands before the text: <|endoftext|>"
    assert printed(print_token, found, 1).startswith("token 1, b: ")
    assert "^ <|endoftext|> " in printed(print_token, found, 1)
    assert printed(print_token, found, "^").startswith("token ^, <|endoftext|>: ")


def test_summary_lines_on_the_terminal() -> None:
    lines = printed(print_attention, made(ROWS)).splitlines()
    assert lines[0].rstrip() == "head prev first self  back bits"
    assert lines[1].rstrip() == "L0H0  31%    6%  38%   1.0  1.4"


def test_columns_of_the_summaries_are_aligned() -> None:
    tokens = tuple(TraceToken(97, b"a") for _ in range(4))
    weights = np.tile(np.array(ROWS, np.float32), (12, 12, 1, 1))
    first, *others = printed(print_attention, Attention(tokens, weights)).splitlines()[:145]
    assert first.index("prev") == len("L11H11 ")
    assert {line.index("%") for line in others} == {first.index("prev") + 3}


def test_a_token_on_the_terminal() -> None:
    lines = printed(print_token, made(ROWS), 3).splitlines()
    assert lines[0].rstrip() == "token 3, d: the mean over all layers, all heads"
    assert lines[1].rstrip() == "▒a█b▒c▓d"
    assert lines[2].rstrip() == "looks at   1 b 50%  3 d 25%  0 a 12%  2 c 12%"
    assert lines[3].rstrip() == "is seen by 3 d 25%"
    assert lines[5].rstrip() == "L0H0  ▒a 12% █b 50% ▒c 12% ▓d 25%"


@pytest.mark.parametrize("options", [{}, {"no_color": True}, {"force_terminal": True}])
def test_40_columns_without_control_characters(options: Any) -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, NASTY[8:30])
    for text in (
        printed(print_attention, found, width=40, **options),
        printed(print_token, found, -1, width=40, **options),
    ):
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
        assert max(map(len, text.splitlines())) <= 40
        assert "$" in text


def test_a_map_that_does_not_fit_is_left_out_in_words() -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, "a" * 40)
    assert "a map of 41 tokens does not fit here" in printed(print_attention, found, width=50)
    assert "does not fit" not in printed(print_attention, found, width=60)


@pytest.mark.parametrize("width", [27, 34, 40, 60])
def test_a_map_that_fits_takes_one_line_for_a_token(width: int) -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, "é\n鹅🍓 b")  # 13 tokens
    lines = map_lines(found, None, None, width)
    assert len(lines) == 13 + 2
    assert max(line.cell_len for line in lines[:-1]) <= width


def test_svg_is_small_and_refers_to_nothing_outside() -> None:
    found = made(ROWS, '<&"é')
    svg = attention_svg(found, 0, 0)
    root = ET.fromstring(svg)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == 2 * ["0 <", "1 &", '2 "', "3 é"]
    assert re.findall(r'href="(.{15})', svg) == ["data:image/png;"]
    assert len(svg) < 2500
    long = made(np.tril(np.ones((400, 400))) / np.arange(1, 401)[:, None], "a" * 400)
    assert len(attention_svg(long)) < 60_000


def test_picture_of_all_heads_has_a_pixel_for_each_weight() -> None:
    weights = np.random.default_rng(0).random((2, 3, 5, 5), np.float32)
    tokens = tuple(TraceToken(97, b"a") for _ in range(5))
    picture = Image.open(io.BytesIO(heads_png(Attention(tokens, weights)))).convert("RGBA")
    opacity = np.array(picture)[..., 3] / 255
    assert opacity.shape == (5 + 2 + 5, 5 + 2 + 5 + 2 + 5)
    for layer in range(2):
        for head in range(3):
            part = opacity[7 * layer : 7 * layer + 5, 7 * head : 7 * head + 5]
            assert part**2 == pytest.approx(weights[layer, head], abs=0.01)


def test_picture_of_a_long_text_is_made_smaller() -> None:
    weights = np.zeros((1, 8, 400, 400), np.float32)
    weights[0, :, 399, 7] = 1  # a single weight stays in sight
    tokens = tuple(TraceToken(97, b"a") for _ in range(400))
    picture = Image.open(io.BytesIO(heads_png(Attention(tokens, weights)))).convert("RGBA")
    assert picture.width < 1300
    assert (np.array(picture)[..., 3] == 255).sum() == 8


@pytest.mark.parametrize(("n_tokens", "n_named"), [(3, 3), (20, 20), (21, 11), (400, 20)])
def test_maps_of_all_heads_name_tokens_beside_their_pixels(n_tokens: int, n_named: int) -> None:
    tokens = tuple(TraceToken(97, b"<") for _ in range(n_tokens))
    weights = np.ones((2, 3, n_tokens, n_tokens), np.float32)
    root = ET.fromstring(heads_svg(Attention(tokens, weights)))
    texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
    rows = [one for one in texts if "y" in one.attrib]
    assert len(rows) == 2 * n_named
    assert len(texts) - len(rows) == 3 * n_named
    [picture] = root.iter("{http://www.w3.org/2000/svg}image")
    data = base64.b64decode(picture.get("href", "").split(",")[1])
    pixels = np.array(Image.open(io.BytesIO(data)).convert("RGBA"))[:, 0, :3]
    unit = float(picture.get("height", "")) / len(pixels)
    for one in rows:  # none lies beside the line between two maps, which is grey
        at = (float(one.get("y", "")) - 3.5) / unit
        assert pixels[int(at)].tolist() == [230, 97, 1]
    assert [one.text for one in rows[:2]] == ["0 <", f"{-(-n_tokens // 20)} <"]


def test_a_plot_of_all_heads_names_tokens_along_its_edges() -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, "b" * 40)
    figure = Figure(figsize=(9.6, 5), layout="constrained")
    _draw_grid(figure, found, range(2), range(4))
    panels = np.array(figure.axes[:8]).reshape(2, 4)
    labels = [[tick.get_text() for tick in panel.get_yticklabels()] for panel in panels[:, 0]]
    assert labels[0] == labels[1]
    assert 10 < len(labels[0]) <= 30
    assert labels[0][:2] == ["^ <|endoftext|>", "1 b"]
    assert [tick.get_text() for tick in panels[1, 3].get_xticklabels()] == labels[0]
    assert not panels[0, 1].get_yticks().size
    assert not panels[0, 1].get_xticks().size


def test_html_is_escaped() -> None:
    found = attention(new_model(CONFIGS["gpt2"]), BYTES, NASTY[:20])
    page = found._repr_html_()
    assert attention_html(found) in page
    assert page.count("<td") == 8 * 7
    assert set(re.findall(r"http\S+", page)) == {'http://www.w3.org/2000/svg"'}
    assert "<script" not in attention_svg(found) + page
    assert len(page) < 20_000


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plots_take_any_token(tmp_path: Path, suffix: str) -> None:
    words = [b"$x_1$", "鹅".encode(), "🍓".encode(), " שלום".encode(), b"\xe2\x80", b"\x00", b""]
    tokens = tuple(TraceToken(i, word) for i, word in enumerate(words))
    weights = np.repeat(np.tril(np.ones((7, 7), np.float32))[None, None] / 7, 2, axis=1)
    found = Attention(tokens, weights)
    for number, choice in enumerate([(), (0,), (0, 1), (None, 1)]):
        path = tmp_path / f"{number}.{suffix}"
        draw_attention(found, path, *choice)
        assert path.stat().st_size > 5000
    if suffix == "svg":
        svg = (tmp_path / "2.svg").read_text()
        assert all(text in svg for text in ("$x_1$", "U+9E45", "U+1F353", "·שלום", "‹e2 80›"))


def test_a_plot_of_a_head_that_is_not_there_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no head 4"):
        draw_attention(made(ROWS), tmp_path / "a.png", 0, 4)
    assert not list(tmp_path.iterdir())


# The command


def test_command(finished_run: Path, tmp_path: Path) -> None:
    ask = ("xray", "attention", finished_run, "Once upon a time")
    shown = cygnet(*ask, "--plot", tmp_path / "grid.svg")
    assert shown.returncode == 0, shown.stderr
    assert [line[:4] for line in shown.stdout.splitlines()[1:5]] == ["L0H0", "L0H1", "L1H0", "L1H1"]
    assert (tmp_path / "grid.svg").exists()
    assert "is seen by" in cygnet(*ask, "--token", "-1", "--layer", "1").stdout
    values = json.loads(cygnet(*ask, "--layer", "1", "--head", "0", "--json").stdout)
    found = attention(finished_run, text="Once upon a time")
    assert values == json.loads(json.dumps(found.to_dict(1, 0)))


def test_text_comes_from_standard_input(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = cygnet("xray", "attention", finished_run, "a b c\n", "--json").stdout
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a b c\n")))
    assert cygnet("xray", "attention", finished_run, "-", "--json").stdout == given


def test_command_refuses(finished_run: Path) -> None:
    ask = ("xray", "attention", finished_run, "a b c")
    for options, message in {
        ("--layer", "9"): "there is no layer 9: the model has 2, 0 to 1",
        ("--token", "99"): "there is no token 99",
        ("--plot", "a.gif"): "must end in .png or .svg",
    }.items():
        result = cygnet(*ask, *options)
        assert message in refused(result)
        assert not result.stdout


def test_tokens_of_a_trace_are_those_of_the_table(finished_run: Path) -> None:
    tokenizer = Tokenizer.load(finished_run)
    ids = [tokenizer.boundary_id, *tokenizer.encode("Once upon")]
    found = attention(finished_run, text="Once upon")
    assert found.tokens == TokenTable(tokenizer).trace([i for i in ids if i is not None]).tokens
