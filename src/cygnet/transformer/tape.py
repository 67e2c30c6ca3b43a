"""A step of a model as the flat list of tensor operations that it is.

A small model spends most of a one-token step in Python: modules that call modules, decorators,
argument checks. The operations are the same in every step, only the tensors differ. ``Tape`` sees
them once and writes them down as a function.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

Step = Callable[..., torch.Tensor]
_PLAIN = (bool, int, str, type(None))
_READS_VALUES = {"__bool__", "__float__", "__index__", "__int__", "equal", "item", "tolist"}


class Tape(TorchFunctionMode):
    """Records the calls of PyTorch inside a ``with`` block and turns them into a function.

    It is right for code that does the same whatever the tensors hold and however long a dimension
    is that changes: the caller compares a second step with the code itself before trusting it.

    Attributes:
        depends_on_values: Whether the code has asked what a tensor holds, to do one thing or
            another.

    Args:
        inputs: The tensors that the block works on, by name. All others are constants, parameters
            among them: they may change in place.

    Cost: a few microseconds an operation.

    >>> x, weight = torch.tensor([3.0]), torch.nn.Parameter(torch.tensor([2.0]))
    >>> with Tape({"x": x}) as tape:
    ...     y = (x * weight).reshape(1, 1) + 1
    >>> step = tape.function(y)
    >>> step(torch.tensor([5.0])).tolist()
    [[11.0]]
    """

    def __init__(self, inputs: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self._inputs = list(inputs)
        self._names = {id(tensor): name for name, tensor in inputs.items()}
        # Tensors are told apart by their id, so none may be freed while others are made.
        self._alive: list[Any] = list(inputs.values())
        self._constants: dict[str, Any] = {}
        self._lines: list[str] = []
        self.depends_on_values = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one call, and note it."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self._alive.append((func, args, kwargs, result))
        self.depends_on_values |= func.__name__ in _READS_VALUES
        source = next((x for x in args if _is_same(result, x)), None)
        if source is not None and not func.__name__.endswith("_"):
            self._names[id(result)] = self._write(source)  # the whole of it, or a cast to its type
        elif _is_tensor(result) or _has_tensor(result) or (result is None and _has_tensor(args)):
            self._note(func, args, kwargs, result)
        return result  # what is left are shapes, types, devices: the same in every step

    def _note(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        words = [*map(self._write, args), *(f"{k}={self._write(v)}" for k, v in kwargs.items())]
        call = f"{self._write(func)}({', '.join(words)})"
        targets = list(result) if isinstance(result, (tuple, list)) else [result]
        left = [f"v{len(self._lines)}_{i}" for i in range(len(targets))]
        self._names |= zip(map(id, targets), left, strict=True) if result is not None else ()
        comma = "," if isinstance(result, (tuple, list)) else ""
        self._lines.append(f"{', '.join(left)}{comma} = {call}")

    def function(self, output: torch.Tensor) -> Step:
        """A function of the inputs, in their order, that makes ``output`` anew."""
        body = "\n    ".join([*self._lines, f"return {self._write(output)}"])
        source = f"def step({', '.join(self._inputs)}):\n    {body}\n"
        exec(source, self._constants)  # made of names and plain numbers alone
        step: Step = self._constants["step"]
        return step

    def _write(self, value: Any) -> str:
        """A value of a call as source text; what is no plain value gets a name."""
        if type(value) in _PLAIN:
            return repr(value)
        if type(value) in (tuple, torch.Size):
            return f"({''.join(self._write(x) + ', ' for x in value)})"
        if type(value) is list:
            return f"[{', '.join(map(self._write, value))}]"
        if type(value) is slice:
            return f"slice({', '.join(map(self._write, (value.start, value.stop, value.step)))})"
        return self._name(value)

    def _name(self, value: Any) -> str:
        if id(value) not in self._names:
            self._names[id(value)] = name = f"c{len(self._names)}"
            self._constants[name] = value
            self._alive.append(value)
        return self._names[id(value)]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _has_tensor(values: Any) -> bool:
    return isinstance(values, (tuple, list)) and any(map(_is_tensor, values))


def _is_same(result: Any, source: Any) -> bool:
    """Whether two tensors are one: the same values at the same place."""
    return (
        _is_tensor(result)
        and _is_tensor(source)
        and result.data_ptr() == source.data_ptr()
        and result.dtype == source.dtype
        and result.shape == source.shape
        and result.stride() == source.stride()
    )
