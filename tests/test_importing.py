"""Checkpoints of llama2.c: the documented story, the weights, the vocabulary, what is refused."""

import re
import struct
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

import llama2c
from conftest import cygnet, refused
from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.tokenizer import formats
from cygnet.tokenizer.formats.llama2c import read_llama2c
from cygnet.tokenizer.sentencepiece import SentencePieceTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.generation import generate
from cygnet.transformer.importing import import_llama2c
from cygnet.transformer.model import load_model
from cygnet.xray.tracing import trace

LEARNED = [" a", "aa", "ab", " ab", "é", "“", "aab", "bb", "abab"]
PIECES = llama2c.make_pieces(LEARNED)


def small_model(**changes: object) -> LlamaForCausalLM:
    torch.manual_seed(0)
    options = {
        **{"vocab_size": len(PIECES), "hidden_size": 16, "intermediate_size": 20},
        **{"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2},
        **{"max_position_embeddings": 24, "rms_norm_eps": 1e-5, "tie_word_embeddings": True},
    }
    model = LlamaForCausalLM(LlamaConfig(**{**options, **changes})).eval()
    for weight in model.parameters():
        weight.data.normal_(std=0.3)
    return model


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    llama2c.write_checkpoint(path, small_model())
    llama2c.write_vocabulary(tmp_path / f"tok{len(PIECES)}.bin", PIECES)
    return path


def test_the_documented_story(data: Path, tmp_path: Path) -> None:
    folder = data / "models" / "stories260K"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    documented = (folder / "stories260K.md").read_text()
    block = re.search(r"-t 0\.0\n(.*?)\n```", documented, re.DOTALL)
    assert block
    story = block.group(1)
    import_llama2c(folder / "stories260K.bin", tmp_path / "out")

    model, tokenizer = load_model(tmp_path / "out"), Tokenizer.load(tmp_path / "out")
    n = len(tokenizer.encode(story))
    drawn = [step.id for step in generate(model, tokenizer, "", max_tokens=n, temperature=0)]
    assert tokenizer.decode(drawn) == story

    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "out")  # type: ignore[no-untyped-call]
    prompt = theirs("Once upon a time", return_tensors="pt")
    ids = plain.generate(**prompt, max_length=1 + n, do_sample=False)[0]
    assert theirs.decode(ids, skip_special_tokens=True) == story

    found = trace(tmp_path / "out", text=story)
    assert found.bits_per_byte < 0.6  # likely under the model that wrote it


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    "changes",
    [{}, {"tie_word_embeddings": False}, {"num_hidden_layers": 1}, {"num_key_value_heads": 4}],
)
def test_weights_are_those_of_the_model(
    version: int, changes: dict[str, object], tmp_path: Path
) -> None:
    model = small_model(**changes)
    llama2c.write_checkpoint(tmp_path / "m.bin", model, version)
    llama2c.write_vocabulary(tmp_path / "tokenizer.bin", PIECES)
    import_llama2c(tmp_path / "m.bin", tmp_path / "out")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    expected = model.state_dict()
    assert found.state_dict().keys() == expected.keys()
    assert all(torch.equal(expected[name], tensor) for name, tensor in found.state_dict().items())
    ids = torch.randint(0, len(PIECES), (1, 24))
    with torch.inference_mode():
        assert torch.equal(found(input_ids=ids).logits, model(input_ids=ids).logits)


