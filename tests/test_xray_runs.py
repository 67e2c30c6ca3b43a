"""Runs side by side: read as they are, compared, drawn, and what they wrote."""

import io
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.cells import cell_len
from rich.console import Console

from conftest import ROOT, cygnet, refused
from cygnet.errors import DamagedError, InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.figures import TokenFigures
from cygnet.xray.plots import _draw_losses, draw_loss_curves, loss_curves
from cygnet.xray.runs.chart import ACROSS, AXIS_WIDTH, DOTS, DOWN, Line, chart
from cygnet.xray.runs.comparison import compare_runs, differences, summarise
from cygnet.xray.runs.curves import Against, loss_curves_of
from cygnet.xray.runs.reading import Run, read_metrics, read_runs
from cygnet.xray.runs.samples import Sample, Samples, read_samples
from cygnet.xray.runs.samples_view import print_samples, samples_html
from cygnet.xray.runs.traces import RecordedTrace
from cygnet.xray.runs.view import print_comparison
from cygnet.xray.token_table import TokenTable
from cygnet.xray.trace import Trace

NASTY = "<script>alert(1)</script> & \x00\x1b[31m\t[red]é🍓 שלום"
TABLE = TokenTable(Tokenizer([]))
FIRST = {"step": 10, "tokens": 640, "seconds": 1.5, "tokens_per_second": 700}
LINES: list[dict[str, Any]] = [
    {**FIRST, "train_nats_per_token": 4.0, "train_bits_per_byte": 3.0},
    {"step": 20, "tokens": 1280, "seconds": 65.4, "tokens_per_second": 900,
     "train_nats_per_token": 3.0, "train_bits_per_byte": 2.0,
     "valid_nats_per_token": 3.1, "valid_bits_per_byte": 2.1},
    {"step": 30, "tokens": 1920, "seconds": 99.0, "tokens_per_second": 800,
     "train_nats_per_token": None, "train_bits_per_byte": None,
     "valid_nats_per_token": 3.2, "valid_bits_per_byte": 2.2},
]  # fmt: skip


def write_run(folder: Path, lines: list[dict[str, Any]] = LINES, **recipe: Any) -> Path:
    """A run that is being trained."""
    (folder / "transformer").mkdir(parents=True)
    content = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "transformer" / "metrics.jsonl").write_text(content)
    (folder / "transformer" / "started.json").write_text('{"options": {}, "inputs": {}}')
    (folder / "recipe.json").write_text(json.dumps({"name": folder.name, **recipe}))
    return folder


def write_traces(run: Path, steps: tuple[int, ...], prompt: str = NASTY) -> None:
    lines = (RecordedTrace(step, prompt, written(prompt, step)).to_line() for step in steps)
    (run / "transformer" / "traces.jsonl").write_bytes(b"".join(lines))


def written(prompt: str, step: int) -> Trace:
    """A prompt of which every byte takes one bit, and something behind it that takes two."""
    one_bit, two_bits = (TokenFigures(0, -bits * math.log(2), 1, 3.0, ()) for bits in (1, 2))
    given = [TABLE.token(byte, one_bit) for byte in prompt.encode()]
    drawn = [TABLE.token(byte, two_bits, "drawn") for byte in f"{NASTY} at {step}\n".encode()]
    return Trace((*given, *drawn))


