"""The benchmarks beside peers: their texts, their arithmetic, their jobs."""

import hashlib
import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from conftest import ROOT
from cygnet import Tokenizer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark needs Linux")
MODULES = ("texts", "peers", "trainers", "token_peers", "memory", "worker", "measure", "rows",
           "token_rows", "table")  # fmt: skip
STORY = "Once upon a time there was a swan.\nIt swam – and swam, and swam."

Load = Callable[[str], ModuleType]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports a module of the benchmark, and forgets all of them afterwards."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module


@pytest.fixture
def files(tmp_path: Path, bench: Load) -> Path:
    """A folder with a saved tokenizer and a text of stories, made of a tiny data folder."""
    (tmp_path / "tinystories").mkdir()
    stories = [f"{number}. {STORY}" for number in range(40)]
    source = tmp_path / "tinystories" / "tinystories_train.txt"
    source.write_text("\n<|endoftext|>\n".join(stories))
    bench("texts").make_texts(["stories"], tmp_path, tmp_path, 9_000)
    Tokenizer.train(stories, 300).save(tmp_path)
    return tmp_path


def test_a_text_is_repeated_to_its_size_and_its_two_files_hold_the_same_documents(
    files: Path,
) -> None:
    text = (files / "stories.txt").read_text()
    documents = text.split("<|endoftext|>")
    assert documents.pop() == ""
    assert 8_800 < len("".join(documents).encode()) <= 9_000
    assert documents.count(f"7. {STORY}") > 1
    assert (files / "stories.plain.txt").read_text() == "\n".join(documents)


def test_words_of_the_unique_text_never_repeat(bench: Load) -> None:
    n_bytes = 2_000_000  # more words of three letters than there are
    documents = bench("texts").unique(Path(), n_bytes)
    words = b" ".join(documents).decode().split(" ")
    assert len(set(words)) == len(words)
    assert {len(word) for word in words} == set(range(3, 13))
    assert sum(map(len, documents)) >= n_bytes


def test_ratios_compare_time_for_the_same_amount_of_text(bench: Load) -> None:
    measure = bench("measure")
    ours = measure.figure([{"seconds": s, "bytes": 100} for s in (1.0, 9.0, 2.0)], "seconds")
    theirs = measure.figure([{"seconds": 1.5, "bytes": 50}], "seconds", bare=0.5)
    assert (ours["median"], ours["min"], ours["max"]) == (2.0, 1.0, 9.0)
    assert measure.ratios({"cygnet": ours, "peer": theirs}) == {"peer": 1.0}
    assert measure.ratios({"peer": theirs}) == {}


def test_other_ids_than_the_rest_stop_a_case(bench: Load) -> None:
    measure = bench("measure")
    case = measure.Case(1, "encode", {}, alike=("a", "b"))
    measure.agree(case, {"a": {"tokens": 3, "sha256": "x"}, "b": {"tokens": 3, "sha256": "x"}})
    measure.agree(case, {"a": {"tokens": 3, "bytes": 9}, "b": {"tokens": 4, "bytes": 12}})
    measure.agree(case, {"a": {"tokens": 3, "sha256": "x"}, "c": {"tokens": 3, "sha256": "y"}})
    with pytest.raises(measure.CaseError, match="sha256 of b is y, of a x"):
        measure.agree(case, {"a": {"sha256": "x"}, "b": {"sha256": "y"}})
    with pytest.raises(measure.CaseError, match="tokens of c is 4, of a 3"):
        measure.agree(case, {"a": {"tokens": 3}, "c": {"tokens": 4}})


def test_every_row_has_cases_for_cygnet_and_without_peers_nobody_else_takes_part(
    bench: Load,
) -> None:
    rows = bench("rows")
    cases = rows.make_cases(list(rows.ROWS), ["stories", "hindi"], Path("texts"), ["cygnet"])
    assert {case.row for case in cases} == {1, 2, 3, 4, 5}
    assert {name for case in cases for name in case.jobs} == {"cygnet", "bare interpreter"}


def test_the_import_of_cygnet_is_measured_and_tabled(bench: Load) -> None:
    measure, rows, table = bench("measure"), bench("rows"), bench("table")
    case = rows.make_cases([5], [], Path(), ["cygnet"])[0]
    record = {**measure.machine(), "load_average": 0.0, "runs": 1, "texts": {}, "failed": []}
    record["cases"] = [measure.measure(case, runs=1)]
    found = record["cases"][0]["figures"]["cygnet"]["median"]
    assert -1 < found < 30
    assert f"| cygnet | {found:.3f} s (" in table.as_markdown(record)
    assert json.loads(json.dumps(record)) == record


def test_a_job_that_fails_says_why(bench: Load) -> None:
    measure = bench("measure")
    with pytest.raises(measure.CaseError, match="no such thing"):
        measure.run({"code": "raise SystemExit('no such thing')"})


def test_jobs_count_the_ids_that_the_tokenizer_gives(bench: Load, files: Path) -> None:
    if "threads" not in inspect.signature(Tokenizer.encode_batch).parameters:
        pytest.skip("needs encode_batch(threads=)")
    run, tokenizer = bench("measure").run, Tokenizer.load(files)
    common = {"peer": "cygnet", "gpt2": str(files), "made": str(files), "bytes": None}
    plain, text = files / "stories.plain.txt", files / "stories.txt"
    documents = text.read_text().split("<|endoftext|>")[:-1]
    n_documents = sum(len(tokenizer.encode(document)) for document in documents)
    n_plain = len(tokenizer.encode(plain.read_text()))
    for form, path, tokens in (
        ("string", plain, n_plain),
        ("documents", text, n_documents),
        ("list", text, n_documents),
    ):
        found = run({**common, "job": "encode", "form": form, "text": str(path)})
        assert (form, found["tokens"]) == (form, tokens)
    part = {"bytes": 4_000, "job": "encode", "form": "documents", "text": str(text)}
    assert 3_000 < run({**common, **part})["bytes"] < 4_000
    assert run({**common, "job": "cold", "text": str(plain)})["tokens"] == n_plain
    built = run({**common, "job": "build", "text": str(text)})
    assert built["tokens"] == n_documents + len(documents)
    assert 1e6 < built["peak_bytes"] < 1e9
    learn = {"job": "train", "pattern": "gpt2", "vocab_size": 280, "text": str(plain)}
    assert run({**common, **learn})["tokens"] == 280 - 256