text = st.text(st.sampled_from('ab “"é\n▁<0x>s/') | st.characters(exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> tuple[SentencePieceTokenizer, Path]:
    folder = tmp_path_factory.mktemp("vocabulary")
    llama2c.write_vocabulary(folder / "tok.bin", PIECES)
    return read_llama2c(folder / "tok.bin"), folder


@given(text=text)
def test_ids_are_those_of_llama2c_and_tokenizers(
    text: str, vocabulary: tuple[SentencePieceTokenizer, Path]
) -> None:
    import tokenizers

    tokenizer, folder = vocabulary
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    if not (folder / "tokenizer.json").exists():
        tokenizer.save(folder)
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    if not any(name in text for name in ("<s>", "</s>", "<unk>")):
        assert ids == llama2c.encode(PIECES, text)
        assert [1, *ids] == theirs.encode(text).ids
    assert theirs.decode(ids) == text or "<" in text


def test_the_vocabulary_on_disk(
    vocabulary: tuple[SentencePieceTokenizer, Path], tmp_path: Path
) -> None:
    tokenizer, _ = vocabulary
    tokenizer.save(tmp_path)
    found = Tokenizer.load(tmp_path)
    assert isinstance(found, SentencePieceTokenizer)
    assert found.sha256 == tokenizer.sha256
    assert (found.boundary_id, found.vocab_size) == (1, len(PIECES))
    assert found.encode("abab\x00é", prepend="<s>") == tokenizer.encode("abab\x00é", prepend=1)
    ids, offsets = found.encode_batch(["ab", "", "aab"], append="<s>")
    documents = [ids[start:end].tolist() for start, end in pairwise(offsets)]
    assert [document.pop() for document in documents] == [1, 1, 1]
    assert [*map(found.decode, documents)] == ["ab", "", "aab"]
    texts = [found.encode(chr(i)) for i in range(1, 0x800)]
    used = {token for ids in texts for token in ids}
    assert not used & set(found.unreachable_ids())
    assert "pieces" in found.facts()["vocabulary"]
    with pytest.raises(InputError, match="write it as hf"):
        formats.save(found, tmp_path / "x.tiktoken", "tiktoken")
    broken = (tmp_path / "tokenizer.json").read_text().replace('"aab": ', '"aab": 9')
    (tmp_path / "tokenizer.json").write_text(broken)
    with pytest.raises(DamagedError):
        Tokenizer.load(tmp_path)


def header(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no checkpoint of llama2.c: it has 0 bytes"),
        (b"PK\x03\x04" + bytes(60), "is no checkpoint of llama2.c: its header says dim 67324752"),
        (b"GGUF" + header(3, 0, 0, 0, 0, 0, 0, 0, 0), "no checkpoint of llama2.c: its header"),
        (header(16, 20, 2, 3, 3, 300, 24) + bytes(40), "header says dim 16, .* n_heads 3"),
        (header(16, 20, 2, 4, 3, 300, 24) + bytes(40), "n_kv_heads 3"),
        (header(0x616B3432, 2, 16, 20, 2, 4, 2, 300, 24) + bytes(300), "in version 2: 0 and 1"),
        (header(16, 20, 2, 4, 2, 300, 24) + bytes(40), "has 68 bytes, and its header makes"),
    ],
)
def test_files_that_are_no_checkpoint(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    with pytest.raises(CygnetError, match=message) as caught:
        import_llama2c(path, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("n_bytes", [-4, -1, 1, 4])
def test_a_checkpoint_of_another_size(checkpoint: Path, n_bytes: int, tmp_path: Path) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[:n_bytes] if n_bytes < 0 else content + bytes(n_bytes))
    with pytest.raises(DamagedError, match="is damaged, or no checkpoint of"):
        import_llama2c(checkpoint, tmp_path / "out")


def test_vocabularies_that_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    good = tmp_path / f"tok{len(PIECES)}.bin"
    other = tmp_path / "other.bin"
    for pieces, message in (
        (PIECES[:-1], f"has {len(PIECES) - 1} tokens, and the model in .* {len(PIECES)}: it was"),
        (PIECES[3:], "is no vocabulary of llama2.c: it begins with <unk>, <s>, </s>"),
        (PIECES[:50] + PIECES[51:], "and has the 256 bytes"),
        ([*PIECES[:-1], (b"\xff", 0.0)], "is no text"),
        ([*PIECES[:-1], PIECES[-2]], "are spelled the same"),
    ):
        llama2c.write_vocabulary(other, pieces)
        with pytest.raises(CygnetError, match=message):
            import_llama2c(checkpoint, tmp_path / "out", other)
    other.write_bytes(good.read_bytes()[:-1])
    with pytest.raises(DamagedError, match="is damaged"):
        import_llama2c(checkpoint, tmp_path / "out", other)
    good.unlink()
    with pytest.raises(InputError, match=rf"no tok{len(PIECES)}.bin or tokenizer.bin beside"):
        import_llama2c(checkpoint, tmp_path / "out")


def test_import_on_the_command_line(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = cygnet("transformer", "import", checkpoint, out)
    assert result.returncode == 0, result.stderr
    assert "parameters" in result.stdout
    assert cygnet("xray", "trace", out, "ab é").returncode == 0
    assert "exists already" in refused(cygnet("transformer", "import", checkpoint, out))


def test_a_checkpoint_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.bin does not exist"):
        import_llama2c(tmp_path / "none.bin", tmp_path / "out")
