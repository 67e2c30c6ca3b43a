"""Who speaks in a text with chat tokens, and which of its tokens training counts."""

import re
from collections.abc import Iterable, Mapping

BORDER = re.compile(r"<\|(\w+)_(start|end)\|>")
ANSWER = "<|assistant_start|>"
SPEAKS = {"assistant", "python"}
"""What the model is to say itself: its answers, and the code that it asks a tool to run."""


def roles(ids: Iterable[int], special_tokens: Mapping[str, int]) -> list[tuple[str | None, bool]]:
    """The role of each token of a rendered conversation, and whether training counts it.

    Roles are what special tokens named ``<|NAME_start|>`` and ``<|NAME_end|>`` enclose. As in
    nanochat (``tokenizer.render_conversation``), training counts what the assistant says and the
    token that ends it, and within that what it writes for a tool, borders included, but not what
    the tool puts out. A text without such tokens is a document: all of it counts. So is any of a
    tokenizer that has no ``<|assistant_start|>``: Qwen's ``<|im_start|>`` says no role.

    Args:
        ids: The tokens.
        special_tokens: The id of each special token, by name.

    >>> names = {"<|user_start|>": 8, "<|user_end|>": 9,
    ...          "<|assistant_start|>": 10, "<|assistant_end|>": 11}
    >>> roles([8, 1, 9, 10, 2, 11], names)[2:5]
    [('user', False), ('assistant', False), ('assistant', True)]
    """
    ids = list(ids)
    borders = {
        token: (match[1], match[2])
        for name, token in special_tokens.items()
        if (match := BORDER.fullmatch(name))
    }
    if ANSWER not in special_tokens or not any(token in borders for token in ids):
        return [(None, True)] * len(ids)
    specials = set(special_tokens.values())
    open_roles: list[str] = []
    found: list[tuple[str | None, bool]] = []
    for token in ids:
        name, border = borders.get(token, ("", ""))
        if border == "start":
            open_roles.append(name)
        role = open_roles[-1] if open_roles else None
        is_answers_start = border == "start" and name != "python"
        counts = role in SPEAKS and not is_answers_start
        found.append((role, counts and (bool(border) or token not in specials)))
        if border == "end" and name in open_roles:  # with what was begun in it and has no end
            del open_roles[len(open_roles) - 1 - open_roles[::-1].index(name) :]
    return found
