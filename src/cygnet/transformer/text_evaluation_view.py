"""The loss of a model on texts, for people: a table, and the tokens of each text."""

import math
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cygnet.tokenizer.display import visible
from cygnet.transformer.any_tokenizer import AnyTokenizer
from cygnet.transformer.text_evaluation import TextLoss


def print_losses(losses: Mapping[str, TextLoss], tokenizer: AnyTokenizer) -> None:
    """Print a line for each text, and what the figures mean."""
    table = Table(box=None, pad_edge=False)
    for heading in ("text", "documents", "bytes", "tokens", "nats/token", "bits/byte"):
        table.add_column(heading, justify="left" if heading == "text" else "right")
    for name, loss in losses.items():
        table.add_row(
            Text(name),
            *(f"{n:,}" for n in (loss.text.documents, loss.text.text_bytes, loss.tokens)),
            f"{loss.nats_per_token:.4f}",
            "-" if loss.bits_per_byte is None else f"{loss.bits_per_byte:.4f}",
        )
    console = Console(highlight=False)
    console.print(table)
    loss = next(iter(losses.values()))
    console.print(
        f"\nwindows of {loss.window:,} tokens, moved by {loss.stride:,}; ends of documents count in"
        " nats per token, not in bits per byte"
    )
    if not getattr(tokenizer, "is_lossless", True):
        console.print(
            "this vocabulary loses text: its bits per byte cannot be compared with others"
        )


def print_tokens(losses: Mapping[str, TextLoss], tokenizer: AnyTokenizer) -> None:
    """Print a line for each token of each text: bits, id, text."""
    for name, loss in losses.items():
        print(f"\n{name}\n    bits      id  token")
        for row in loss.to_rows(tokenizer):
            token = visible(bytes.fromhex(row["bytes"]))
            print(f"{row['nats'] / math.log(2):8.3f} {row['id']:7}  {token}")
