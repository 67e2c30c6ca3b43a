"""The report: what is in it, what it calls unusual, and that it needs nothing else."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from commands import cygnet
from cygnet.errors import InputError
from cygnet.recipes import find_recipe
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.xray.report.evaluation import scores
from cygnet.xray.report.material import Material, gather
from cygnet.xray.report.page import SAMPLE_TOKENS, report_html
from cygnet.xray.report.unusual import unusual
from cygnet.xray.report.writing import samples_of
from cygnet.xray.runs.reading import Run
from cygnet.xray.runs.samples import Sample, Samples
from cygnet.xray.trace import Trace, TraceToken

SECTIONS = (
    "In short", "Text", "Tokenizer", "Token files", "Training", "Evaluation",
    "What the model writes", "A text it has not seen", "What its heads look at",
    "How this was made",
)  # fmt: skip


@pytest.fixture(scope="module")
def material(finished_run: Path) -> Material:
    return gather(finished_run, samples_of(finished_run))


@pytest.fixture(scope="module")
def page(material: Material) -> str:
    return report_html(material)


def titles(page: str) -> list[str]:
    return re.findall(r"<h2[^>]*>([^<]*)</h2>", page)


def test_the_page_needs_nothing_else(page: str) -> None:
    for target in re.findall(r"""(?:href|src|url)\s*[=(]\s*["']?([^"'\s)>]+)""", page):
        assert target.startswith(("#", "data:image/png;base64,")), target[:80]
    assert "<script" not in page
    assert "@import" not in page
    assert len(page.encode()) < 5_000_000


def test_the_sections_are_there_in_order(page: str) -> None:
    found = titles(page)
    assert [title for title in found if title in SECTIONS] == list(SECTIONS)
    for title in found:
        assert f'href="#{title.lower().replace(" ", "-")}"' in page


def test_it_says_what_was_made(page: str, finished_run: Path) -> None:
    record = json.loads((finished_run / "transformer" / "stage.json").read_text())
    store = json.loads((finished_run / "tokens" / "manifest.json").read_text())
    assert f"{record['results']['valid_bits_per_byte']:.3f} bits for a byte" in page
    assert f"{store['splits']['train']['tokens']:,} tokens" in page
    assert "nats per token" in page
    assert record["made_by"]["torch"] in page
    assert f"cygnet xray report {finished_run}" in page


def test_baselines_are_those_of_the_counts(material: Material) -> None:
    assert material.store
    assert material.tokenizer
    model, frequencies, alike = scores(material)
    seen, valid = (material.store.counts(name).astype(float) for name in ("train", "valid"))
    shares = (seen + 1) / (seen + 1).sum()
    by_hand = -(valid * np.log(shares)).sum() / valid.sum()
    assert frequencies.nats_per_token == pytest.approx(by_hand)
    assert alike.perplexity == pytest.approx(material.tokenizer.vocab_size)
    boundary = material.store.manifest.boundary_id
    bits = sum(
        -count * np.log2(share)
        for token, (count, share) in enumerate(zip(valid, shares, strict=True))
        if token != boundary
    )
    assert frequencies.bits_per_byte == pytest.approx(
        bits / material.store.split("valid").text_bytes
    )
    assert model.bits_per_byte < frequencies.bits_per_byte < alike.bits_per_byte


def lines(*valid: float, train: float = 1.0) -> Run:
    """A training with a validation every 100 steps, train loss constant."""
    return Run(
        "made up",
        tuple(
            {
                "step": 100 * i,
                "tokens": 6400 * i,
                "epochs": 0.1 * i,
                "seconds": 1.0 * i,
                "tokens_per_second": 1,
                "share_of_peak": None,
                "train_nats_per_token": train,
                "valid_nats_per_token": loss,
            }
            for i, loss in enumerate(valid, 1)
        ),
    )


def says(found: Material, words: str) -> bool:
    return any(words in sentence for sentence in unusual(found))


def test_a_loss_that_rises_again_is_unusual(material: Material) -> None:
    assert says(replace(material, run=lines(3, 1.0, 1.05)), "lowest at step 200 (1.000 nats")
    assert not says(replace(material, run=lines(3, 1.0, 1.005)), "has risen")


def test_a_loss_that_still_falls_is_unusual(material: Material) -> None:
    falling = lines(5, 4.5, 4, 3.5, 3, 2.9, 2.8, 2.7, 2.6, 2.2, train=2.2)
    assert says(replace(material, run=falling), "by 19% over the last fifth")
    assert not says(replace(material, run=lines(*[5, 3] * 2, 3, 3, 3, 3, 3, 2.99)), "still falls")


def test_a_gap_between_train_and_valid_is_unusual(material: Material) -> None:
    assert says(replace(material, run=lines(3, 2, 1.5)), "50% higher than on the text that it was")
    assert not says(replace(material, run=lines(3, 2, 1.05)), "higher than")


def test_a_model_no_better_than_frequencies_is_unusual(material: Material) -> None:
    records = json.loads(json.dumps(material.records))
    assert not says(material, "next to nothing")
    records["transformer"]["results"]["valid_bits_per_byte"] = 9.0
    assert says(replace(material, records=records), "it has learned next to nothing")


def test_text_that_was_mended_is_unusual(material: Material) -> None:
    records = json.loads(json.dumps(material.records))
    records["text"]["results"]["train"].update(replaced=3, empty=10**6)
    found = replace(material, records=records)
    assert says(found, "3 byte sequences of the train split were no UTF-8")
    assert says(found, "documents of the train split are empty")
    assert not says(material, "UTF-8")


class Store:
    """Token files as the checks see them."""

    def __init__(self, counts: list[int], lengths: list[int], **n_valid: int) -> None:
        self.splits = ("train", *n_valid)
        self._counts, self._lengths = np.array(counts), np.array(lengths)
        self._n_valid = n_valid

    def counts(self, name: str) -> Any:
        return self._counts

    def document_lengths(self, name: str) -> Any:
        return self._lengths

    def split(self, name: str) -> Any:
        return SimpleNamespace(tokens=self._n_valid[name], text_bytes=1)


def test_what_token_files_say_is_unusual(material: Material) -> None:
    tokenizer = Tokenizer([], n_dead=2)
    recipe = replace(
        material.recipe, transformer=replace(material.recipe.transformer, block_size=50)
    )

    def with_store(*arguments: Any, **n_valid: int) -> Material:
        store: Any = Store(*arguments, **n_valid)
        records = {name: one for name, one in material.records.items() if name != "transformer"}
        return replace(material, tokenizer=tokenizer, store=store, recipe=recipe, records=records)

    often = [99] * 257 + [0, 0]
    fine = with_store(often, [50, 9], valid=20_000)
    odd = with_store([0] * 20 + [9] * 10 + often[30:257] + [1, 2], [51, 9])
    for words in (
        "30 of 257 live tokens occur fewer than 10 times in the train split, 20 of them never",
        "Dead tokens occur 3 times",
        "There is no valid split",
        "50% of the documents are longer than the 50 tokens",
    ):
        assert says(odd, words)
        assert not says(fine, words.split(maxsplit=1)[1][:12])
    assert says(with_store(often, [9], valid=19_999), "The valid split has only 19,999 tokens")
    assert not says(fine, "valid split has only")


def test_options_that_differ_from_the_preset_are_listed(material: Material) -> None:
    page = Text(report_html(material))
    assert "differs from demo in" in page.words
    assert "--transformer.block-size64" in page.words
    as_it_is = replace(material, recipe=find_recipe("demo"))
    assert "differs from" not in Text(report_html(as_it_is)).words


def test_the_text_it_has_not_seen_is_the_beginning_of_the_first_document(
    material: Material,
) -> None:
    assert material.held_out
    assert material.store
    ids = [token.id for token in material.held_out.tokens]
    boundary = material.store.manifest.boundary_id
    document = next(iter(material.store.documents("valid"))).tolist()
    assert boundary in document
    assert ids == [token for token in document if token != boundary][:300]


def test_samples_over_the_training_are_of_few_steps(material: Material) -> None:
    trace = Trace(material.samples[0].tokens[:3])
    by_step = {step: {"a": Sample("a", step, trace)} for step in range(0, 1000, 10)}
    page = report_html(replace(material, over_training=[Samples("p", ("a",), by_step)]))
    steps = re.findall(r'<th scope="row">([\d,]+)</th>', page)
    assert steps == ["0", "200", "400", "590", "790", "990"]


def test_warnings_and_an_unfinished_training_are_unusual(material: Material) -> None:
    warning = {"name": "loss-spike", "seen": "at step 3", "meaning": "m", "remedy": "r"}
    assert says(replace(material, warnings=[warning]), "warning loss-spike (at step 3): m; r.")
    records = {name: record for name, record in material.records.items() if name != "transformer"}
    assert says(replace(material, records=records), "The training has not finished")


def test_a_sample_that_loops_is_unusual(material: Material) -> None:
    def written(ids: Iterator[int]) -> Material:
        tokens = tuple(TraceToken(i, b"x", origin="drawn") for i in ids)
        return replace(material, samples=[Trace(tokens)])

    assert says(written(i % 9 for i in range(100)), "Sample 1 goes round in circles")
    assert not says(written(iter(range(100))), "circles")


def test_the_most_surprising_token_is_named(material: Material) -> None:
    assert material.held_out
    place = material.held_out.most_surprising(1)[0]
    assert says(material, f"the most surprising token is {material.held_out.tokens[place].text} at")


def test_heads_that_look_at_the_first_token_are_unusual(material: Material) -> None:
    assert material.attention
    weights = np.zeros_like(material.attention.weights)
    weights[..., 0] = 1
    found = replace(material, attention=replace(material.attention, weights=weights))
    assert says(found, "heads give most of their attention to the first token")


def test_long_samples_are_cut_and_the_page_stays_small(material: Material) -> None:
    token = material.samples[0].tokens[-1]
    long = Trace((token,) * 20_000)
    sample = Sample("a", 1, long)
    by_step = dict.fromkeys(range(40), MappingProxyType({"a": sample}))
    over = [Samples("p", ("a",), by_step)] * 3  # type: ignore[arg-type]
    page = report_html(replace(material, samples=[long] * 5, over_training=over))
    assert len(page.encode()) < 5_000_000
    assert f"The first {SAMPLE_TOKENS // 5:,} of 20,000 tokens." in page


@pytest.mark.parametrize("last", ["text", "tokenizer", "tokens"])
def test_a_run_that_is_half_done_has_half_a_report(
    finished_run: Path, tmp_path: Path, last: str
) -> None:
    stages = ["text", "tokenizer", "tokens"]
    kept = stages[: stages.index(last) + 1]
    for name in kept:
        shutil.copytree(finished_run / name, tmp_path / name)
    shutil.copy(finished_run / "recipe.json", tmp_path)
    done = cygnet("xray", "report", tmp_path)
    assert done.returncode == 0, done.stderr
    found = titles((tmp_path / "report.html").read_text())
    assert "Training" not in found
    assert ("Token files" in found) == (last == "tokens")


def half_trained(finished_run: Path, folder: Path, metrics: str) -> Path:
    """A run as a training leaves it that is killed, or still goes on."""
    for name in ("text", "tokenizer", "tokens"):
        shutil.copytree(finished_run / name, folder / name)
    (folder / "transformer").mkdir()
    (folder / "transformer" / "metrics.jsonl").write_text(metrics)
    shutil.copy(finished_run / "recipe.json", folder)
    return folder


@pytest.mark.parametrize("traces", [None, "", '{"step": 0, "pro'])
@pytest.mark.parametrize("metrics", ["", '{"step": 2, "tok'])
def test_a_run_killed_before_its_first_line_has_a_report(
    finished_run: Path, tmp_path: Path, metrics: str, traces: str | None
) -> None:
    run = half_trained(finished_run, tmp_path, metrics)
    if traces is not None:
        (run / "transformer" / "traces.jsonl").write_text(traces)
    found = report_html(gather(run, []))
    assert "The training has not finished." in found
    assert "Training" not in titles(found)


@pytest.mark.parametrize("traces", ["", '{"step": 0, "pro'])
@pytest.mark.parametrize("key", ["train_", "valid_", "tokens_per_second", "seconds", "epochs", ""])
def test_figures_that_are_null_are_left_out(
    finished_run: Path, tmp_path: Path, key: str, traces: str
) -> None:
    written = (finished_run / "transformer" / "metrics.jsonl").read_text().splitlines()
    nulled = [
        json.dumps({
            name: None if name.startswith(key) and name not in ("step", "tokens") else value
            for name, value in json.loads(line).items()
        })
        for line in written
    ]  # fmt: skip
    run = half_trained(finished_run, tmp_path, "\n".join(written[:3] + nulled[3:]) + "\n")
    (run / "transformer" / "traces.jsonl").write_text(traces)
    found = report_html(gather(run, []))
    assert "it has come to step 240" in found
    assert "None" not in found
    training = found.partition(">Training</h2>")[2].partition("</section>")[0]
    assert "240" in training
    assert "None" not in training


def test_a_run_without_its_token_files_has_a_report_of_its_model(
    finished_run: Path, tmp_path: Path
) -> None:
    for name in ("text", "tokenizer", "transformer"):
        shutil.copytree(finished_run / name, tmp_path / name)
    shutil.copy(finished_run / "recipe.json", tmp_path)
    found = titles(report_html(gather(tmp_path, samples_of(tmp_path))))
    assert "What the model writes" in found
    assert "A text it has not seen" not in found


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, 1e4])
def test_a_loss_that_is_no_number_or_huge_can_be_reported(
    material: Material, value: float | None
) -> None:
    records = json.loads(json.dumps(material.records))
    for unit in ("nats_per_token", "bits_per_byte"):
        records["transformer"]["results"][f"valid_{unit}"] = value
    found = report_html(replace(material, records=records))
    assert ("10000.0000" in found) == (value == 1e4)
    assert "nan" not in found.partition(">How this was made<")[0].replace("finan", "")