@pytest.fixture
def parquets(files: Path, bench: Load) -> Path:
    """The same text as two parquet files."""
    bench("texts").make_parquet(files / "stories.txt", files / "parquet", 8_000)
    return files / "parquet"


def test_parquet_files_hold_the_first_documents_in_order_in_equal_shares(
    parquets: Path, bench: Load
) -> None:
    text = (parquets.parent / "stories.txt").read_text()
    tables = [parquet.read_table(path) for path in sorted(parquets.glob("*"))]
    first, second = (table.column("text").to_pylist() for table in tables)
    documents = text.split("<|endoftext|>")[: len(first + second)]
    assert documents[:-1] == (first + second)[:-1]
    assert documents[-1].startswith(second[-1])
    assert 7_900 < sum(len(document.encode()) for document in first + second) <= 8_000
    assert abs(len(first) - len(second)) <= 1


def test_every_row_of_token_files_gives_everyone_the_same_text(
    bench: Load,
) -> None:
    rows = bench("token_rows")
    sizes = {"stories": {"whole": 9, "rehearsed": 1}}
    everyone = ["cygnet", "datasets", "datatrove", "nanoGPT"]
    cases = rows.make_cases(list(rows.ROWS), sizes, Path("texts"), everyone, 5)
    assert {case.row for case in cases} == {1, 2, 3}
    assert {name for case in cases for name in case.jobs} == set(everyone)
    for case in cases:
        given = {(job.get("bytes"), job.get("texts")) for job in case.jobs.values()}
        assert given == {(9, "texts/stories/whole") if case.row < 3 else (None, None)}
        assert case.rehearsal is not None and case.alike == tuple(case.jobs)
    alone = rows.make_cases(list(rows.ROWS), sizes, Path("texts"), ["cygnet"], 5)
    assert {name for case in alone for name in case.jobs} == {"cygnet"}


def test_rates_are_of_text_or_of_tokens(bench: Load) -> None:
    measure, table = bench("measure"), bench("table")
    ours = measure.figure([{"seconds": 2.0, "tokens": 8_000_000}], "seconds")
    theirs = measure.figure([{"seconds": 2.0, "tokens": 1_000_000}], "seconds")
    figures = {"cygnet": ours, "peer": theirs}
    assert measure.ratios(figures, "tokens") == {"peer": 8.0}
    case = {"row": 3, "what": "batches", "work": "tokens", "figures": figures}
    case |= {"ratios": {"peer": 8.0}, "targets": {}, "limits": {}}
    line = " ".join(table.as_lines(case)[1].split())
    assert line == "cygnet 4.0 M tokens/s (4.0 to 4.0)"


def test_memory_of_a_job_is_that_of_all_its_processes_and_what_they_share_counts_once(
    bench: Load,
) -> None:
    memory, size = bench("memory"), 200_000_000
    code = f"import time; held = b'x' * {size}; print(flush=True); time.sleep(1)"
    with memory.watched() as apart:
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        child.communicate()
    assert apart.n_bytes > size
    code = (
        f"import os, sys, time; sys.path.insert(0, {str(ROOT / 'bench')!r})\n"
        "from memory import watched\n"
        f"held = b'x' * {size}\n"
        "with watched() as peak:\n"
        "    if os.fork() == 0: time.sleep(1); os._exit(0)\n"
        "    os.wait()\n"
        "print(peak.n_bytes)"
    )
    shared = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert size < int(shared.stdout) < 1.5 * size


def test_token_files_and_batches_are_those_of_the_peers(
    bench: Load, parquets: Path, data: Path
) -> None:
    for library in ("datasets", "datatrove", "tokenizers", "torch"):
        pytest.importorskip(library)
    run, made = bench("measure").run, parquets.parent
    common = {"gpt2": str(data / "tokenizers" / "gpt2"), "made": str(made), "check": True}
    run({"job": "convert", **common})
    build = {"job": "token_files", "texts": str(parquets), "bytes": 8_000, **common}
    found = {name: run({**build, "peer": name}) for name in ("cygnet", "datasets", "datatrove")}
    assert len({(each["tokens"], each["sha256"]) for each in found.values()}) == 1
    texts = [parquet.read_table(path) for path in sorted(parquets.glob("*"))]
    tokenizer = Tokenizer.load(data / "tokenizers" / "gpt2")
    documents = [text for table in texts for text in table.column("text").to_pylist()]
    ids = np.concatenate([[*tokenizer.encode(text), 50256] for text in documents])
    assert found["cygnet"]["sha256"] == hashlib.sha256(ids.astype("<u4").tobytes()).hexdigest()
    assert found["datatrove"]["peak_bytes"] > 1e8
    run({"job": "prepare", "texts": str(parquets), "folder": str(made), **common})
    load: dict[str, Any] = {"job": "batches", "folder": str(made), "workers": 0, **common}
    load |= {"batch_size": 1, "block_size": 1024, "steps": 2}
    first = hashlib.sha256(ids[:1024].astype("<u4").tobytes()).hexdigest()
    for name in ("cygnet", "nanoGPT", "datasets"):
        assert run({**load, "peer": name})["sha256"] == first
