"""The loss on any text: against a computation with transformers alone, and a run's own figures."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
from tokenizers import decoders, models, normalizers
from transformers import LlamaConfig, PreTrainedModel, PreTrainedTokenizerFast

from commands import cygnet, refused
from cygnet.errors import InputError
from cygnet.text.batch import TextBatch
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.any_tokenizer import load_tokenizer
from cygnet.transformer.other_tokenizers import TransformersTokenizer
from cygnet.transformer.text_evaluation import encode_text, evaluate_text
from cygnet.transformer.text_evaluation_view import print_losses
from cygnet.xray.tracing import trace
from small_models import BYTES, CONFIGS, CONTEXT, SHAPE, new_model

DOCUMENTS = ["Once upon a time, there was a fox. 🦢 " * 3, "é", "", "And another one."]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return new_model(CONFIGS["gpt2"])


def nats(model: PreTrainedModel, ids: list[int], i: int, begin: int) -> float:
    """The loss of token ``i`` behind tokens ``begin .. i - 1``, in a pass of its own."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids[begin:i]])).logits[0, -1]
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(ids[i])))


@pytest.mark.parametrize("stride", [None, 1, 17, CONTEXT])
@pytest.mark.parametrize("boundary", [True, False])
def test_by_hand(model: PreTrainedModel, stride: int | None, boundary: bool) -> None:
    tokenizer = Tokenizer([]) if boundary else Tokenizer([], special_tokens=())
    text = encode_text(tokenizer, [TextBatch.from_strings(DOCUMENTS)])
    end = [256] if boundary else []
    ids = [*end, *(i for document in DOCUMENTS for i in (*document.encode(), *end))]
    assert text.ids.tolist() == ids
    found = evaluate_text(model, text, stride=stride)
    hop = CONTEXT // 2 if stride is None else stride
    # The window that first reaches token i begins at a multiple of the stride.
    begins = [max(0, -(-(i - CONTEXT) // hop) * hop) for i in range(len(ids))]
    expected = [nats(model, ids, i, begins[i]) for i in range(1, len(ids))]
    assert found.nats[1:].tolist() == pytest.approx(expected, abs=1e-4)
    assert found.tokens == len(expected)
    assert found.nats_per_token == pytest.approx(sum(expected) / len(expected), abs=1e-5)
    bits = sum(n for n, i in zip(expected, ids[1:], strict=True) if i < 256) / math.log(2)
    n_bytes = sum(len(document.encode()) for document in DOCUMENTS) - (not boundary)
    assert found.bits_per_byte == pytest.approx(bits / n_bytes, abs=1e-5)


def test_short_texts(model: PreTrainedModel) -> None:
    one = evaluate_text(model, encode_text(BYTES, [TextBatch.from_strings(["a"])]))
    assert (one.tokens, one.text.text_bytes) == (2, 1)
    for n in (CONTEXT - 1, CONTEXT, CONTEXT + 1):
        found = evaluate_text(model, encode_text(BYTES, [TextBatch.from_strings(["a" * n])]))
        assert found.tokens == n + 1 and (found.nats[1:] > 0).all()


@pytest.mark.parametrize("n", [1, CONTEXT - 1, CONTEXT, CONTEXT + 1, 5 * CONTEXT + 7])
def test_a_trace_has_the_same_losses(model: PreTrainedModel, n: int) -> None:
    document = ("Once upon a time, there was a fox. " * n)[:n]
    text = encode_text(BYTES, [TextBatch.from_strings([document])])
    traced = [token.figures for token in trace(model, BYTES, document).tokens]
    losses = [-figures.log_probability for figures in traced if figures]
    assert evaluate_text(model, text).nats[1:-1].tolist() == pytest.approx(losses, abs=1e-4)


def test_a_text_without_bytes_has_no_bits_per_byte(
    model: PreTrainedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluate_text(model, encode_text(BYTES, [TextBatch.from_strings(["", ""])]))
    assert (found.tokens, found.text.text_bytes, found.bits_per_byte) == (2, 0, None)
    assert found.to_dict()["bits_per_byte"] is None
    print_losses({"empty": found}, BYTES)
    assert capsys.readouterr().out.splitlines()[1].split()[-1] == "-"


def test_what_cannot_be_is_refused(model: PreTrainedModel) -> None:
    plain = Tokenizer([], special_tokens=())
    for documents in ([], ["a"], [""]):
        with pytest.raises(InputError, match="no text to evaluate"):
            encode_text(plain, [TextBatch.from_strings(documents)])
    text = encode_text(BYTES, [TextBatch.from_strings(DOCUMENTS)])
    for stride in (0, CONTEXT + 1):
        with pytest.raises(InputError, match="stride must lie in"):
            evaluate_text(model, text, stride=stride)


def test_a_run_on_its_own_validation_text(finished_run: Path) -> None:
    """With a stride of the whole context, the figures are those that the training ended with."""
    valid = finished_run / "text" / "valid.txt"
    options = ("--text", valid, "stories:5:2", "--stride", "64", "--json")
    result = cygnet("transformer", "eval", finished_run, *options)
    found = json.loads(result.stdout)
    assert list(found) == [str(valid), "stories:5:2"]
    lines = (finished_run / "transformer" / "metrics.jsonl").read_text().splitlines()
    metrics = json.loads(lines[-1])
    ours = found[str(valid)]
    for key in ("nats_per_token", "bits_per_byte"):
        assert ours[key] == pytest.approx(metrics[f"valid_{key}"], rel=1e-5)
    manifest = json.loads((finished_run / "tokens" / "manifest.json").read_text())
    assert ours["tokens"] == manifest["splits"]["valid"]["tokens"]
    assert ours["text_bytes"] == manifest["splits"]["valid"]["text_bytes"]


def test_the_tokens_of_a_text(finished_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text("One day, a fox sat down.")
    options = ("transformer", "eval", finished_run, "--text", path, "--tokens")
    [found] = json.loads(cygnet(*options, "--json").stdout).values()
    rows = found["token_losses"]
    pieces = [bytes.fromhex(row["bytes"]) for row in rows]
    assert b"".join(pieces[:-1]).decode() == path.read_text()
    assert [row["is_text"] for row in rows] == [True] * (len(rows) - 1) + [False]
    total = sum(row["nats"] for row in rows if row["is_text"])
    assert found["bits_per_byte"] == pytest.approx(total / math.log(2) / 24)
    table = cygnet(*options).stdout
    assert f"{found['bits_per_byte']:.4f}" in table and "  ·sat\n" in table


def test_eval_says_what_is_wrong(finished_run: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    for options, said in (
        ((), "name a text"),
        (("--text", empty), "empty.txt"),
        (("--text", "stories:1:1", "--stride", "0"), "stride"),
    ):
        assert said in refused(cygnet("transformer", "eval", finished_run, *options))


@pytest.fixture(scope="module")
def sentencepiece_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a tokenizer in Llama 2's manner: byte fallback, a blank in front."""
    names = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))]
    pieces = [*names, "▁", *"Once fox.dayupthir", "▁a", "▁f", "▁fo", "▁fox", "▁O", "▁On"]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    merges = [("▁", "a"), ("▁", "f"), ("▁f", "o"), ("▁fo", "x"), ("▁", "O"), ("▁O", "n")]
    model = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    names_of: Any = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    folder = tmp_path_factory.mktemp("llama")
    PreTrainedTokenizerFast(tokenizer_object=backend, **names_of).save_pretrained(folder)
    shape = SHAPE | {"vocab_size": len(vocabulary), "bos_token_id": 1, "eos_token_id": 2}
    new_model(LlamaConfig(**shape)).save_pretrained(folder)
    return folder


def test_a_tokenizer_in_the_manner_of_sentencepiece(sentencepiece_folder: Path) -> None:
    tokenizer = load_tokenizer(sentencepiece_folder)
    assert isinstance(tokenizer, TransformersTokenizer)
    assert (tokenizer.boundary_id, tokenizer.end_id) == (1, 2)
    text = "Once a fox </s> 🦢"
    ids = tokenizer.encode(text)
    assert 2 not in ids, "text that spells a special token is text"
    assert b"".join(map(tokenizer.token_bytes, ids)).decode() == " " + text
    assert tokenizer.token_bytes(2) == b"</s>"

    found = encode_text(tokenizer, [TextBatch.from_strings([text, "a"])])
    assert found.ids.tolist() == [1, *ids, 2, 1, *tokenizer.encode("a"), 2]
    assert found.text_bytes == len(text.encode()) + 1
    assert np.flatnonzero(found.kinds == 0).tolist() == [0, len(ids) + 2]
    result = cygnet("transformer", "eval", sentencepiece_folder, "--text", "stories:1:1")
    assert result.returncode == 0, result.stderr
    written = cygnet("transformer", "generate", sentencepiece_folder, "--max-tokens", "5")
    assert written.stdout.startswith("Once upon a time"), written.stderr


def test_without_a_beginning_the_blank_in_front_is_no_text(sentencepiece_folder: Path) -> None:
    tokenizer = TransformersTokenizer.load(sentencepiece_folder)
    tokenizer._tokenizer.bos_token = tokenizer._tokenizer.eos_token = None
    found = encode_text(tokenizer, [TextBatch.from_strings(["fox a"])])
    assert found.text_bytes == len(" a")


def test_byte_level_tokens_of_transformers(finished_run: Path) -> None:
    ours, theirs = (
        Tokenizer.load(finished_run),
        TransformersTokenizer.load(finished_run / "transformer"),
    )
    for token in range(ours.vocab_size):
        assert theirs.token_bytes(token) == ours.token_bytes(token)
    assert theirs.boundary_id == theirs.end_id == ours.boundary_id
    text = "Once upon a time <|endoftext|>"
    assert theirs.encode(text) == ours.encode(text)


def test_a_tokenizer_that_is_none_is_named(tmp_path: Path, model: PreTrainedModel) -> None:
    model.save_pretrained(tmp_path)
    assert "tokenizer" in refused(cygnet("transformer", "eval", tmp_path, "--text", "stories:1:1"))
    (tmp_path / "tokenizer.json").write_text("{}")
    assert "tokenizer" in refused(cygnet("transformer", "generate", tmp_path))
    BYTES.save(tmp_path)
    assert trace(tmp_path, text="Once").tokens
