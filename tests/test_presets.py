"""Model shapes: published parameter counts, training in every order, configs of others."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from conftest import cygnet, refused
from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.recipe import TransformerOptions
from cygnet.recipes import demo
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.store import TokenStore
from cygnet.transformer.attention import model_inputs, to_tensors
from cygnet.transformer.loss import token_losses
from cygnet.transformer.presets import PRESETS, make_config, nanochat
from cygnet.transformer.shapes import (
    count_layers,
    find_shape,
    nanochat_learning_rate,
    nanochat_shape,
    settle,
    with_layers,
)
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import train

BYTES = Tokenizer([], n_dead=3)
FAMILIES = ("gpt2", "llama", "qwen2.5", "nanochat", "tiny-llm", "duckling-ii")
OPTIONS = TransformerOptions(
    **{"n_layer": 2, "n_head": 2, "n_embd": 32, "block_size": 24, "batch_size": 3},
    **{"steps": 6, "learning_rate": 1e-2, "warmup_steps": 0, "log_every": 2, "eval_every": 6},
    precision="fp32",
)
FREE = replace(OPTIONS, n_layer=None, n_head=None, n_embd=None)


def n_parameters(config: Any) -> int:
    with torch.device("meta"):
        return int(AutoModelForCausalLM.from_config(config).num_parameters())  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("name", "vocab_size", "expected"),
    [  # the parameter counts that the model cards on the hub show for the safetensors files
        ("gpt2-small", 50_257, 124_439_808),
        ("gpt2-medium", 50_257, 354_823_168),
        ("gpt2-large", 50_257, 774_030_080),
        ("gpt2-xl", 50_257, 1_557_611_200),
        ("qwen2.5-0.5b", 151_936, 494_032_768),
        ("qwen2.5-1.5b", 151_936, 1_543_714_304),
        ("qwen2.5-7b", 152_064, 7_615_616_512),
    ],
)
def test_published_sizes(name: str, vocab_size: int, expected: int) -> None:
    assert n_parameters(PRESETS[name](vocab_size)) == expected


@pytest.mark.parametrize(
    ("depth", "expected"),
    # d20, d34: model cards of nanochat-students/base-d20 and karpathy/nanochat-d34
    [(20, 560_988_160), (32, 1_879_048_192), (34, 2_217_082_880)],
)
def test_nanochat_sizes(depth: int, expected: int) -> None:
    config = nanochat(65_536, **asdict(nanochat_shape(depth)), block_size=2048)
    assert n_parameters(config) == expected
    assert config.num_attention_heads == config.num_key_value_heads == depth // 2


@pytest.mark.parametrize("depth", range(1, 41))
def test_every_depth_has_a_model(depth: int) -> None:
    for preset in ("nanochat", "qwen2.5"):
        options = replace(
            OPTIONS, preset=preset, depth=depth, n_layer=None, n_head=None, n_embd=None
        )
        config = make_config(options, 300)
        assert (config.num_hidden_layers, config.hidden_size) == (depth, 64 * depth)
        head = config.hidden_size // config.num_attention_heads
        assert head * config.num_attention_heads == config.hidden_size
        assert head % 2 == 0
        assert head <= 128
        assert config.num_attention_heads % config.num_key_value_heads == 0


def test_presets_are_those_of_the_recipe() -> None:
    assert set(PRESETS) == set(get_args(get_type_hints(TransformerOptions)["preset"]))


def test_the_boundary_is_the_only_special_token() -> None:
    for name in PRESETS:
        shape = {} if name not in FAMILIES else {"n_layer": 1, "n_head": 2, "n_embd": 32}
        more = {"block_size": 16} if shape else {}
        config = PRESETS[name](300, **shape, **more, boundary_id=256)
        assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (256, 256, None)
        assert config.vocab_size == 300


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    folder = tmp_path_factory.mktemp("presets")
    texts = ["a red ball", "Tom ran", "x" * 30, "the end", "one", "she said no"]
    build(folder, BYTES, {"train": texts, "valid": texts[1:4]})
    return TokenStore.open(folder)


@pytest.mark.parametrize(("order", "precision"), [("epoch", "bf16"), ("packed", "fp32")])
@pytest.mark.parametrize("preset", FAMILIES)
def test_each_family_trains(
    store: TokenStore, preset: Any, order: Any, precision: Any, tmp_path: Path
) -> None:
    options = replace(OPTIONS, preset=preset, order=order, precision=precision)
    model = new_model(options, BYTES)
    assert model.get_input_embeddings().weight.shape == (260, 32)  # type: ignore[no-untyped-call]
    result = train(model, store, tmp_path / "run", options, BYTES.token_lengths())
    assert result.metrics["valid_nats_per_token"] < torch.tensor(260).log() - 0.3
    rows = to_tensors(
        store.plan("train", block_size=24, order="packed").read(torch.arange(2).numpy())
    )
    before = token_losses(result.model, **rows).detach()
    result.model.save_pretrained(tmp_path / "model")
    BYTES.save(tmp_path / "model")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model", attn_implementation="eager")
    # In bf16 accelerate has wrapped the model that was trained: it still computes in it.
    tolerance = 1e-4 if precision == "fp32" else 0.03
    torch.testing.assert_close(token_losses(loaded, **rows), before, rtol=0, atol=tolerance)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")  # type: ignore[no-untyped-call]
    assert len(tokenizer) == loaded.config.vocab_size


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("preset", ["qwen2.5", "nanochat", "tiny-llm"])
def test_a_packed_document_is_as_alone(store: TokenStore, preset: Any, attention: str) -> None:
    """Positions and masks are honoured: logits are those of the document by itself."""
    torch.manual_seed(0)
    config = make_config(replace(OPTIONS, preset=preset), 260, 256)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()  # type: ignore[no-untyped-call]
    assert isinstance(model, PreTrainedModel)
    for weight in model.parameters():  # larger ones let a token feel what it sees
        weight.data.mul_(8)
    plan = store.plan("train", block_size=24, order="packed")
    shared = 0
    for x, positions, documents in packed_rows(plan.read(torch.arange(len(plan)).numpy())):
        with torch.inference_mode():
            inputs = model_inputs(model, x[None], positions[None], documents[None])
            together = model(**inputs).logits[0]
            for document in set(documents.tolist()) - {-1}:
                inside = documents == document
                alone = model(input_ids=x[inside][None]).logits[0]
                torch.testing.assert_close(together[inside], alone, rtol=1e-4, atol=1e-4)
                if positions[inside][0] == 0 and not inside[0]:
                    plain = model(input_ids=x[None]).logits[0][inside]
                    assert not torch.allclose(plain, alone, atol=1e-2)
                    shared += 1
    assert shared > 1


def packed_rows(batch: Any) -> Iterator[tuple[torch.Tensor, ...]]:
    rows = to_tensors(batch)
    yield from zip(rows["x"], rows["positions"], rows["document_ids"], strict=True)


def test_nanochat_has_no_padding_row(store: TokenStore, tmp_path: Path) -> None:
    """With the default of NanoChatConfig, token 1 would never be learned."""
    options = replace(OPTIONS, preset="nanochat", steps=1, log_every=1, eval_every=1)
    model = new_model(options, BYTES)
    token_losses(model, torch.tensor([[1, 2, 1]]), torch.tensor([[2, 1, 2]])).sum().backward()  # type: ignore[no-untyped-call]
    assert model.model.embed_tokens.weight.grad[1].abs().sum() > 0


def test_what_decides_the_shape() -> None:
    assert find_shape(replace(FREE, preset="nanochat", depth=12)).n_embd == 768
    assert find_shape(replace(FREE, preset="duckling-ii", n_embd=64)).n_head == 2
    assert find_shape(replace(FREE, preset="gpt2-xl")).n_layer == 48
    for wrong, message in (
        ({"preset": "llama"}, "preset llama needs n_layer, n_head, n_embd$"),
        ({"preset": "nanochat", "n_head": 2}, "needs n_layer, n_embd, or depth"),
        ({"preset": "llama", "depth": 4}, "nanochat and qwen2.5, not llama"),
        ({"preset": "nanochat", "depth": 0}, "depth must be at least 1, found 0"),
        (
            {"preset": "nanochat", "depth": 4, "n_layer": 2},
            "depth 4 has n_layer 4, found n_layer 2",
        ),
        ({"preset": "gpt2-small", "n_embd": 64}, "preset gpt2-small has n_embd 768, found n_embd"),
    ):
        with pytest.raises(InputError, match=message):
            find_shape(replace(FREE, **wrong))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="n_layer must be at least 1, found 0"):
        make_config(replace(OPTIONS, n_layer=0), 300)
    with pytest.raises(InputError, match="n_head 3 does not divide n_embd 32"):
        make_config(replace(OPTIONS, n_head=3), 300)


def test_a_preset_of_the_command_line_replaces_the_shape_of_the_recipe() -> None:
    options = demo().transformer
    by_depth = settle(replace(options, preset="nanochat", depth=6), {"preset", "depth"})
    assert find_shape(by_depth).n_embd == 384
    assert by_depth.learning_rate == nanochat_learning_rate(384)
    assert settle(replace(by_depth, preset="llama"), {"preset"}).depth is None
    kept = settle(replace(options, preset="gpt2"), {"preset"})
    assert find_shape(kept) == find_shape(options)
    asked = replace(options, preset="nanochat", learning_rate=1e-3)
    assert settle(asked, {"preset", "learning_rate"}).learning_rate == 1e-3
    assert settle(options, {"n_layer"}) == options


def test_other_layers(tmp_path: Path) -> None:
    """What a sweep over layers changes."""
    by_depth = replace(FREE, preset="nanochat", depth=4)
    assert count_layers(with_layers(by_depth, 2)) == 2
    assert find_shape(with_layers(by_depth, 2)).n_embd == 128
    assert with_layers(OPTIONS, 5).n_layer == 5
    with pytest.raises(InputError, match="preset gpt2-small has n_layer 12"):
        with_layers(replace(FREE, preset="gpt2-small"), 2)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(NEOX))
    by_file = replace(FREE, config=str(path))
    assert with_layers(by_file, 2) == by_file
    with pytest.raises(InputError, match=r"the layers of .*config\.json are those that it says"):
        with_layers(by_file, 3)
    path.write_text("{}")
    with pytest.raises(InputError, match="does not say how many layers"):
        count_layers(by_file)


def test_a_context_longer_than_that_of_the_model() -> None:
    options = replace(OPTIONS, n_layer=None, n_head=None, n_embd=None, preset="gpt2-small")
    with pytest.raises(
        InputError, match="block_size 1,025 is longer than the context of gpt2-small"
    ):
        make_config(replace(options, block_size=1025), 300)
    assert make_config(replace(options, block_size=1024), 300).n_positions == 1024


NEOX = {
    **{"model_type": "gpt_neox", "hidden_size": 32, "num_hidden_layers": 2},
    **{"num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 64},
}


def by_config(folder: Path, content: dict[str, Any] | str, **changes: Any) -> PreTrainedModel:
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return new_model(replace(FREE, config=str(path), **changes), BYTES)


@pytest.mark.parametrize(("order", "precision"), [("epoch", "bf16"), ("packed", "fp32")])
def test_any_causal_model_by_its_config(
    store: TokenStore, order: Any, precision: Any, tmp_path: Path
) -> None:
    model = by_config(tmp_path, NEOX, order=order)
    assert type(model).__name__ == "GPTNeoXForCausalLM"
    assert model.config.vocab_size == 260
    options = replace(OPTIONS, order=order, precision=precision)
    result = train(model, store, tmp_path / "run", options, BYTES.token_lengths())
    assert result.metrics["valid_nats_per_token"] < torch.tensor(260).log() - 0.3


def test_attention_of_its_own_is_kept(tmp_path: Path) -> None:
    """Gemma 2 caps its scores and GPT-OSS adds a sink, which no other attention knows of."""
    llama = by_config(tmp_path, {**SMALL_MODEL, "model_type": "llama"})
    assert llama.config._attn_implementation != "eager"
    for kind in ("gemma2", "gpt_oss"):
        more = {"head_dim": 16, "num_local_experts": 4, "num_experts_per_tok": 1}
        more = {"head_dim": 16} if kind == "gemma2" else more
        model = by_config(tmp_path, {**SMALL_MODEL, **more, "model_type": kind})
        assert model.config._attn_implementation == "eager"


@pytest.mark.parametrize("preset", FAMILIES)
def test_what_a_preset_wrote_is_a_config(preset: Any, tmp_path: Path) -> None:
    wanted = make_config(replace(OPTIONS, preset=preset), 260, 256)
    wanted.save_pretrained(tmp_path)
    found = by_config(tmp_path, (tmp_path / "config.json").read_text()).config
    ignored = {"architectures", "transformers_version", "dtype", "_attn_implementation"}
    plain = [{k: v for k, v in c.to_dict().items() if k not in ignored} for c in (wanted, found)]
    assert plain[0] == plain[1]


SMALL_MODEL = {
    **{"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2},
    **{"num_key_value_heads": 1, "intermediate_size": 32},
}
BERT = {key: value for key, value in SMALL_MODEL.items() if key != "num_key_value_heads"}


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        ({**NEOX, "num_hidden_layer": 3}, {}, "num_hidden_layer .did you mean num_hidden_layers"),
        ({**NEOX, "use_mrope": False}, {}, "has use_mrope, which GPTNeoXConfig"),
        ({**NEOX, "hidden_size": "32"}, {}, "Field 'hidden_size' expected int"),
        ({**NEOX, "num_attention_heads": 3}, {}, "describes no model that can be built"),
        ({**NEOX, "model_type": "gpt_nex"}, {}, 'model_type "gpt_nex".*did you mean gpt_neo'),
        ({"model_type": "t5"}, {}, "is no causal language model"),
        ({}, {}, "model_type null"),
        ("[1]", {}, "a config is a JSON object"),
        ("{", {}, "does not hold JSON"),
        ({**BERT, "model_type": "bert"}, {}, "BertLMHeadModel sees those behind it"),
        (NEOX, {"block_size": 65}, "block_size 65 is longer than the context of .*config.json, 64"),
        (
            {"model_type": "bloom", "hidden_size": 32, "n_layer": 1, "n_head": 2},
            {"order": "packed"},
            "BloomForCausalLM takes no position_ids",
        ),
        (
            {**SMALL_MODEL, "model_type": "mistral", "sliding_window": 8},
            {"order": "packed"},
            "sliding window of 8 tokens, fewer than block_size 24",
        ),
    ],
)
def test_configs_that_are_refused(
    content: Any, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CygnetError, match=message) as caught:
        by_config(tmp_path, content, **changes)
    assert isinstance(caught.value, InputError | DamagedError)
    assert "\n" not in str(caught.value)


def test_presets_on_the_command_line(tmp_path: Path) -> None:
    quick = (
        "--transformer.steps",
        "4",
        "--transformer.eval-every",
        "4",
    )
    model = ("--transformer.preset", "nanochat", "--transformer.depth", "1")
    run = ("transformer", "train", "demo")
    base = ("--text.train", "stories:1:3000", "--text.valid", "stories:2:60",
            "--tokenizer.vocab-size", "300", "--transformer.block-size", "32")  # fmt: skip
    result = cygnet(*run, *base, *quick, *model, "--transformer.log-every", "2", "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    saved = json.loads((tmp_path / "recipe.json").read_text())["transformer"]
    assert (saved["depth"], saved["n_layer"], saved["n_embd"]) == (1, None, None)
    assert saved["learning_rate"] == nanochat_learning_rate(64)
    written = json.loads((tmp_path / "transformer" / "config.json").read_text())
    assert (written["model_type"], written["hidden_size"]) == ("nanochat", 64)
    message = refused(cygnet(*run, *base, *quick, *model, "--transformer.n-layer", "2",
                             "--out", tmp_path / "other"))  # fmt: skip
    assert "depth 1 has n_layer 1, found n_layer 2" in message


def test_a_config_that_changes_makes_the_stage_stale(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    command = ("transformer", "train", "demo", "--text.train", "stories:1:300", "--text.valid",
               "stories:2:20", "--tokenizer.vocab-size", "300", "--transformer.block-size", "32",
               "--transformer.steps", "2", "--transformer.eval-every", "2",
               "--transformer.log-every", "2", "--transformer.config", path,
               "--out", tmp_path / "run")  # fmt: skip
    path.write_text(json.dumps({**NEOX, "hidden_siz": 3}))
    assert "hidden_siz (did you mean hidden_size?)" in refused(cygnet(*command))
    path.write_text(json.dumps(NEOX))
    result = cygnet(*command)
    assert result.returncode == 0, result.stderr
    written = json.loads((tmp_path / "run" / "transformer" / "config.json").read_text())
    assert written["vocab_size"] == 300
    path.write_text(json.dumps({**NEOX, "num_hidden_layers": 1}))
    assert "config.json has changed since" in refused(cygnet(*command))
