"""How a model reads tokens: any model as ``transformers`` does, known ones with less around it."""

import sys
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from cygnet.transformer.attention import as_mask, document_mask
from cygnet.transformer.dead_rows import mask_logits, masked_ids
from cygnet.transformer.kv_cache import KVCache, as_transformers_cache
from cygnet.transformer.model import evaluating
from cygnet.transformer.tape import Step, Tape

UNIFORM = {"gpt2", "gpt_neox", "llama", "mistral", "nanochat", "qwen2", "qwen3"}
"""Architectures whose step is the same operations whatever the tokens are, and whose layers, unless
the config says otherwise, attend to all tokens before. ``tests/test_decoding.py`` has each."""

Kind = tuple[int, bool]
"""The rows of a step, and whether it has a mask."""
_KEPT: WeakKeyDictionary[
    PreTrainedModel,
    tuple[list[torch.nn.Parameter], list[int], dict[Kind, Step], dict[Kind, bool]],
] = WeakKeyDictionary()


class Reader:
    """Reads one text into the cache that ``transformers`` has for the model.

    Args:
        model: Any causal language model.

    Attributes:
        most_dropped: How many tokens ``step`` can take back.
    """

    most_dropped = 0

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self._cache = DynamicCache()

    def read(self, rows: list[list[int]]) -> torch.Tensor:
        """The logits that follow each row of tokens; what was read before is forgotten."""
        self._cache = DynamicCache(config=self.model.config)
        return self._call(rows)

    def step(self, tokens: list[int], n_dropped: int) -> torch.Tensor:
        """The logits that follow one more token in each row.

        Args:
            tokens: One for each row.
            n_dropped: How many tokens at the end of each row are taken back before.
        """
        return self._call([[token] for token in tokens])

    def _call(self, rows: list[list[int]], **inputs: Any) -> torch.Tensor:
        ids = torch.tensor(rows, device=self.model.device)
        with evaluating(self.model):
            output = self.model(
                input_ids=ids,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
                **inputs,
            )
        logits: torch.Tensor = output.logits[:, -1]
        return logits


class UniformReader(Reader):
    """Reads several texts side by side, and steps by a recording of the model's operations.

    Shorter texts have padding before them, which no token attends to. The first step is recorded;
    the second one runs the recording beside the model, and where the two differ in any bit the
    model goes on by itself.
    """

    most_dropped = sys.maxsize

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__(model)
        self._adds_mask = model.config._attn_implementation == "eager"
        self._recorded, self._is_right = _recordings(model)

    @staticmethod
    def takes(model: PreTrainedModel) -> bool:
        """Whether a model can be read in this way."""
        layers = DynamicCache(config=model.config).layers
        return (
            model.config.model_type in UNIFORM
            and model.config._attn_implementation in ("sdpa", "eager")
            and all(type(layer) is DynamicLayer for layer in layers)
        )

    def read(self, rows: list[list[int]]) -> torch.Tensor:
        """The logits that follow each row of tokens; what was read before is forgotten."""
        longest = max(map(len, rows))
        self._padding = torch.tensor(
            [[longest - len(row)] for row in rows], device=self.model.device
        )
        self._is_padded = bool(self._padding.any())
        self._is_watched = is_watched(self.model)
        padded = [[0] * (longest - len(row)) + row for row in rows]
        self._cache = DynamicCache(config=self.model.config)
        logits = self._call(padded, **(self._padded_inputs(longest) if self._is_padded else {}))
        self._states = KVCache(self._cache)
        return logits

    def _padded_inputs(self, longest: int) -> dict[str, torch.Tensor]:
        places = torch.arange(longest, device=self.model.device)
        is_text = (places >= self._padding).long()
        return {
            "position_ids": (places - self._padding).clamp(min=0),
            "attention_mask": document_mask(is_text, self._mask_kind),
        }

    def step(self, tokens: list[int], n_dropped: int) -> torch.Tensor:
        """The logits that follow one more token in each row; see ``Reader.step``."""
        self._states.crop(self._states.length - n_dropped)
        inputs = self._step_inputs(tokens)
        states = self._states.begin_token()
        kind = len(tokens), "attention_mask" in inputs
        if self._is_watched or self._is_right.get(kind) is False:
            return self._call_step(inputs, states)
        if kind in self._is_right:
            return self._recorded[kind](*inputs.values(), *states)
        if kind in self._recorded:
            return self._check(kind, inputs, states)
        with Tape(inputs | {f"state_{i}": state for i, state in enumerate(states)}) as tape:
            logits = self._call_step(inputs, states)
        self._recorded[kind] = tape.function(logits)
        if tape.depends_on_values:
            self._is_right[kind] = False
        return logits

    def _check(
        self, kind: Kind, inputs: dict[str, torch.Tensor], states: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        """A step by the model itself, and whether the recording gives the same."""
        logits = self._call_step(inputs, states)
        self._is_right[kind] = False
        with suppress(RuntimeError):  # a size that was the length of the text is now another
            again = self._recorded[kind](*inputs.values(), *states)
            self._is_right[kind] = torch.equal(again, logits)
        return logits

    def _step_inputs(self, tokens: list[int]) -> dict[str, torch.Tensor]:
        """Named as the model names them."""
        n_before = self._states.length
        inputs = {
            "input_ids": torch.tensor([[token] for token in tokens], device=self.model.device)
        }
        inputs["position_ids"] = n_before - self._padding
        if self._is_padded or self._adds_mask:
            places = torch.arange(n_before + 1, device=self.model.device)
            allowed = (places >= self._padding)[:, None, None]
            inputs["attention_mask"] = as_mask(allowed, self._mask_kind)
        return inputs

    def _call_step(
        self, inputs: dict[str, torch.Tensor], states: tuple[torch.Tensor, ...]
    ) -> torch.Tensor:
        cache = as_transformers_cache(states)
        with evaluating(self.model):
            output = self.model(**inputs, past_key_values=cache, use_cache=True)
            logits: torch.Tensor = output.logits[:, -1]
        return logits

    @property
    def _mask_kind(self) -> torch.dtype:
        return self.model.dtype if self._adds_mask else torch.bool


def _recordings(model: PreTrainedModel) -> tuple[dict[Kind, Step], dict[Kind, bool]]:
    """What was recorded of a model before, and what of it is right.

    Recording takes as long as some 20 steps; a recording holds as long as the parameters are the
    same objects, whatever is in them, and the same tokens are masked.
    """
    parameters, masked = list(model.parameters()), masked_ids(model)
    kept = _KEPT.get(model)
    if kept is None or [*map(id, kept[0])] != [*map(id, parameters)] or kept[1] != masked:
        kept = _KEPT[model] = (parameters, masked, {}, {})
    return kept[2:]


def is_watched(model: PreTrainedModel) -> bool:
    """Whether somebody has hooks in a model, which a recording would not call."""
    hooks = (
        hook
        for module in model.modules()
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    )
    return any(getattr(hook, "func", None) is not mask_logits for hook in hooks)
