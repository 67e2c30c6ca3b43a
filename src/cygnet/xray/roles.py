"""Who speaks in a text with chat tokens, and which of its tokens training counts.

The format of a chat is told by the special tokens of the tokenizer:

- nanochat (``tokenizer.render_conversation``): ``<|user_start|>hi<|user_end|>``
- ChatML, as Qwen speaks it: ``<|im_start|>user``, a newline, ``hi<|im_end|>``, a newline.
  https://qwen.readthedocs.io/en/latest/getting_started/concepts.html#control-tokens-chat-template
- Llama 3: ``<|start_header_id|>user<|end_header_id|>``, two newlines, ``hi<|eot_id|>``.
  https://github.com/meta-llama/llama3/blob/main/llama/tokenizer.py (``ChatFormat``); tools and
  ``<|eom_id|>``: https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Spoken = tuple[str | None, bool]
"""The role of a token, and whether training counts it."""
BORDER = re.compile(r"<\|(\w+)_(start|end)\|>")
ASSISTANT = "assistant"
ANSWER = f"<|{ASSISTANT}_start|>"
SPEAKS = {ASSISTANT, "python"}
"""What the model is to say itself: its answers, and the code that it asks a tool to run."""


@dataclass(frozen=True)
class Headed:
    """A format whose turns begin with a header in words.

    Attributes:
        start: The special token that a turn begins with.
        header: What follows it, up to what is said; its group is the role.
        ends: Special tokens that end a turn.
        behind: What a turn has behind its end.
    """

    start: str
    header: re.Pattern[bytes]
    ends: frozenset[str]
    behind: bytes = b""


HEADED = (
    Headed(
        "<|start_header_id|>",
        re.compile(rb"(\w+)<\|end_header_id\|>\n{0,2}"),
        frozenset({"<|eot_id|>", "<|eom_id|>"}),
    ),
    Headed("<|im_start|>", re.compile(rb"(\w+)\n"), frozenset({"<|im_end|>"}), b"\n"),
)


def roles(
    ids: Sequence[int], pieces: Sequence[bytes], special_tokens: Mapping[str, int]
) -> list[Spoken]:
    """The role of each token of a rendered conversation, and whether training counts it.

    Training counts what the assistant says and the token that ends it; not the header before it,
    and nothing that others say. That is what ``apply_chat_template`` of ``transformers`` marks with
    ``return_assistant_tokens_mask`` where a template has ``{% generation %}`` from behind the
    header to the end of the turn. In nanochat's format it counts, within an answer, what is said to
    a tool, borders included, and not what the tool puts out. A text without a turn is a document:
    all of it counts.

    Args:
        ids: The tokens.
        pieces: The bytes of each, of a special one its name.
        special_tokens: The id of each special token, by name.

    >>> pieces = [b"<|im_start|>", b"assistant", b"\\n", b"Hi", b"<|im_end|>", b"\\n"]
    >>> names = {"<|im_start|>": 8, "<|im_end|>": 9}
    >>> roles([8, 1, 2, 3, 9, 2], pieces, names)[2:]
    [('assistant', False), ('assistant', True), ('assistant', True), ('assistant', False)]
    """
    if ANSWER in special_tokens:
        return _enclosed(ids, special_tokens)
    for headed in HEADED:
        if headed.start in special_tokens:
            return _in_turns(ids, pieces, special_tokens, headed)
    return [(None, True)] * len(ids)


def _in_turns(
    ids: Sequence[int], pieces: Sequence[bytes], special_tokens: Mapping[str, int], headed: Headed
) -> list[Spoken]:
    """Each turn lasts until the next begins; what is before the first is nobody's."""
    start = special_tokens[headed.start]
    begins = [i for i, token in enumerate(ids) if token == start]
    if not begins:
        return [(None, True)] * len(ids)
    ends = {special_tokens.get(name) for name in headed.ends}
    found: list[Spoken] = [(None, False)] * begins[0]
    for begin, end in itertools.pairwise([*begins, len(ids)]):
        are_ends = [token in ends for token in ids[begin:end]]
        found += _turn(pieces[begin:end], are_ends, headed)
    return found


def _turn(pieces: Sequence[bytes], are_ends: Sequence[bool], headed: Headed) -> list[Spoken]:
    """A turn: its header, what is said with the token that ends it, and what is behind."""
    header = headed.header.match(b"".join(pieces[1:]))
    if header is None:
        return [(None, False)] * len(pieces)
    role = header[1].decode()
    # A token that begins in the header and ends behind it counts, as in transformers' mask.
    borders = itertools.accumulate(map(len, pieces[1:]))
    said = 1 + sum(1 for border in borders if border <= header.end())
    end = are_ends.index(True, said) + 1 if True in are_ends[said:] else len(pieces)
    behind = end + (pieces[end : end + 1] == [headed.behind])
    return [
        (role if i < behind else None, role == ASSISTANT and said <= i < end)
        for i in range(len(pieces))
    ]


def _enclosed(ids: Sequence[int], special_tokens: Mapping[str, int]) -> list[Spoken]:
    """nanochat's: roles are what ``<|NAME_start|>`` and ``<|NAME_end|>`` enclose."""
    borders = {
        token: (match[1], match[2])
        for name, token in special_tokens.items()
        if (match := BORDER.fullmatch(name))
    }
    if not any(token in borders for token in ids):
        return [(None, True)] * len(ids)
    specials = set(special_tokens.values())
    open_roles: list[str] = []
    found: list[Spoken] = []
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