def place(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Between the least and the greatest."""
    extent = np.ptp(values)
    return (values - values.min()) / extent if extent else np.full(len(values), 0.5)


def run_of(name: str, lines: list[dict[str, Any]] = LINES, **facts: Any) -> Run:
    return Run(name, tuple(lines), **facts)


def printed(width: int, show: Any, *arguments: Any) -> str:
    console = Console(record=True, width=width, file=io.StringIO())
    show(*arguments, console)
    return console.export_text()


class TestReading:
    def test_a_finished_run(self, finished_run: Path) -> None:
        [run] = read_runs([finished_run])
        text = (finished_run / "transformer" / "metrics.jsonl").read_text()
        assert list(run.lines) == [json.loads(line) for line in text.splitlines()]
        assert run.name == finished_run.name
        assert run.is_finished
        assert run.vocab_size == 600
        assert run.n_parameters == 145_216
        assert run.steps_planned == 240

    def test_a_run_that_is_being_trained(self, tmp_path: Path) -> None:
        folder = write_run(tmp_path / "r", transformer={"steps": 60})
        [run] = read_runs([folder])
        assert not run.is_finished
        assert run.n_parameters is None
        assert "50% of 60" in printed(60, print_comparison, compare_runs([run]))

    def test_a_folder_with_metrics_alone(self, finished_run: Path, tmp_path: Path) -> None:
        shutil.copy(finished_run / "transformer" / "metrics.jsonl", tmp_path)
        [alone], [whole] = read_runs([tmp_path]), read_runs([finished_run])
        assert alone.lines == whole.lines
        assert alone.recipe is None
        summary = summarise(alone)
        assert summary.valid == summarise(whole).valid
        assert "-" in printed(60, print_comparison, compare_runs([alone]))

    def test_a_line_that_is_cut_short_is_left_out(self, tmp_path: Path) -> None:
        """Wherever it is cut."""
        content = "".join(json.dumps(line) + "\n" for line in LINES).encode()
        path, n_whole = tmp_path / "metrics.jsonl", 0
        for n in range(len(content)):
            path.write_bytes(content[:n])
            n_whole += content[n : n + 1] == b"\n"  # whole, if only its end is missing
            if content[:n].count(b"\n") or n_whole:
                assert list(read_metrics(path)) == LINES[:n_whole]
            else:
                with pytest.raises(InputError, match="is empty"):
                    read_metrics(path)

    def test_equal_names_are_told_apart(self, tmp_path: Path) -> None:
        folders = [write_run(tmp_path / name / "demo") for name in ("a", "b")]
        again = folders[0] / "transformer", tmp_path / "b" / ".." / "a" / "demo"
        assert [run.name for run in read_runs([*folders, *again])] == ["a/demo", "b/demo"]

    def test_what_is_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="name a run folder"):
            read_runs([])
        empty = write_run(tmp_path / "empty", [])
        cases = {
            tmp_path / "absent": "does not exist: name a run folder",
            tmp_path: r"is no run: there is no metrics\.jsonl",
            empty / "recipe.json": "is no run",
            empty: "is empty: its training has not come to its first line",
        }
        for path, message in cases.items():
            with pytest.raises(InputError, match=message) as error:
                read_runs([path])
            assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        "line",
        [
            *("[1]", "{}", "nonsense", "[" * 100_000, "\x00\x00"),
            *('{"step": "1", "tokens": 2}', '{"step": null, "tokens": 1}'),
            '{"step": 1, "tokens": true}',
            '{"step": NaN, "tokens": 1}',
            f'{{"step": 1, "tokens": 1, "seconds": {10**400}}}',
        ],
    )
    def test_damage_is_named(self, tmp_path: Path, line: str) -> None:
        folder = write_run(tmp_path / "r")
        with open(folder / "transformer" / "metrics.jsonl", "a") as file:
            file.write(f"{line}\n")
        with pytest.raises(DamagedError, match="line 4"):
            read_runs([folder])

    def test_damaged_json_beside_it(self, tmp_path: Path) -> None:
        folder = write_run(tmp_path / "r")
        (folder / "recipe.json").write_text("[1]")
        with pytest.raises(DamagedError, match=r"recipe\.json is damaged"):
            read_runs([folder])


class TestComparison:
    def test_figures(self) -> None:
        found = summarise(run_of("a", n_parameters=5, vocab_size=7))
        assert (found.steps, found.tokens, found.seconds) == (30, 1920, 99.0)
        assert found.tokens_per_second == 800
        assert found.train is not None
        assert (found.train.step, found.train.bits_per_byte) == (20, 2.0)
        assert found.valid is not None
        assert (found.valid.step, found.valid.nats_per_token) == (30, 3.2)
        assert found.best_valid is not None
        assert (found.best_valid.step, found.best_valid.bits_per_byte) == (20, 2.1)

    @given(st.lists(st.one_of(st.none(), st.floats(0.01, 9)), min_size=1, max_size=20))
    def test_best_is_the_least(self, losses: list[float | None]) -> None:
        lines = [
            {"step": i, "tokens": i, "valid_bits_per_byte": loss} for i, loss in enumerate(losses)
        ]
        found = summarise(run_of("a", lines)).best_valid
        known = [loss for loss in losses if loss is not None]
        assert (found and found.bits_per_byte) == (min(known) if known else None)
        if found:
            assert losses.index(found.bits_per_byte) == found.step

    def test_recipes_differ_where_they_do(self) -> None:
        first: dict[str, Any] = {"name": "a", "text": {"train": ["x"]}, "transformer": {"steps": 3}}
        other = {"name": "b", "text": {"train": ["x"]}, "transformer": {"steps": 4, "seed": None}}
        runs = [run_of("a", recipe=first), run_of("b", recipe=other), run_of("c")]
        assert differences(runs) == {"transformer.steps": {"a": 3, "b": 4}}

    def test_losses_of_two_vocabularies(self) -> None:
        runs = [run_of(name, tokenizer=name) for name in "ab"]
        said = "only bits per byte can be compared"
        assert said in " ".join(printed(90, print_comparison, compare_runs(runs)).split())
        same = [run_of(name, tokenizer="x") for name in "ab"]
        assert said not in printed(90, print_comparison, compare_runs(same))

    @pytest.mark.parametrize(
        ("against", "xs"),
        [("steps", (20, 30)), ("tokens", (1280, 1920)), ("time", (65.4, 99.0))],
    )
    def test_curves_run_along(self, against: Against, xs: tuple[float, ...]) -> None:
        curves = list(loss_curves_of([run_of("a")], against))
        assert [(curve.split, curve.unit) for curve in curves] == [
            (split, unit)
            for split in ("train", "valid")
            for unit in ("nats_per_token", "bits_per_byte")
        ]
        assert curves[3].xs == xs
        assert curves[3].ys == (2.1, 2.2)
        assert len(curves[0].xs) == 2, "what is not finite is left out"


class TestTerminal:
    @given(
        st.lists(
            st.lists(st.tuples(st.floats(0, 1e9), st.floats(1e-9, 1e9)), min_size=1, max_size=30),
            min_size=1,
            max_size=9,
        ),
        st.integers(30, 120),
        st.integers(2, 20),
    )
    def test_every_point_has_a_dot(
        self, series: list[list[tuple[float, float]]], width: int, height: int
    ) -> None:
        """The dots are read off the characters again; a mark hides those of its cell."""
        lines = [Line("*", "", *zip(*sorted(points), strict=True)) for points in series]
        rows = [row.plain for row in chart(lines, width, height)]
        canvas = [row[AXIS_WIDTH + 2 :] for row in rows[:height]]
        assert max(map(len, rows)) == width
        xs, ys = (np.array(values) for values in zip(*chain.from_iterable(series), strict=True))
        n_across, n_down = ACROSS * len(canvas[0]), DOWN * height
        across = np.rint(place(xs) * (n_across - 1)).astype(int)
        down = np.rint((1 - place(np.log(ys))) * (n_down - 1)).astype(int)
        for i, j in zip(down, across, strict=True):
            character = canvas[i // DOWN][j // ACROSS]
            assert character == "*" or ord(character) & DOTS[i % DOWN, j % ACROSS]

    def test_dots_are_where_the_curve_is(self) -> None:
        ys = np.geomspace(8, 1, 12)
        rows = [row.plain for row in chart([Line("x", "", range(12), ys.tolist())], 15, height=3)]
        dots = set()
        for down, row in enumerate(rows[:3]):
            for across, character in enumerate(row[AXIS_WIDTH + 2 :]):
                bits = ord(character) - 0x2800 if character not in " x" else 0
                dots |= {
                    (DOWN * down + i, ACROSS * across + j)
                    for i in range(DOWN)
                    for j in range(ACROSS)
                    if bits & DOTS[i, j]
                }
        assert dots == {(i, i) for i in range(12)} - {(i, i) for i in (4, 5)}, "the mark hides two"

    def test_what_is_not_above_zero_has_no_place(self) -> None:
        assert chart([Line("x", "", (1, 2), (0, -1))], 40) == []
        assert "1 ┤" in chart([Line("x", "", (1, 2), (0, 1))], 40)[4].plain

    @pytest.mark.parametrize("width", [40, 80, 200])
    def test_it_fits(self, width: int) -> None:
        runs = [run_of(f"{NASTY} {i}", recipe={"a": {"b": f"{NASTY}{i}"}}) for i in range(5)]
        text = printed(width, print_comparison, compare_runs(runs))
        assert max(map(cell_len, text.splitlines())) <= width
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
        assert text.count("best valid") == {40: 5, 80: 3, 200: 1}[width]
        assert "1 <script>" in text

    def test_no_colour(self, tmp_path: Path) -> None:
        folder = write_run(tmp_path / "r")
        write_traces(folder, (0, 10))
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "40", "FORCE_COLOR": "1"}
        command = [sys.executable, "-m", "cygnet", "xray", "runs", str(folder), "--samples"]
        out = subprocess.check_output(command, env=environment, text=True, cwd=ROOT)
        assert not re.search(r"\x1b\[[0-9;]*(3|4|9)[0-9]m", out), "no colour"
        assert "1 train  2 valid" in re.sub(r"\x1b\[[0-9;]*m", "", out)

    def test_nothing_heavy_is_loaded(self) -> None:
        code = (
            "import sys, cygnet.xray.runs.samples_view, cygnet.xray.plots;"
            "print(sorted({'torch', 'transformers', 'matplotlib'} & sys.modules.keys()))"
        )
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


class TestWhatIsLeftOut:
    """A line says what is not drawn, and what is drawn instead."""

    def test_a_run_without_times(self) -> None:
        untimed = [{k: v for k, v in line.items() if k != "seconds"} for line in LINES]
        runs = [run_of("a"), run_of("b"), run_of("<i>", untimed)]
        found = compare_runs(runs, "time")
        text = " ".join(printed(100, print_comparison, found).split())
        assert "<i> is not drawn: its metrics have no seconds of training with a loss" in text
        assert "valid, bits per byte against seconds of training, log axis" in text
        assert "1 a 2 b" in text
        assert "<p>&lt;i&gt; is not drawn" in found._repr_html_()
        assert found.to_dict()["notes"] == found.left_out()
        assert "not drawn" not in printed(100, print_comparison, compare_runs(runs))

    def test_train_in_the_place_of_valid(self) -> None:
        runs = [run_of("a"), run_of("b", LINES[:1])]
        text = printed(100, print_comparison, compare_runs(runs))
        assert "train, bits per byte against tokens seen, log axis" in text
        assert "train, not valid, is drawn: b has no valid loss" in text

    def test_a_run_that_has_just_begun(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        begun, whole = write_run(tmp_path / "begun", []), write_run(tmp_path / "whole")
        found = compare_runs([str(begun), whole])
        assert [run.name for run in found.summaries] == ["whole"]
        assert re.fullmatch(
            r".*begun/transformer/metrics.jsonl is empty: .*: it is left out\n",
            capsys.readouterr().err,
        )

    def test_the_other_unit(self) -> None:
        console = Console(record=True, width=80, file=io.StringIO())
        no_bytes = [{k: v for k, v in one.items() if "byte" not in k} for one in LINES]
        found = compare_runs([run_of("a", no_bytes), run_of("b")])
        print_comparison(found, console, "nats_per_token")
        text = console.export_text()
        assert "valid, nats per token against tokens seen, log axis" in text
        assert "3.2 ┤" in text
        assert "not drawn" not in text
        assert "a is not drawn: its metrics have no tokens seen with a loss in bits" in " ".join(
            printed(80, print_comparison, found).split()
        )

    def test_options_break_at_their_dots(self) -> None:
        runs = [
            run_of(name, recipe={"transformer": {"learning_rate_schedule": name}}) for name in "ab"
        ]
        lines = printed(40, print_comparison, compare_runs(runs)).splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("  transformer. "))
        assert lines[at + 1].startswith("   learning_rate_schedule ")
        wide = printed(90, print_comparison, compare_runs(runs))
        assert "  transformer.learning_rate_schedule" in wide


class TestNotebook:
    def test_runs(self, tmp_path: Path) -> None:
        runs = [run_of("<script>", recipe={"a": {"b": "<b>"}}), run_of("b", recipe={"a": {"b": 2}})]
        markup = compare_runs(runs)._repr_html_()
        assert "<script" not in markup
        assert "<td>&lt;b&gt;</td>" in markup
        assert "<svg" in markup
        assert ">&lt;script&gt;, valid<" in markup
        assert "2.1000" in markup

    def test_samples(self, tmp_path: Path) -> None:
        write_traces(write_run(tmp_path / "a"), (0, 10))
        [samples] = read_samples([tmp_path / "a"])
        markup = samples._repr_html_()
        assert samples_html([samples]) in markup
        assert ".cygnet-samples {" in markup


class TestPlot:
    @pytest.mark.parametrize("against", ["steps", "time"])
    def test_figures_below_the_axis_stay_apart(self, against: Against) -> None:
        lines = [line | {"step": 4000 * i, "seconds": 4321 * i} for i, line in enumerate(LINES)]
        figure = Figure(figsize=(9.6, 4), layout="constrained")
        FigureCanvasAgg(figure)
        _draw_losses(figure, list(loss_curves_of([run_of("a", lines * 1)], against)), against)
        figure.draw_without_rendering()
        for panel in figure.axes:
            low, high = panel.get_xlim()
            places = zip(panel.get_xticks(), panel.get_xticklabels(), strict=True)
            boxes = [label.get_window_extent() for x, label in places if low <= x <= high]
            assert len(boxes) > 2
            assert all(a.x1 + 4 < b.x0 for a, b in itertools.pairwise(boxes))

    def curves(self, n: int) -> list[Any]:
        return list(loss_curves_of([run_of(f"_$a$ <{i}>") for i in range(n)], "time"))

    def test_runs_differ_in_more_than_colour(self) -> None:
        figure = Figure(layout="constrained")
        _draw_losses(figure, self.curves(8), "time")
        left, right = figure.axes
        for panel in (left, right):
            for lines in (panel.lines[::2], panel.lines[1::2]):  # train, valid
                looks = [(line.get_linestyle(), line.get_marker()) for line in lines]
                assert len({line.get_marker() for line in lines}) == len(lines) == 8
                assert len({style for style, _ in looks}) >= 2
        assert (left.get_ylabel(), right.get_ylabel()) == ("nats per token", "bits per byte")
        assert left.get_xlabel() == "seconds of training"
        [legend] = figure.legends
        assert len(legend.get_texts()) == 16

    @pytest.mark.parametrize("suffix", [".svg", ".png"])
    def test_equal_figures_give_equal_bytes(self, tmp_path: Path, suffix: str) -> None:
        paths = [tmp_path / f"{i}{suffix}" for i in (0, 1)]
        for path in paths:
            draw_loss_curves(self.curves(2), path, "time")
        assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_one_run_has_no_name(self) -> None:
        svg = loss_curves(self.curves(1), "time")
        ET.fromstring(svg)
        assert ">train<" in svg
        assert "$a$" not in svg
        assert "$a$ &lt;1&gt;, valid" in loss_curves(self.curves(2), "time")


class TestSamples:
    def found(self, folder: Path) -> list[Samples]:
        a, b = write_run(folder / "a"), write_run(folder / "b")
        write_run(folder / "without")
        write_traces(a, (0, 20, 30))
        write_traces(b, (0, 30))
        return read_samples(read_runs([a, b, folder / "without"]))

    def test_by_step(self, tmp_path: Path) -> None:
        [samples] = self.found(tmp_path)
        assert samples.prompt == NASTY
        assert samples.runs == ("a", "b")
        rows = {step: [*row] for step, row in samples.by_step.items()}
        assert rows == {0: ["a", "b"], 20: ["a"], 30: ["a", "b"]}
        sample = samples.by_step[20]["a"]
        assert sample.written == f"{NASTY} at 20\n"
        assert sample.prompt_bits_per_byte == pytest.approx(1.0)
        assert json.dumps(samples.to_dict())

    def test_a_prompt_without_figures(self) -> None:
        assert Sample("a", 0, TABLE.trace([97])).prompt_bits_per_byte is None
        assert Sample("a", 0, TABLE.trace([])).prompt_bits_per_byte is None

    @pytest.mark.parametrize(("width", "tables"), [(40, 2), (100, 1)])
    def test_side_by_side_where_they_fit(self, tmp_path: Path, width: int, tables: int) -> None:
        text = printed(width, print_samples, self.found(tmp_path))
        assert max(map(cell_len, text.splitlines())) <= width
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
        assert text.count("step") == tables
        assert text.count("1.000 bits per byte") == 5
        assert text.count("at 30") == 2

    def test_html_shows_markup_and_does_not_run_it(self, tmp_path: Path) -> None:
        markup = samples_html(self.found(tmp_path))
        assert "<script" not in markup
        tree = ET.fromstring(f"<div>{markup.replace('<br>', '<br/>')}</div>")
        assert len(tree.findall(".//tr")) == 4
        assert "<script>" in "".join(tree.find("h3").itertext())  # type: ignore[union-attr]
        assert "1.000 bits per byte" in markup

    def test_without_any(self, tmp_path: Path) -> None:
        run = read_runs([write_run(tmp_path / "a")])
        with pytest.raises(InputError, match=r"none of these runs has samples.*trace-every"):
            read_samples(run)


class TestCommand:
    def test_json(self, finished_run: Path) -> None:
        result = cygnet("xray", "runs", finished_run, "--json", "--samples", "--against", "time")
        assert result.returncode == 0, result.stderr
        found = json.loads(result.stdout)
        record = json.loads((finished_run / "transformer" / "stage.json").read_text())
        [run] = found["summaries"]
        assert run["valid"]["bits_per_byte"] == record["results"]["valid_bits_per_byte"]
        assert run["n_parameters"] == record["results"]["n_parameters"]
        assert found["against"] == "time"
        assert len(found["curves"]) == 4
        prompts = json.loads((finished_run / "recipe.json").read_text())["xray"]["prompts"]
        assert [one["prompt"] for one in found["samples"]] == prompts
        for one in found["samples"]:
            assert [sample["step"] for sample in one["samples"]] == [0, 80, 160, 240]
            losses = [sample["prompt_bits_per_byte"] for sample in one["samples"]]
            assert losses[-1] < losses[0]

    def test_two_runs(self, finished_run: Path, recorded_run: Path, tmp_path: Path) -> None:
        plot = tmp_path / "losses.svg"
        result = cygnet("xray", "runs", finished_run, recorded_run, "--samples", "--plot", plot)
        assert result.returncode == 0, result.stderr
        assert "tokenizer.dead" in result.stdout
        assert "valid, bits per byte against tokens seen" in result.stdout
        ET.fromstring(plot.read_text())
        for name in (finished_run.name, recorded_run.name):
            assert f">{name}, valid<" in plot.read_text()

    def test_wrong_inputs_are_one_line(self, finished_run: Path, tmp_path: Path) -> None:
        assert "name a run folder" in refused(cygnet("xray", "runs"))
        assert "is no run" in refused(cygnet("xray", "runs", finished_run, tmp_path))
        wrong = tmp_path / "losses.pdf"
        assert "must end in .png" in refused(cygnet("xray", "runs", finished_run, "--plot", wrong))
        write_run(tmp_path / "r")
        message = refused(cygnet("xray", "runs", tmp_path / "r", "--samples"))
        assert "none of these runs has samples" in message
