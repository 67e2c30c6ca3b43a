"""Tables on the terminal."""

from rich.console import Console
from rich.table import Table


def print_whole(table: Table, console: Console) -> None:
    """Print a table in its full width: figures that are cut off would be of no use."""
    width = console.measure(table, options=console.options.update(max_width=1 << 16)).maximum
    console.width = max(console.width, width)
    console.print(table)
