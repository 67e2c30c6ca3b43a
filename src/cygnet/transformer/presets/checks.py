"""What every family asks of a shape."""

from cygnet.errors import InputError


def check_heads(n_head: int, n_embd: int, multiple: int) -> None:
    """Refuse heads that do not divide the width, into widths that are a multiple of ``multiple``.

    Raises:
        InputError: They do not.
    """
    if n_head < 1 or n_embd < 1 or n_embd % (n_head * multiple):
        width = "" if multiple == 1 else " into heads of even width"
        raise InputError(f"n_head {n_head} does not divide n_embd {n_embd}{width}")
