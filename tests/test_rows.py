"""Where embedding rows lie, against sums by hand over all rows."""

import io
import itertools
import json
import math
import re
from argparse import Namespace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from rich.console import Console
from transformers import GPT2LMHeadModel, LlamaForCausalLM

from commands import cygnet, refused
from cygnet.errors import InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.model import load_model
from cygnet.transformer.presets import gpt2, llama
from cygnet.xray.dead import animation
from cygnet.xray.dead import plots as dead_plots
from cygnet.xray.dead.result import Group
from cygnet.xray.glyphs import plain_glyphs, shortened
from cygnet.xray.row_colours import ON_DARK, ROW_COLOURS
from cygnet.xray.rows import plots as rows_plots
from cygnet.xray.rows.embedding import Embedding, open_embedding, token_row
from cygnet.xray.rows.matrix import RowMatrix
from cygnet.xray.rows.plots import _draw, draw_rows
from cygnet.xray.rows.result import KINDS
from cygnet.xray.rows.view import print_overview, print_row
from small_models import BYTES

RNG = np.random.default_rng(0)


def spread_out(n_rows: int, **kinds: list[int]) -> dict[str, Any]:
    others = sorted(set(range(n_rows)) - {i for ids in kinds.values() for i in ids})
    return {name: np.array(ids) for name, ids in {"live": others, **kinds}.items()}


def made(rows: Any, tokenizer: Any = BYTES, **kinds: list[int]) -> Embedding:
    """Tied rows; the first ones are the bytes from NUL on."""
    rows, kinds = np.array(rows, np.float32), spread_out(len(rows), **kinds)
    return Embedding(tokenizer, {"W": RowMatrix(rows, kinds)}, kinds, None)


def printed(show: Any, *arguments: Any, width: int = 100) -> str:
    console = Console(record=True, width=width, file=io.StringIO(), highlight=False)
    show(*arguments, console=console)
    return console.export_text()


# Figures


@given(st.integers(0, 2**32 - 1), st.integers(0, 11))
def test_figures_are_those_of_slow_sums(seed: int, token: int) -> None:
    rows = np.random.default_rng(seed).normal(0.3, 1, (12, 3)).astype(np.float32)
    found = made(rows, dead=[3, 4, 7], special=[9]).token(token, 11).matrices["W"]
    slow = rows.tolist()
    norms = [math.hypot(*row) for row in slow]
    assert found.norm == pytest.approx(norms[token])
    members = spread_out(12, dead=[3, 4, 7], special=[9])
    for kind, ids in members.items():
        others = [i for i in ids.tolist() if i != token]
        if others:
            shorter = sum(norms[i] < norms[token] for i in others)
            assert found.longer_than[kind] == pytest.approx(shorter / len(others))
        else:
            assert kind not in found.longer_than
        center = [math.fsum(slow[i][k] for i in ids) / len(ids) for k in range(3)]
        assert found.to_centroid[kind] == pytest.approx(math.dist(slow[token], center))
    mean = [math.fsum(row[k] for row in slow) / 12 for k in range(3)]
    assert found.cosine_with_mean == pytest.approx(cosine(slow[token], mean))
    others = [i for i in range(12) if i != token]
    by_cosine = sorted(others, key=lambda i: -cosine(slow[token], slow[i]))
    by_distance = sorted(others, key=lambda i: math.dist(slow[token], slow[i]))
    assert [near.name.id for near in found.neighbours["cosine"]] == by_cosine
    assert [near.name.id for near in found.neighbours["distance"]] == by_distance
    for near in found.neighbours["distance"]:
        assert near.cosine == pytest.approx(cosine(slow[token], slow[near.name.id]))
        assert near.distance == pytest.approx(math.dist(slow[token], slow[near.name.id]))


def cosine(a: list[float], b: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


def test_rows_read_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = RNG.normal(size=(40, 5))
    whole = made(rows, dead=[5]).token(3).to_dict()
    monkeypatch.setattr("cygnet.xray.undertrained.indicators.BLOCK", 7)
    assert made(rows, dead=[5]).token(3).to_dict() == whole


def test_a_row_without_length_has_no_cosine_and_is_last() -> None:
    embedding = made([[1, 0], [0, 0], [-1, 0.1], [1, 0.1]])
    found = embedding.token(0).matrices["W"].neighbours
    assert [near.name.id for near in found["cosine"]] == [3, 2, 1]
    assert [near.name.id for near in found["distance"]] == [3, 1, 2]
    values = embedding.token(1).to_dict()["matrices"]["W"]
    assert values["cosine_with_mean"] is None
    assert values["neighbours"]["cosine"][0]["cosine"] is None
    assert "-" in printed(print_row, embedding.token(1)).splitlines()[4].split()


def test_equal_rows_are_at_no_distance() -> None:
    rows = RNG.normal(50, 1, (6, 4))
    rows[4] = rows[1]
    near = made(rows).token(1).matrices["W"].neighbours["distance"][0]
    assert (near.name.id, near.distance) == (4, 0)
    assert near.cosine == pytest.approx(1)


def test_rows_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="not finite: the training has diverged"):
        made([[1.0, np.nan]])


