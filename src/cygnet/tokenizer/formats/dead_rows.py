"""Dead rows in ``tokenizer.json``: rows of the vocabulary that no text becomes.

Each stands in ``model.vocab`` as ``<|dead ID|>``, with its own id and a blank. GPT-2's byte
alphabet has no blank and no merge makes such a name, so ``tokenizers`` has the row and cannot
produce it. An added token would not do: ``tokenizers`` finds those in any text that spells them.
"""

import re
from collections.abc import Mapping
from typing import Any

from cygnet.errors import DamagedError

NAME = re.compile(r"<\|dead (\d+)\|>")


def dead_names(ids: range) -> dict[str, int]:
    """The id of each dead row by its name.

    >>> dead_names(range(600, 602))
    {'<|dead 600|>': 600, '<|dead 601|>': 601}
    """
    return {f"<|dead {token}|>": token for token in ids}


def take_dead(vocab: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """The vocabulary without dead rows, and how many there were.

    Raises:
        DamagedError: They are not the last rows, or one does not have the id that it names.
    """
    dead = {name: token for name, token in vocab.items() if NAME.fullmatch(name)}
    if not dead:
        return dict(vocab), 0
    last = range(max(vocab.values()) + 1 - len(dead), max(vocab.values()) + 1)
    for name, expected in dead_names(last).items():
        if dead.get(name) != expected:
            raise DamagedError(
                f"its {len(dead):,} dead rows are not its last ones: {name!r} is missing"
            )
    return {name: token for name, token in vocab.items() if name not in dead}, len(dead)


def forget_dead(decoder: Mapping[str, Any]) -> dict[str, Any]:
    """A decoder of ``tokenizers`` to which dead rows are no text."""
    replace = {"type": "Replace", "pattern": {"Regex": NAME.pattern}, "content": ""}
    return {"type": "Sequence", "decoders": [replace, dict(decoder)]}
