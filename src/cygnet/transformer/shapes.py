"""The shapes of models as numbers: what ``depth`` and the published sizes stand for."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.recipe import TransformerOptions

PUBLISHED = {
    "gpt2-small": (12, 12, 768),
    "gpt2-medium": (24, 16, 1024),
    "gpt2-large": (36, 20, 1280),
    "gpt2-xl": (48, 25, 1600),
    "qwen2.5-0.5b": (24, 14, 896),
    "qwen2.5-1.5b": (28, 12, 1536),
    "qwen2.5-7b": (28, 28, 3584),
}
"""Layers, heads and width of presets that have one shape. Sources: the ``config.json`` of
openai-community/gpt2, -medium, -large and -xl, and of Qwen/Qwen2.5-0.5B, -1.5B and -7B."""
DEFAULTS = {"tiny-llm": (4, 4, 256), "duckling-ii": (2, 2, 128)}
"""Those of presets that have a shape unless another is asked for."""
WIDTH_A_LAYER = 64


@dataclass(frozen=True)
class Shape:
    """Layers, heads per layer, width of the residual stream."""

    n_layer: int
    n_head: int
    n_embd: int


def nanochat_shape(depth: int) -> Shape:
    """nanochat's one dial: a width of 64 x depth, in heads of 128.

    Where heads of 128 do not divide the width, there are a few more and narrower ones.

    Source: karpathy/nanochat, scripts/base_train.py.

    >>> nanochat_shape(20)
    Shape(n_layer=20, n_head=10, n_embd=1280)
    >>> nanochat_shape(5)
    Shape(n_layer=5, n_head=4, n_embd=320)
    """
    width = WIDTH_A_LAYER * _checked(depth)
    n_head = -(-width // 128)
    while width % (2 * n_head):
        n_head += 1
    return Shape(depth, n_head, width)


def qwen2_5_shape(depth: int) -> Shape:
    """A small Qwen2.5 by the same dial: a width of 64 x depth, in heads of 64 as those of 0.5b.

    >>> qwen2_5_shape(4)
    Shape(n_layer=4, n_head=4, n_embd=256)
    """
    return Shape(_checked(depth), depth, WIDTH_A_LAYER * depth)


BY_DEPTH = {"nanochat": nanochat_shape, "qwen2.5": qwen2_5_shape}


def nanochat_learning_rate(n_embd: int) -> float:
    """The peak learning rate of AdamW for a nanochat model of this width.

    nanochat trains in three groups: token embeddings at 0.2 and the output head at 0.004, both with
    AdamW and times (n_embd / 768)^-0.5, and the matrices of the layers at 0.02 with Muon. Here all
    are trained by AdamW in one group, at the rate of the head. It fits the embeddings too: they
    begin with a deviation of 1 there and of 0.02 in ``transformers``, a norm behind them leaves
    only the ratio of rate and deviation, and 0.2 x 0.02 is 0.004. The rate of Muon, whose steps
    have another length, says nothing of AdamW.

    Source: karpathy/nanochat, nanochat/gpt.py, October 2025.

    >>> nanochat_learning_rate(768), round(nanochat_learning_rate(1280), 6)
    (0.004, 0.003098)
    """
    return float(0.004 * (n_embd / 768) ** -0.5)


def find_shape(options: TransformerOptions) -> Shape:
    """The shape that a recipe asks for with ``preset``, ``depth`` or the three numbers.

    Raises:
        InputError: Numbers are missing, or contradict the preset or the depth.
    """
    given = {name: getattr(options, name) for name in ("n_layer", "n_head", "n_embd")}
    given = {name: value for name, value in given.items() if value is not None}
    decided = _decided(options)
    if decided is not None:
        by, shape = decided
        for name, value in given.items():
            if value != getattr(shape, name):
                raise InputError(
                    f"{by} has {name} {getattr(shape, name)}, found {name} {value}: leave out one"
                )
        return shape
    if options.preset in DEFAULTS:
        return replace(Shape(*DEFAULTS[options.preset]), **given)
    missing = [name for name in ("n_layer", "n_head", "n_embd") if name not in given]
    if missing:
        or_depth = ", or depth" if options.preset in BY_DEPTH else ""
        raise InputError(f"preset {options.preset} needs {', '.join(missing)}{or_depth}")
    return Shape(**given)


def _decided(options: TransformerOptions) -> tuple[str, Shape] | None:
    """What decides the shape whatever the three numbers say, if anything does."""
    if options.depth is not None:
        if options.preset not in BY_DEPTH:
            raise InputError(
                f"depth shapes the presets {' and '.join(BY_DEPTH)}, not {options.preset}: give"
                " n_layer, n_head and n_embd"
            )
        return f"depth {options.depth}", BY_DEPTH[options.preset](options.depth)
    if options.preset in PUBLISHED:
        return f"preset {options.preset}", Shape(*PUBLISHED[options.preset])
    return None


def count_layers(options: TransformerOptions) -> int:
    """Layers of the model that a recipe asks for.

    Raises:
        InputError: As ``find_shape``; or the file of ``config`` does not say.
    """
    if options.config is None:
        return find_shape(options).n_layer
    values = read_json(Path(options.config))
    for name in ("num_hidden_layers", "n_layer"):
        if isinstance(values, dict) and isinstance(values.get(name), int):
            return int(values[name])
    raise InputError(f"{options.config} does not say how many layers its model has")


def with_layers(options: TransformerOptions, n_layer: int) -> TransformerOptions:
    """The same with another number of layers, or where a depth decides with another depth.

    Raises:
        InputError: A ``config`` or a published preset decides on other layers.

    >>> from cygnet.recipes import demo
    >>> with_layers(demo().transformer, 3).n_layer
    3
    """
    if options.config is not None:
        if n_layer != count_layers(options):
            raise InputError(f"the layers of {options.config} are those that it says")
        return options
    if options.depth is not None:
        return replace(options, depth=n_layer)
    found = replace(options, n_layer=n_layer)
    find_shape(found)
    return found


def settle(options: TransformerOptions, given: set[str]) -> TransformerOptions:
    """Options of a recipe after some were overridden: what the others decide is left to them.

    A depth, a published preset or a ``config`` decides the shape, so that the numbers of the recipe
    go; nanochat's learning rate follows from its width.

    Args:
        options: The recipe's, overridden.
        given: The names of those that were overridden; they stay.

    >>> from cygnet.recipes import demo
    >>> options = replace(demo().transformer, preset="nanochat", depth=4)
    >>> found = settle(options, {"preset", "depth"})
    >>> found.n_layer, find_shape(found), round(found.learning_rate, 5)
    (None, Shape(n_layer=4, n_head=2, n_embd=256), 0.00693)
    """
    if not given & {"preset", "depth", "config"}:
        return options
    if "preset" in given and options.preset not in BY_DEPTH and "depth" not in given:
        options = replace(options, depth=None)
    if options.config is not None or _decided(options) is not None:
        dropped: dict[str, Any] = dict.fromkeys({"n_layer", "n_head", "n_embd"} - given)
        options = replace(options, **dropped)
    if options.config is None and options.preset == "nanochat" and "learning_rate" not in given:
        rate = nanochat_learning_rate(find_shape(options).n_embd)
        options = replace(options, learning_rate=rate)
    return options


def _checked(depth: int) -> int:
    if depth < 1:
        raise InputError(f"depth must be at least 1, found {depth}")
    return depth