def test_overview() -> None:
    rows = [[1, 0], [3, 0], [0, 2], [0, 4], [0, 5]]
    found = made(rows, dead=[2, 3], special=[4]).overview(2)["W"]
    assert [(name.id, norm) for name, norm in found.longest] == [(4, 5), (3, 4)]
    assert [(name.id, norm) for name, norm in found.shortest] == [(0, 1), (2, 2)]
    dead = found.kinds["dead"]
    assert (dead.n_rows, dead.least, dead.median, dead.mean, dead.greatest) == (2, 2, 3, 3, 4)
    assert dead.centroid_from_live == pytest.approx(math.dist((2, 0), (0, 3)))
    assert found.kinds["live"].centroid_from_live == 0
    assert json.dumps(found.to_dict())


def test_the_plane_is_that_of_a_singular_value_decomposition() -> None:
    rows = RNG.normal(2, [5, 1, 3, 0.5], (60, 4)).astype(np.float32)
    embedding = made(rows, dead=[0, 1])
    found = embedding.picture("W")
    centred = rows - rows.mean(0)
    _, lengths, axes = np.linalg.svd(centred.astype(float), full_matrices=False)
    points = np.concatenate([found["points"]["dead"], found["points"]["live"]])
    for axis in range(2):
        expected = centred @ axes[axis]
        sign = np.sign(points[0, axis] * expected[0])
        assert sign * points[:, axis] == pytest.approx(expected, abs=1e-3)
    assert found["shares"] == pytest.approx((lengths**2 / (lengths**2).sum())[:2])
    assert found["ids"]["dead"] == [0, 1]


# Which row


WORDS = Tokenizer.train(["up upon to be 7 7 7 up upon"] * 9, 262)


def test_a_token_by_its_text_exactly() -> None:
    embedding = made(RNG.normal(size=(WORDS.vocab_size, 4)), WORDS)
    for i in range(WORDS.vocab_size):
        text = WORDS.token_bytes(i).decode(errors="ignore")
        if text.encode() == WORDS.token_bytes(i):
            assert embedding.find(text) == i
    assert embedding.token(" up").name.id == embedding.find(" up")
    with pytest.raises(InputError, match=r"no token is '·up', but ' up' is token \d+; as a text"):
        embedding.find("·up")
    with pytest.raises(InputError, match=r"no token is 'zip'; as a text it is z \(122\) i \(105\)"):
        embedding.find("zip")
    with pytest.raises(InputError, match="no token is '', but ' ' is token 32"):
        embedding.find("")
    with pytest.raises(InputError, match="no token is 'é', but"):
        made(RNG.normal(size=(257, 4)), Spelled()).find("é")


class Spelled:
    """A tokenizer with a token for a blank and é, and two that are called x."""

    vocab_size = 257

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def token_bytes(self, token: int) -> bytes:
        return " é".encode() if token == 256 else b"x" if token == 0 else bytes([token])


def test_a_text_of_several_tokens_is_refused() -> None:
    embedding = made(RNG.normal(size=(257, 4)), Spelled())
    with pytest.raises(InputError, match="several tokens are 'x': name one by its id, 0 or 120"):
        embedding.find("x")


def test_a_token_without_a_row_is_refused() -> None:
    embedding = made(RNG.normal(size=(9, 4)))
    for token in (9, -1):
        with pytest.raises(InputError, match=f"token {token} has no row: the embedding has 9, fr"):
            embedding.token(token)
    with pytest.raises(InputError, match="number of neighbours is -1"):
        embedding.token(0, -1)


# Models