class Text(HTMLParser):
    """What a browser would show, and which tags there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


EVIL = """<script>alert(1)</script><img src=x onerror=alert(2)>"'"""


def test_samples_have_their_bits_on_paper(page: str, material: Material) -> None:
    drawn = [token for token in material.samples[0].tokens[:SAMPLE_TOKENS] if token.figures]
    figures = re.findall(r'data-bits="([^"]*)"', page)
    assert figures[: len(drawn)] == [f"{token.surprise:.1f}" for token in drawn]
    assert "content: attr(data-bits)" in page


def test_whatever_comes_from_data_is_escaped(material: Material) -> None:
    """Names, sources, prompts, tokens, warnings, versions, figures: all are somebody else's."""
    recipe = material.recipe
    recipe = replace(
        recipe,
        name=EVIL + "name",
        text=replace(recipe.text, train=(EVIL + "source",)),
        xray=replace(recipe.xray, prompts=(EVIL + "prompt",)),
    )
    records = json.loads(json.dumps(material.records))
    records["text"]["made_by"][EVIL + "library"] = EVIL + "version"
    token = TraceToken(1, (EVIL + "token").encode(), role=EVIL + "role")
    trace = Trace((token,))
    sample = Samples(EVIL + "asked", (EVIL + "run",), {1: {EVIL + "run": Sample("a", 1, trace)}})
    warning = {key: EVIL + key for key in ("name", "seen", "meaning", "remedy")}
    assert material.attention
    attention = replace(material.attention, tokens=(token, *material.attention.tokens[1:]))
    found = Text(
        report_html(
            replace(
                material,
                path=Path(EVIL + "path"),
                recipe=recipe,
                records=records,
                warnings=[warning],
                samples=[trace],
                held_out=trace,
                attention=attention,
                over_training=[sample],
            )
        )
    )
    assert not found.tags & {"script", "iframe", "object", "link"}
    assert not [name for name in found.attributes if name.startswith("on")]
    for what in ("name", "source", "library", "version", "role", "asked", "run", *warning):
        assert EVIL + what in found.words, what
    assert (EVIL + "token").replace(" ", "·") in found.words


