"""Keys and values of the tokens that a model has read, in memory that is there beforehand.

``DynamicCache`` of ``transformers`` copies all of them for every token; here a token writes its
own.
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

_FIRST_ROOM = 64


class KVCache:
    """Keys and values of ``B`` rows of equal length.

    Args:
        read: The cache of ``transformers`` behind the first pass.

    Attributes:
        length: Tokens in each row.
    """

    def __init__(self, read: DynamicCache) -> None:
        layers: list[Any] = read.layers
        states = [state for layer in layers for state in (layer.keys, layer.values)]
        self.length: int = states[0].shape[2]
        self._states = torch.stack(states)  # 2 x layers, B, heads, length, width of a head

    def begin_token(self) -> tuple[torch.Tensor, ...]:
        """Make room for one more token.

        Returns:
            Keys and values of each layer, those of the new token included, each of shape
            ``(B, heads, length, width)``; and where the new token's go, as many again.
        """
        self.length += 1
        room = self._states.shape[3]
        if self.length > room:
            more = max(_FIRST_ROOM, room)
            self._states = torch.nn.functional.pad(self._states, (0, 0, 0, more))
        upto = self._states[:, :, :, : self.length]
        return upto.unbind(0) + upto[:, :, :, -1:].unbind(0)

    def crop(self, length: int) -> None:
        """Forget what was read behind the first ``length`` tokens."""
        self.length = length


class _Layer(DynamicLayer):  # type: ignore[no-untyped-call]
    """What a layer of a model sees of ``begin_token``."""

    def __init__(
        self,
        keys: torch.Tensor,
        values: torch.Tensor,
        key_place: torch.Tensor,
        value_place: torch.Tensor,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys, self.values, self.is_initialized = keys, values, True
        self._places = key_place, value_place

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new token's key and value, and give those of all tokens."""
        for place, state in zip(self._places, (key_states, value_states), strict=True):
            place.copy_(state)
        assert self.keys is not None and self.values is not None
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens before the new one."""
        assert self.keys is not None
        return self.keys.shape[2] - 1


def as_transformers_cache(states: tuple[torch.Tensor, ...]) -> Cache:
    """The result of ``KVCache.begin_token`` as models take it."""
    half = len(states) // 2
    quarters = states[:half:2], states[1:half:2], states[half::2], states[half + 1 :: 2]
    layers = [_Layer(*of_layer) for of_layer in zip(*quarters, strict=True)]
    return Cache(layers=layers)  # type: ignore[arg-type]