def test_untied_matrices_and_rows_without_a_token(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = llama(264, n_layer=1, n_head=2, n_embd=8, block_size=16)
    config.tie_word_embeddings = False
    model = LlamaForCausalLM(config)
    model.save_pretrained(tmp_path)
    Tokenizer([]).save(tmp_path)
    found = open_embedding(tmp_path)
    assert list(found.matrices) == ["W_E", "W_U"]
    assert found.kinds["dead"].tolist() == list(range(257, 264))
    assert found.kinds["special"].tolist() == [256]
    assert 0xC0 in found.kinds["unseen"]  # no text has this byte
    assert 97 in found.kinds["live"]
    assert sum(map(len, found.kinds.values())) == 264
    row = token_row(tmp_path, "a", 3)
    expected = model.lm_head.weight[97].norm().item()
    assert row.matrices["W_U"].norm == pytest.approx(expected, rel=1e-5)
    assert row.matrices["W_E"].norm != row.matrices["W_U"].norm
    assert found.token(260).name.text == "‹260›"


def test_a_run_with_dead_rows(recorded_run: Path) -> None:
    tokenizer, counts = Tokenizer.load(recorded_run), TokenStore.open(recorded_run).counts("train")
    found = open_embedding(recorded_run)
    assert found.kinds["dead"].tolist() == list(tokenizer.dead_ids)
    assert found.kinds["special"].tolist() == list(tokenizer.special_tokens.values())
    learned = set(range(tokenizer.dead_ids.start)) - set(tokenizer.special_tokens.values())
    never = {i for i in learned if not counts[i]}
    assert set(found.kinds["unseen"].tolist()) >= never
    assert set(found.kinds["live"].tolist()) <= learned - never
    weights = load_model(recorded_run).get_input_embeddings().weight
    dead = found.token(tokenizer.dead_ids.start).matrices["W"]
    assert dead.norm == pytest.approx(weights[tokenizer.dead_ids.start].norm().item(), rel=1e-5)
    assert found.name(97).count == counts[97]
    assert dead.neighbours["cosine"][0].name.kind in ("dead", "unseen", "live")


# The views


def test_lines_of_a_token() -> None:
    rows = [[3, 4], [6, 8], [0, 1], [0, -1]]
    lines = printed(print_row, made(rows, dead=[3]).token(0, 2)).splitlines()
    assert [line.rstrip() for line in lines] == [
        r"token 0 \x00",
        "W: norm 5, longer than 50% of live, 100% of dead",
        "to the centroid of: live 0.333, dead 5.83; cosine with the mean 1.000",
        "cosine distance  nearest by cosine",
        r" 1.000        5  1 \x01",
        r" 0.800    4.243  2 \x02",
    ]


def test_40_columns_without_control_characters() -> None:
    embedding = made(RNG.normal(size=(257, 4)), dead=[3], special=[256])
    for text in (
        printed(print_overview, embedding, 9, width=40),
        printed(print_row, embedding.token(27), width=40),
    ):
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
        assert max(map(len, text.splitlines())) <= 40
    assert "which tokens occur is not known" in printed(print_overview, embedding, 2)


def test_notebook_tables_are_escaped_and_have_the_figures() -> None:
    words = Tokenizer.train(["<script> " * 9], 264, pattern=r"<\w+>|.")
    embedding = made(RNG.normal(size=(words.vocab_size, 4)), words, dead=[3], special=[256])
    row = embedding.token("<script>", 2)
    for markup in (row._repr_html_(), embedding._repr_html_()):
        assert "<script" not in markup
    figures = row.matrices["W"]
    assert f"<td>{figures.norm:.4g}</td>" in row._repr_html_()
    for by in ("cosine", "distance"):
        near = figures.neighbours[by][0]  # type: ignore[index]
        assert f"<td class=figure>{near.name.id}</td>" in row._repr_html_()
    longest = embedding.overview()["W"].longest[0]
    assert f"<td class=figure>{longest[1]:.4g}</td>" in embedding._repr_html_()
    assert embedding._repr_html_().count("<tr>") == 1 + 3 + 1 + 10


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot_takes_any_token(tmp_path: Path, suffix: str) -> None:
    words = Tokenizer.train(["$x_1$ 鹅鹅 🍓 שלום <b>&"] * 9, 290)
    embedding = made(RNG.normal(size=(words.vocab_size, 4)), words, dead=[3], special=[9])
    embedding.matrices["W"].rows[0] = 9
    chosen = [embedding.token(i, 9) for i in range(256, words.vocab_size, 9)]
    draw_rows(embedding, chosen, tmp_path / f"one.{suffix}", "distance")
    draw_rows(embedding, [], tmp_path / f"none.{suffix}")
    assert (tmp_path / f"none.{suffix}").stat().st_size > 9000
    if suffix == "svg":
        svg = (tmp_path / "one.svg").read_text()
        assert "dead (1)" in svg
        assert len(svg) < 200_000


def test_names_in_the_plane_stand_apart() -> None:
    words = Tokenizer.train(["up upon to be too two a antidisestablishment"] * 9, 300)
    rows = 0.01 * np.random.default_rng(0).normal(size=(words.vocab_size, 4))
    rows[:4] += np.eye(4)
    embedding = made(rows, words)
    figure = Figure(figsize=(9.6, 7.5), layout="constrained")
    chosen = [embedding.token(i, 12) for i in (260, 262)]
    _draw(figure, embedding, chosen, "cosine")
    figure.draw_without_rendering()
    [panel] = figure.axes
    names = {text.get_text(): text.get_window_extent() for text in panel.texts}
    assert {plain_glyphs(shortened(row.name.text)) for row in chosen} <= set(names)
    assert len(names) > 8
    for one, other in itertools.combinations(panel.texts, 2):
        # of the text alone: get_window_extent of an annotation has its line, too
        boxes = [Text.get_window_extent(text).shrunk(0.98, 0.8) for text in (one, other)]
        assert not boxes[0].overlaps(boxes[1]), (one.get_text(), other.get_text())


def test_rows_have_the_same_colours_in_all_pictures() -> None:
    style = (files("cygnet.xray.serve") / "page" / "style.css").read_text()
    found = [re.findall(rf"--row-{kind}: (#\w+);", style) for kind in KINDS]
    assert found == [[ROW_COLOURS[kind], ON_DARK[kind]] for kind in KINDS]
    script = (files("cygnet.xray.serve") / "page" / "scatter.js").read_text()
    assert dict(re.findall(r'^ *"?(\w[\w ]+)"?: { ink: "--row-(\w+)"', script, re.M)) == {
        "live": "live",
        "unseen": "unseen",
        "unseen live": "unseen",
        "special": "special",
        "dead": "dead",
    }
    for pictures in (rows_plots.LOOKS, animation.LOOKS):
        for kind, look in pictures.items():
            assert look["color"] == ROW_COLOURS[kind]
    series = {"norm": np.array([1.0, 2.0])}
    groups = {kind: Group(1, series, None) for kind in ("dead", "live", "unseen live")}
    lines = dict(dead_plots._lines({"a": Namespace(matrices={"W": groups}, steps=[1, 2])}))
    assert {kind: line.colour for kind, line in lines.items()} == {
        kind: ROW_COLOURS[kind] for kind in groups
    }


def test_rows_that_are_all_equal_are_drawn(tmp_path: Path) -> None:
    draw_rows(made(np.ones((5, 3))), [], tmp_path / "a.png")


# The command


def test_command(recorded_run: Path, tmp_path: Path) -> None:
    ask = ("xray", "rows", recorded_run)
    shown = cygnet(*ask, " a", "7", "--neighbours", "3", "--plot", tmp_path / "rows.png")
    assert shown.returncode == 0, shown.stderr
    assert "nearest by cosine" in shown.stdout
    assert (tmp_path / "rows.png").exists()
    assert re.search("7 is read as an id; the token whose text is '7' is 55", shown.stderr)
    values = json.loads(cygnet(*ask, " a", "--json").stdout)
    assert values == [json.loads(json.dumps(token_row(recorded_run, " a").to_dict()))]
    overview = json.loads(cygnet(*ask, "--json").stdout)
    assert overview["W"]["kinds"]["dead"]["n_rows"] == 48
    assert "longest rows" in cygnet(*ask).stdout


def test_command_refuses(recorded_run: Path, tmp_path: Path) -> None:
    for arguments, message in {
        ("99999",): "token 99999 has no row",
        ("qqq",): "no token is 'qqq'",
        ("7", "--neighbours", "-2"): "neighbours is -2",
        ("7", "--plot", "a.gif"): "must end in .png or .svg",
    }.items():
        assert message in refused(cygnet("xray", "rows", recorded_run, *arguments))
    assert "holds no model" in refused(cygnet("xray", "rows", tmp_path))


def test_a_model_that_diverged_is_refused(tmp_path: Path) -> None:
    model = GPT2LMHeadModel(gpt2(257, n_layer=1, n_head=1, n_embd=8, block_size=8))
    with torch.no_grad():
        model.transformer.wte.weight[3] = float("nan")
    model.save_pretrained(tmp_path)
    Tokenizer([]).save(tmp_path)
    assert "not finite" in refused(cygnet("xray", "rows", tmp_path))
