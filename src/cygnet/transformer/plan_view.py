"""A ``Plan`` in the terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from cygnet.transformer.accelerators import ACCELERATORS
from cygnet.transformer.flops import FORMULA as FLOPS_FORMULA
from cygnet.transformer.footprint import FORMULA as MEMORY_FORMULA
from cygnet.transformer.plan import KEPT_CHECKPOINTS, Plan

TOKENS_NOTE = (
    "tokens: 20 per parameter is the Chinchilla rule; nanochat now takes 8 to 12, of the parameters"
    " of layers and head alone"
)
Row = tuple[str, str, str]


def print_plan(plan: Plan, console: Console | None = None) -> None:
    """Print what a training takes, and the formulas behind it."""
    console = console or Console()
    shape = ", ".join(f"{name} {value:,}" for name, value in plan.shape.items())
    console.print(shape, style="bold", highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    for row in (*_model(plan), *_data(plan), *_memory(plan), *_hours(plan)):
        table.add_row(*row)
    console.print(table)
    console.print(TOKENS_NOTE, style="dim", highlight=False)
    console.print(f"FLOPs per token = {FLOPS_FORMULA}", style="dim", highlight=False)
    console.print(f"memory: {MEMORY_FORMULA}", style="dim", highlight=False)


def _model(plan: Plan) -> Iterator[Row]:
    for name, value in vars(plan.parameters).items():
        if value or name == "head":
            tied = "the same matrix as the embedding" if not value else ""
            yield f"parameters: {name}", f"{value:,}", tied
    yield "parameters", f"{plan.parameters.total:,}", ""
    yield "FLOPs per token", f"{plan.flops_per_token:.6e}", "formula below"


def _data(plan: Plan) -> Iterator[Row]:
    given = plan.assumptions
    yield (
        "tokens",
        f"{plan.tokens:,}",
        f"{given.tokens_per_parameter:g} per parameter",
    )
    yield "FLOPs", f"{plan.flops:.3e}", ""
    yield "characters", _short(plan.characters), f"{given.characters_per_token:g} per token"
    yield "parquet shards", f"{plan.shards:,}", "of about 250 M characters, as nanochat's"
    notes = {
        "text": "plain, a byte a character",
        "text_in_shards": "compressed, about 100 MB a shard",
        "token_files": "uint16" if plan.shape["vocab_size"] <= 1 << 16 else "uint32",
        "checkpoints": f"{KEPT_CHECKPOINTS} of 12 bytes a parameter",
    }
    for name, n_bytes in plan.disk.items():
        yield f"disk: {name.replace('_', ' ')}", _size(n_bytes), notes[name]


def _memory(plan: Plan) -> Iterator[Row]:
    rows = f"{plan.assumptions.batch_size} rows of {plan.assumptions.block_size:,} tokens, bf16"
    for name, n_bytes in vars(plan.memory).items():
        yield f"memory: {name}", _size(n_bytes), ""
    yield "memory", _size(plan.memory.total), rows


def _hours(plan: Plan) -> Iterator[Row]:
    given = plan.assumptions
    for name, hours in plan.hours.items():
        if name not in ACCELERATORS:
            rate = plan.measured_flops or 0
            yield f"time: {name}", _duration(hours), f"{rate / 1e12:.3g} TFLOPS in a short run"
            continue
        device = ACCELERATORS[name]
        note = f"{given.utilisation:.0%} of {device.flops / 1e12:g} TFLOPS"
        if plan.memory.total > device.memory:
            note += f", more than {_size(device.memory)}"
        several = f"{given.devices} x " if given.devices > 1 else ""
        yield f"time: {several}{name}", _duration(hours), note


def _short(value: float) -> str:
    for limit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= limit:
            return f"{value / limit:.3g} {letter}"
    return f"{value:.0f}"


def _size(n_bytes: float) -> str:
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if n_bytes >= limit:
            return f"{n_bytes / limit:.3g} {unit}"
    return f"{n_bytes / 1e3:.3g} kB"


def _duration(hours: float) -> str:
    """
    >>> _duration(27.5), _duration(0.587), _duration(0.0002)
    ('27.5 h', '35.2 min', '0.7 s')
    """
    for limit, unit in ((1, "h"), (1 / 60, "min")):
        if hours >= limit:
            return f"{hours / limit:,.1f} {unit}"
    return f"{hours * 3600:.1f} s"
