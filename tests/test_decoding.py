"""The decoder: whatever it has read before, it predicts what the model itself predicts."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from cygnet.transformer.dead_rows import mask_rows
from cygnet.transformer.decoding import Decoder, window_start
from cygnet.transformer.model import evaluating
from cygnet.transformer.readers import UNIFORM, UniformReader
from cygnet.transformer.tape import Tape
from small_models import CONFIGS, CONTEXT, SLIDING, greedy, new_model

TEXT = list(b"Once upon a time")


def plain_logits(model: PreTrainedModel, text: list[int]) -> torch.Tensor:
    window = text[window_start(len(text), CONTEXT) :]
    with torch.inference_mode():
        return model(input_ids=torch.tensor([window]), use_cache=False).logits[0, -1]


def assert_predicts(decoder: Decoder, texts: list[list[int]]) -> None:
    for text, found in zip(texts, decoder.logits(texts), strict=True):
        expected = plain_logits(decoder.model, text)
        assert torch.allclose(found, expected, atol=2e-4), (found - expected).abs().max()


def test_each_uniform_architecture_is_tried() -> None:
    assert {config.model_type for config in CONFIGS.values()} == UNIFORM


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", CONFIGS)
def test_greedy_is_that_of_transformers(name: str, attention: str) -> None:
    model = new_model(CONFIGS[name], attention)
    decoder, text = Decoder(model), [256, *b"On"]
    for _ in range(30):
        text.append(int(decoder.logits([text])[0].argmax()))
    expected = greedy(model, "On", 30)
    assert text[3 : 3 + len(expected)] == expected
    reader = decoder._reader
    assert isinstance(reader, UniformReader)
    # Eager attention copies grouped keys for each query head, to a size that is written down.
    is_grouped = attention == "eager" and hasattr(model.config, "num_key_value_heads")
    assert list(reader._is_right.values()) == [not is_grouped]


@pytest.mark.parametrize("name", CONFIGS)
def test_rows_side_by_side_are_as_alone(name: str) -> None:
    decoder = Decoder(new_model(CONFIGS[name]))
    texts = [TEXT[:3], TEXT, TEXT[:1]]
    for token in range(60, 60 + CONTEXT):  # behind a full context as well
        assert_predicts(decoder, texts)
        texts = [[*text, token] for text in texts]
    assert_predicts(decoder, texts[:2])


@given(st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=5)), max_size=12))
@settings(max_examples=20)
def test_any_way_to_a_text_gives_the_same(edits: list[tuple[int, bytes]]) -> None:
    decoder, text = Decoder(MODEL), [*TEXT]
    for n_back, more in edits:
        text = [*text[: max(1, len(text) - n_back)], *more]
        assert_predicts(decoder, [text])


MODEL = new_model(CONFIGS["llama"])


def test_a_window_moves_when_the_context_is_full() -> None:
    decoder, text = Decoder(new_model(CONFIGS["gpt2"])), [*TEXT]
    for token in range(3 * CONTEXT):
        text.append(token)
        assert_predicts(decoder, [text])
    starts = [window_start(n, CONTEXT) for n in range(1, 4 * CONTEXT)]
    lengths = [n - start for n, start in enumerate(starts, 1)]
    assert max(lengths) == CONTEXT
    assert min(lengths[CONTEXT:]) == CONTEXT // 2 + 1
    assert [window_start(n, None) for n in (1, 10**6)] == [0, 0]
    assert [n - window_start(n, 1) for n in range(1, 5)] == [1, 1, 1, 1]


def test_attention_in_a_sliding_window_is_kept() -> None:
    model = new_model(SLIDING)
    assert not UniformReader.takes(model)
    decoder, text = Decoder(model), [256, *b"On"]
    for _ in range(30):
        text.append(int(decoder.logits([text])[0].argmax()))
    expected = greedy(model, "On", 30)
    assert text[3 : 3 + len(expected)] == expected
    assert_predicts(decoder, [text, text[:9], text[:9]])
    assert_predicts(decoder, [text[:-4], text[:10]])


def test_masked_rows_stay_masked_in_a_recording() -> None:
    model = new_model(CONFIGS["gpt2"])
    mask_rows(model, [65, 66])
    decoder, text = Decoder(model), [*TEXT]
    for _ in range(5):
        text.append(70)
        assert decoder.logits([text])[0, 65:67].tolist() == [-torch.inf] * 2
    assert True in decoder._reader._is_right.values()  # type: ignore[attr-defined]


def test_hooks_of_others_are_called_in_every_step() -> None:
    model, seen = new_model(CONFIGS["gpt2"]), []
    assert len(decode(model, 6)) == 6
    handle = model.transformer.h[0].register_forward_hook(lambda *_: seen.append(1))
    decode(model, 6)
    handle.remove()
    assert len(seen) == 6


def decode(model: PreTrainedModel, n: int) -> list[int]:
    decoder, text = Decoder(model), [*TEXT]
    for _ in range(n):
        text.append(int(decoder.logits([text])[0].argmax()))
    return text[len(TEXT) :]


def test_new_weights_are_used_and_training_goes_on() -> None:
    model = new_model(CONFIGS["llama"])
    decode(model, 6)
    model.train()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    model.set_input_embeddings(torch.nn.Embedding(257, 32))
    decoder, text = Decoder(model), [*TEXT]
    for token in range(6):
        text.append(token)
        assert_predicts(decoder, [text])
    assert model.training


def test_a_recording_that_does_not_fit_is_not_used() -> None:
    class Odd(type(MODEL)):  # type: ignore[misc]
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            self.calls = getattr(self, "calls", 0) + 1
            output = super().forward(*args, **kwargs)
            output.logits = output.logits + self.calls  # another operation every time
            return output

    torch.manual_seed(1)
    model = Odd(CONFIGS["llama"]).eval()
    decode(model, 6)
    assert model.calls == 6


def test_a_tape_knows_when_values_decide() -> None:
    x = torch.tensor([3.0])
    with Tape({"x": x}) as tape:
        y = x + 1 if x > 2 else x - 1
    assert tape.depends_on_values
    with Tape({"x": x}) as tape:
        z = torch.zeros(2)
        z[1:] = x.view(1)
        first, second = z.split(1)
        y = (first * torch.inf).nan_to_num() + second.float() * 2
    assert not tape.depends_on_values
    assert tape.function(y)(torch.tensor([4.0])).tolist() == [8.0]


def test_one_token_and_a_way_back_cost_one_step() -> None:
    decoder, passes = Decoder(MODEL), []
    reader = decoder._reader
    read = reader.read
    reader.read = lambda rows: passes.append(len(rows[0])) or read(rows)  # type: ignore[method-assign,func-returns-value]
    text = [*TEXT]
    for _ in range(10):
        decoder.logits([text])
        text = [*text, 7]
    decoder.logits([[*text[:-6], 9]])
    decoder.logits([[*text[:-6], 9, 3]])
    assert passes == [len(TEXT)]


def test_a_model_in_training_is_left_as_it_was_also_after_an_error() -> None:
    model = new_model(CONFIGS["gpt2"])
    model.train()
    model.transformer.h[0].train(False)
    before = [module.training for module in model.modules()]
    with pytest.raises(RuntimeError, match="within"), evaluating(model):
        assert not any(module.training for module in model.modules())
        raise RuntimeError("within")
    assert [module.training for module in model.modules()] == before