@pytest.mark.parametrize("n_prompts", [1, 400])
def test_many_prompts_and_alternatives_are_cut(material: Material, n_prompts: int) -> None:
    token = material.samples[0].tokens[-1]
    many = replace(token, alternatives=token.alternatives[:1] * 1000)
    trace = Trace((many,) * 2000)
    over = Samples("p", ("a",), {step: {"a": Sample("a", step, trace)} for step in range(9)})
    page = report_html(
        replace(material, samples=[trace] * n_prompts, over_training=[over] * n_prompts)
    )
    assert len(page.encode()) < 5_000_000
    assert ("The first 30 of 400 samples." in page) == (n_prompts == 400)
    assert ("The first 30 of 400 prompts." in page) == (n_prompts == 400)
    assert "The first 0 of" not in page


def test_wrong_folders_and_files_are_one_line(tmp_path: Path, finished_run: Path) -> None:
    with pytest.raises(InputError, match="is no run folder"):
        gather(tmp_path, [])
    for arguments in (
        [tmp_path],
        [finished_run, "--out", tmp_path],
        [finished_run, "--out", tmp_path / "no" / "x.html"],
    ):
        found = cygnet("xray", "report", *arguments)
        assert found.returncode == 2
        assert len(found.stderr.splitlines()) == 1, found.stderr
    found = cygnet("xray", "report", tmp_path / "nowhere")
    assert f"{tmp_path / 'nowhere'} is no run folder" in found.stderr
