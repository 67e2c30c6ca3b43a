"""Compact vocabularies in the report, in token files and in whole recipes."""

import collections
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from compact_cases import (
    BASE,
    FAITHFUL,
    LOSSLESS,
    ROWS,
    STORIES,
    TEXT,
    brute_force,
    one_by_one,
)
from conftest import cygnet, refused
from cygnet.errors import DamagedError
from cygnet.recipes import PRESETS
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.frequencies import choose_documents
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.store import TokenStore
from hub_server import HubServer
from oracles import oracle

# The report


def test_the_figures_of_the_report(data: Path, tmp_path: Path) -> None:
    text, plot = data / "tinystories" / "tinystories_valid.txt", tmp_path / "plot.svg"
    options = ("--live", "1500", "--dead", "500", "--sample", "250", "--plot", plot)
    base = ("--base", data / "tokenizers" / "gpt2")
    result = cygnet(
        "tokenizer", "compact", *base, "--text", text, *options, "--json", "--out", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found == json.loads((tmp_path / "out" / "report.json").read_text())
    assert "1,500 are kept" in plot.read_text()

    corpus = [part.strip("\r\n") for part in text.read_text().split("<|endoftext|>")]
    corpus = [document for document in corpus if document]
    encode = one_by_one(oracle("gpt2", data / "tokenizers"))
    chosen = list(itertools.compress(corpus, choose_documents(len(corpus), 250, 42)))
    tokens = [token for document in chosen for token in encode(document)]
    new, ids = brute_force(encode, chosen, 1500)
    counts = collections.Counter(tokens)
    unknown = sum(token not in new for token in tokens)
    first, last = next(iter(new)), list(new)[-1]
    assert found["documents"] == len(corpus)
    assert found["sample_documents"] == 250
    assert found["sample_bytes"] == sum(len(document.encode()) for document in chosen)
    assert found["types"] == len(counts)
    assert found["coverage"] == pytest.approx(1 - unknown / len(tokens))
    assert found["out_of_vocabulary"] == pytest.approx(unknown / len(tokens))
    assert found["first_live"] == {"base_id": first, "text": ".", "count": counts[first]}
    assert (found["last_live"]["base_id"], found["last_live"]["count"]) == (last, counts[last])
    zeros = sum(document.count(0) for document in ids)
    assert found["id_0"] == {"occurs": zeros, "unknown": unknown}
    assert zeros == counts[first] + unknown
    assert found["base"]["tokens"] == found["compact"]["tokens"] == len(tokens)
    assert found["base"]["tokens_per_document"] == pytest.approx(len(tokens) / 250)
    assert found["unused_live"] == 0
    ranked = sorted(counts.values(), reverse=True)
    covered = list(itertools.accumulate(ranked))
    for percent, n_types in found["types_for_percent"].items():
        assert covered[n_types - 1] >= float(percent) / 100 * len(tokens) > covered[n_types - 2]
    assert list(found["types_for_percent"]) == ["90", "95", "99", "99.5", "99.9"]
    assert [1500, pytest.approx(found["coverage"])] in found["curve"]
    for rank, share in found["curve"]:
        assert share == pytest.approx(covered[rank - 1] / len(tokens))


@pytest.mark.parametrize("more", [(), ("--lossless",)])
def test_what_the_command_prints(tmp_path: Path, finished_run: Path, more: tuple[str]) -> None:
    text = ("--text", finished_run / "text" / "train.txt", "--live", "350", "--dead", "50")
    result = cygnet(
        "tokenizer", "compact", "--base", finished_run, *text, *more, "--out", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    assert "350 live and 50 dead rows, cut from 600" in result.stdout
    assert "counted on 3,000 of 3,000 documents" in result.stdout
    assert ("disguised unknowns" in result.stdout) == (not more)
    assert ("every text can be decoded" in result.stdout) == bool(more)
    again = cygnet("tokenizer", "show", tmp_path / "out", "Once upon a time")
    assert "Once" in again.stdout.replace("│", "")
    table = cygnet("tokenizer", "eval", finished_run, tmp_path / "out", "--text", text[1]).stdout
    assert "never used" in table


# Token files


def plant(folder: Path, tokenizer: BaseTokenizer) -> TokenStore:
    document = [*tokenizer.encode("a hug"), tokenizer.dead_ids[5]]
    build_from_ids(folder, tokenizer, {"train": [(tokenizer.encode("a"), None), (document, None)]})
    return TokenStore.open(folder)


@pytest.mark.parametrize("tokenizer", [FAITHFUL, LOSSLESS], ids=["faithful", "lossless"])
def test_token_files_of_both(tmp_path: Path, tokenizer: BaseTokenizer) -> None:
    build(tmp_path / "whole", tokenizer, {"train": STORIES})
    store = TokenStore.open(tmp_path / "whole")
    store.verify(tokenizer)
    assert store.counts("train")[400:].sum() == 0
    assert store.documents("train")[7][: len(tokenizer.encode(STORIES[7]))].tolist() == (
        tokenizer.encode(STORIES[7])
    )
    assert store.split("train").text_bytes == sum(len(text.encode()) for text in STORIES)
    last = int(store.documents("train")[1][-1])
    assert (last == tokenizer.boundary_id) == (tokenizer is LOSSLESS)
    with pytest.raises(DamagedError, match=r"train holds 1 ids of dead rows.* 405, 1 times"):
        plant(tmp_path / "planted", tokenizer).verify(tokenizer)


def test_a_planted_dead_id_is_found(finished_run: Path, tmp_path: Path) -> None:
    out, base = tmp_path / "run", ("--tokenizer.base", finished_run)
    command = ("tokens", "build", "duckling-lossless", *TEXT, *ROWS, *base, "--out", out)
    assert cygnet(*command).returncode == 0
    right = (out / "tokens" / "train-00000.bin").read_bytes()
    for name in ("manifest.json", "train-counts.npy"):
        (out / "tokens" / name).unlink()
    record = json.loads((out / "tokens" / "stage.json").read_text())
    (out / "tokens" / "stage.json").unlink()
    del record["outputs"], record["results"]
    (out / "tokens" / "started.json").write_text(json.dumps(record))
    ids = np.frombuffer(right, "<u2").copy()
    ids[1234] = 377
    (out / "tokens" / "train-00000.bin").write_bytes(ids.tobytes())
    message = refused(cygnet(*command))
    assert "train holds 1 ids of dead rows, which no text becomes: the first is 377, 1 times" in (
        message
    )
    assert cygnet(*command, "--overwrite").returncode == 0
    assert (out / "tokens" / "train-00000.bin").read_bytes() == right


# Recipes


def test_the_whole_recipe(finished_run: Path, tmp_path: Path) -> None:
    small = ("--transformer.steps", "4", "--transformer.block-size", "32", "--xray.max-tokens", "9")
    often = ("--transformer.log-every", "2", "--transformer.eval-every", "4")
    options = (*TEXT, *ROWS, "--tokenizer.base", finished_run, "--tokenizer.sample", "200")
    command = ("run", "duckling-ii", *options, *small, *often, "--out", tmp_path)
    result = cygnet(*command)
    assert result.returncode == 0, result.stderr
    assert "bits per byte are those of the text as it decodes" in result.stderr
    record = json.loads((tmp_path / "tokenizer" / "stage.json").read_text())["results"]
    assert (record["live"], record["dead"], record["sample_documents"]) == (350, 50, 200)
    tokenizer = Tokenizer.load(tmp_path)
    assert isinstance(tokenizer, CompactTokenizer)
    assert Tokenizer.load(tmp_path / "transformer").sha256 == tokenizer.sha256
    TokenStore.open(tmp_path).verify(tokenizer)
    assert "200 sample documents" in (tmp_path / "xray" / "report.html").read_text()
    assert cygnet(*command).stderr.count("is finished") == 5


def test_presets_are_those_of_the_original() -> None:
    faithful, lossless = (
        PRESETS[name]().tokenizer for name in ("duckling-ii", "duckling-lossless")
    )
    rows = {"vocab_size": 8192, "live": 6144, "dead": 2048, "sample": 100_000, "seed": 42}
    for options in (faithful, lossless):
        assert {name: getattr(options, name) for name in rows} == rows
        assert options.base == "hub:openai-community/gpt2"
    assert not faithful.lossless
    assert lossless.lossless
    assert lossless.special_tokens == ("<|endoftext|>", "<|padding|>")


def repository(folder: Path) -> dict[str, bytes]:
    """The files of a model's tokenizer as its authors put them on the hub, and one not needed."""
    names = {"vocab.json": "encoder.json", "merges.txt": "vocab.bpe"}
    files = {name: (folder / file).read_bytes() for name, file in names.items()}
    return files | {"model.safetensors": bytes(20_000)}


def test_a_base_on_the_hub(data: Path, tmp_path: Path) -> None:
    repo = "openai-community/gpt2"
    with HubServer({repo: repository(data / "tokenizers" / "gpt2")}) as hub:
        options = (*TEXT, "--tokenizer.sample", "200", "--tokenizer.vocab-size", "500")
        rows = ("--tokenizer.live", "400", "--tokenizer.dead", "100")
        command = ("tokenizer", "train", "duckling-ii", *options, *rows, "--out", tmp_path / "run")
        environment = hub.env(tmp_path / "home")
        assert cygnet(*command, env=environment).returncode == 0
        assert not hub.bodies("model.safetensors")
        assert len(hub.bodies("vocab.json")) == 1
        assert "is finished" in cygnet(*command, env=environment).stderr
        assert len(hub.bodies("vocab.json")) == 1
        compacting = ("tokenizer", "compact", "--text", "stories:1:3", "--out", tmp_path / "out")
        wanted = ("--base", "hub:openai-community/gpt3")
        message = refused(cygnet(*compacting, *wanted, env=environment))
        assert "the hub does not give hub:openai-community/gpt3 (it answers 404)" in message
        assert "takes a folder with tokenizer.json, or with vocab.json and merges.txt" in message
    tokenizer = Tokenizer.load(tmp_path / "run")
    assert isinstance(tokenizer, CompactTokenizer)
    assert tokenizer.base.vocab_size == 50257
    offline = environment | {"HF_HUB_OFFLINE": "1"}
    small = ("--live", "50", "--base", f"hub:{repo}@main")
    assert cygnet(*compacting, *small, env=offline).returncode == 0
    assert "is no repository" in refused(cygnet(*compacting, "--base", "hub:a/b/c", env=offline))


def test_another_base_is_another_stage(finished_run: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "run"
    BASE.save(base)
    command = ("tokenizer", "train", "duckling-ii", *TEXT, *ROWS, "--tokenizer.base", base)
    assert cygnet(*command, "--out", out).returncode == 0
    Tokenizer.train(STORIES, vocab_size=650).save(base)
    message = refused(cygnet(*command, "--out", out))
    assert "tokenizer.base tokenizer.json has changed since" in message


def test_dead_rows_of_a_trained_vocabulary(tmp_path: Path) -> None:
    options = (*TEXT, "--tokenizer.vocab-size", "300", "--tokenizer.dead", "10")
    result = cygnet("tokens", "build", "demo", *options, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert Tokenizer.load(tmp_path).dead_ids == range(290, 300)
    assert TokenStore.open(tmp_path).manifest.vocab_size == 300
