"""Which model to plan: the one that is named, of that many parameters, or that fits a budget."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from transformers import PretrainedConfig

from cygnet.errors import InputError
from cygnet.recipe import TransformerOptions
from cygnet.transformer.accelerators import ACCELERATORS
from cygnet.transformer.parameters import count_parameters
from cygnet.transformer.plan import Assumptions, Plan, make_plan
from cygnet.transformer.presets import make_config
from cygnet.transformer.shapes import BY_DEPTH

DEFAULTS = {
    "gpt2": (50_257, 1024),
    "qwen2.5-7b": (152_064, 2048),
    "qwen2.5": (151_936, 2048),
    "tiny-llm": (4096, 256),
    "duckling-ii": (8192, 512),
}
"""Vocabulary and context of presets, by the beginning of their names; nanochat's for all others."""
MOST_LAYERS, TYPICAL_DEPTH, SMALL_DEPTH = 200, 20, 4
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A model as the command line names it; see ``cygnet transformer plan``."""

    preset: str = "nanochat"
    depth: int | None = None
    config: str | None = None
    vocab_size: int | None = None
    block_size: int | None = None

    @property
    def context(self) -> int:
        """``block_size``, or that of the preset."""
        return self.block_size or self._defaults[1]

    @property
    def _defaults(self) -> tuple[int, int]:
        found = (sizes for name, sizes in DEFAULTS.items() if self.preset.startswith(name))
        return next(found, (65_536, 2048))

    def to_config(self, depth: int | None = None) -> PretrainedConfig:
        """The model, or that of another depth."""
        shape: dict[str, Any] = {"preset": self.preset, "depth": depth or self.depth}
        if self.config is not None:
            shape = {"config": self.config}
        options = TransformerOptions(
            **shape, block_size=self.context, batch_size=1, steps=1, learning_rate=0
        )
        return make_config(options, self.vocab_size or self._defaults[0])

    def check_depth(self) -> None:
        """Raise an ``InputError`` where the preset has no depth to look for."""
        if self.config is not None or self.depth is not None or self.preset not in BY_DEPTH:
            raise InputError(
                f"--params and --budget-hours look for a depth, of {' or '.join(BY_DEPTH)}: name"
                " one of them as the preset, and no depth and no config"
            )


def plan_for(
    asked: Asked,
    assumptions: Assumptions,
    params: str | None = None,
    budget_hours: float | None = None,
    accelerator: str = "H100",
    measure: bool = False,
) -> Plan:
    """The plan of the model that is asked for, by name, size or budget.

    Args:
        asked: The model, or the family to look in.
        assumptions: What is taken as given.
        params: Look for so many parameters, as ``parse_count`` reads them.
        budget_hours: Look for what ``accelerator`` trains in so many hours, or this machine where
            it is measured.
        accelerator: A key of ``ACCELERATORS``.
        measure: Measure this machine.

    Raises:
        InputError: The arguments contradict each other, or nothing fits.
    """
    assumptions.check()
    if params is not None and budget_hours is not None:
        raise InputError("--params and --budget-hours both look for a depth: give one of them")
    device = "this machine" if measure else find_accelerator(accelerator)
    rate = None
    if params is not None:
        asked = replace(asked, depth=depth_of_size(asked, parse_count(params)))
    elif budget_hours is not None:
        depth, rate = depth_within(asked, assumptions, budget_hours, device)
        asked = replace(asked, depth=depth)
    elif asked.config is None and asked.preset in BY_DEPTH and asked.depth is None:
        asked = replace(asked, depth=TYPICAL_DEPTH)
    config = asked.to_config()
    if measure and rate is None:
        rate = _measure(config, asked.context)
    return make_plan(config, assumptions, rate)


def find_accelerator(name: str) -> str:
    """A key of ``ACCELERATORS``, in whatever case it is written.

    >>> find_accelerator("h100")
    'H100'
    """
    names = {known.lower(): known for known in ACCELERATORS}
    if name.lower() not in names:
        raise InputError(f"no accelerator {name!r}: there are {', '.join(ACCELERATORS)}")
    return names[name.lower()]


def _measure(config: PretrainedConfig, block_size: int) -> float:
    from cygnet.transformer.measuring import measure_flops

    return measure_flops(config, block_size)


def depth_of_size(asked: Asked, n_parameters: float) -> int:
    """The depth whose model comes nearest to so many parameters.

    >>> depth_of_size(Asked(), 561e6)
    20
    """
    asked.check_depth()

    def size(depth: int) -> int:
        return count_parameters(asked.to_config(depth)).total

    above = first_depth(lambda depth: size(depth) >= n_parameters)
    if above > 1 and n_parameters - size(above - 1) < size(above) - n_parameters:
        return above - 1
    return above


def depth_within(
    asked: Asked, assumptions: Assumptions, hours: float, device: str
) -> tuple[int, float | None]:
    """The greatest depth that a device trains in so many hours, and what was measured for it.

    A machine is faster at some widths than at others: where it is ``"this machine"``, a small model
    is measured, and then the one that was found with it.

    Raises:
        InputError: Not even the smallest is trained so soon.
    """
    asked.check_depth()
    if not hours > 0:
        raise InputError(f"budget_hours must be above 0, found {hours}")

    def search(rate: float | None) -> int:
        def is_longer(depth: int) -> bool:
            return make_plan(asked.to_config(depth), assumptions, rate).hours[device] > hours

        if is_longer(1):
            raise InputError(
                f"even a model of depth 1 takes longer than {hours:g} hours on {device}: give more"
                " of them, more devices, or fewer tokens per parameter"
            )
        return first_depth(is_longer) - 1

    if device in ACCELERATORS:
        return search(None), None
    found = search(_measure(asked.to_config(SMALL_DEPTH), asked.context))
    rate = _measure(asked.to_config(found), asked.context)
    return search(rate), rate


def first_depth(holds: Callable[[int], bool]) -> int:
    """The first depth of which something holds, by halving: it holds of all greater ones."""
    low, high = 1, MOST_LAYERS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def parse_count(text: str) -> float:
    """A number, with or without K, M or B behind it.

    >>> parse_count("561M"), parse_count("1.5b"), parse_count("1_000_000")
    (561000000.0, 1500000000.0, 1000000.0)
    """
    digits, factor = text.strip(), 1.0
    if digits[-1:].upper() in SUFFIXES:
        digits, factor = digits[:-1], SUFFIXES[digits[-1].upper()]
    try:
        value = float(digits) * factor
    except ValueError as error:
        raise InputError(f"{text!r} is no number of parameters: 561M, 1.5B, 1000000") from error
    if not 0 < value < float("inf"):
        raise InputError(f"{text!r} is no number of parameters: it must be above 0")
    return value
