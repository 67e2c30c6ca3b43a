"""Who speaks in a chat, and what training counts: as the masks of ``transformers`` have it."""

import copy
import io
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from transformers import PreTrainedTokenizerFast

from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.xray.page import trace_html
from cygnet.xray.roles import Spoken, roles
from cygnet.xray.terminal import print_trace
from cygnet.xray.token_table import TokenTable
from cygnet.xray.tokens.comparison import compare_tokens, tokens_of
from cygnet.xray.tokens.view import print_comparison
from cygnet.xray.tracing import trace_ids
from cygnet.xray.writing import Writing
from oracles import oracle
from small_models import CONFIGS, new_model

Message = dict[str, str]


@dataclass(frozen=True)
class Format:
    """A chat format as a template writes it: what is before and behind a message, and its roles."""

    special_tokens: tuple[str, ...]
    before: str
    end: str
    behind: str = ""
    begin: str = ""
    roles: tuple[str, ...] = ("system", "user", "assistant", "tool")

    def template(self, marked: str, whole_turns: bool = False) -> str:
        """A template that marks what a role says, or its turns with their headers."""
        mark, done = "{% generation %}", "{% endgeneration %}"
        header, said = self.before, "{{ message.content }}" + self.end
        turn = (
            f"{mark}{header}{said}{self.behind}{done}"
            if whole_turns
            else f"{header}{mark}{said}{done}{self.behind}"
        )
        # Blocks take the newline behind them, so there is none in the template itself.
        other = f"{header}{said}{self.behind}"
        either = f"{{% if message.role == '{marked}' %}}{turn}{{% else %}}{other}{{% endif %}}"
        return f"{self.begin}{{% for message in messages %}}{either}{{% endfor %}}"


FORMATS = {
    "nanochat": Format(
        ("<|bos|>", *(f"<|{who}_{side}|>" for who in ("user", "assistant")
                      for side in ("start", "end"))),
        before="<|{{ message.role }}_start|>",
        end="<|{{ message.role }}_end|>",
        begin="<|bos|>",
        roles=("user", "assistant"),
    ),
    "chatml": Format(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        before="<|im_start|>{{ message.role + '\\n' }}",
        end="<|im_end|>",
        behind="{{ '\\n' }}",
    ),
    "llama3": Format(
        ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
         "<|eom_id|>"),
        before="<|start_header_id|>{{ message.role }}<|end_header_id|>{{ '\\n\\n' }}",
        end="{{ '<|eom_id|>' if message.calls else '<|eot_id|>' }}",
        begin="<|begin_of_text|>",
        roles=("system", "user", "assistant", "ipython"),
    ),
}  # fmt: skip
SAID = "\n\n\n\nassistant\n\n\nuser\n the tool system\n\n said <|im_end|>" * 4
"""Trained on this, newlines of a header and of what is said become one token."""


@cache
def tokenizer_of(name: str) -> Tokenizer:
    return Tokenizer.train([SAID], 300, special_tokens=[*FORMATS[name].special_tokens])


@cache
def fast(name: str, folder: Path) -> Any:
    tokenizer_of(name).save(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def masked(tokenizer: Any, messages: list[Message], template: str) -> tuple[list[int], list[int]]:
    """The ids of a chat, and which of them transformers marks."""
    found = tokenizer.apply_chat_template(
        messages, chat_template=template, return_dict=True, return_assistant_tokens_mask=True
    )
    return found["input_ids"], found["assistant_masks"]


def read(tokenizer: Any, ids: list[int]) -> list[Spoken]:
    tokens = TokenTable(tokenizer).trace(ids).tokens
    return [(token.role, token.carries_loss) for token in tokens]


def chats(form: Format) -> st.SearchStrategy[list[Message]]:
    message = st.fixed_dictionaries(
        {
            "role": st.sampled_from(form.roles),
            "content": st.text(alphabet="aeu \n\t🦢é", max_size=8) | st.sampled_from(form.roles),
            "calls": st.booleans(),
        }
    )
    return st.lists(message, min_size=1, max_size=5)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40)
@given(data=st.data())
def test_what_counts_is_what_transformers_marks(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    form = FORMATS[name]
    theirs = fast(name, tmp_path_factory.getbasetemp() / name)
    messages = data.draw(chats(form))
    ids, mask = masked(theirs, messages, form.template("assistant"))
    found = read(tokenizer_of(name), ids)
    assert [int(counts) for _, counts in found] == mask
    for role in form.roles:
        _, turns = masked(theirs, messages, form.template(role, whole_turns=True))
        assert [int(one == role) for one, _ in found] == turns


def test_a_newline_that_belongs_to_both_is_tried(tmp_path: Path) -> None:
    """The property above is worth little if no token is half header and half answer."""
    messages = [{"role": "assistant", "content": "\n\nHi"}]
    ids, mask = masked(fast("chatml", tmp_path), messages, FORMATS["chatml"].template("assistant"))
    pieces = [tokenizer_of("chatml").token_bytes(token) for token in ids]
    assert pieces[:3] == [b"<|im_start|>", b"assistant", b"\n\n"]
    assert mask[:3] == [0, 0, 1]


def test_real_chats_in_the_vocabulary_of_qwen(data: Path) -> None:
    found = oracle("qwen2", data / "tokenizers").tokenizer
    lines = (data / "chat" / "conversations.jsonl").read_text("utf-8").splitlines()[:300]
    assert isinstance(found, Tokenizer)
    for line in lines:
        messages = json.loads(line)["messages"]
        text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
        tokens = tokens_of(found, text, special=True).tokens
        for role in ("user", "assistant"):
            turns = b"".join(token.bytes for token in tokens if token.role == role).decode()
            said = [m["content"] for m in messages if m["role"] == role]
            assert turns == "".join(f"<|im_start|>{role}\n{one}<|im_end|>\n" for one in said)
        counted = b"".join(token.bytes for token in tokens if token.carries_loss).decode()
        assert counted == "".join(f"{one}<|im_end|>" for one in said)


def spoken(name: str, text: str) -> list[tuple[str, str | None, bool]]:
    """The tokens of a text that spells special tokens out, neighbours with the same role as one."""
    found: list[tuple[str, str | None, bool]] = []
    for token in tokens_of(tokenizer_of(name), text, special=True).tokens:
        piece, of_it = token.bytes.decode(errors="replace"), (token.role, token.carries_loss)
        if found and found[-1][1:] == of_it:
            piece = found.pop()[0] + piece
        found.append((piece, *of_it))
    return found


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        # An answer that is being written, and one that was cut off.
        ("chatml", "<|im_start|>assistant\nHi",
         [("<|im_start|>assistant\n", "assistant", False), ("Hi", "assistant", True)]),
        ("chatml", "<|im_start|>assistant\nHi<|im_start|>user\n",
         [("<|im_start|>assistant\n", "assistant", False), ("Hi", "assistant", True),
          ("<|im_start|>user\n", "user", False)]),
        # A header that is not complete names nobody.
        ("chatml", "<|im_start|>assist", [("<|im_start|>assist", None, False)]),
        ("chatml", "<|im_start|><|im_end|>\n", [("<|im_start|><|im_end|>\n", None, False)]),
        # What stands between turns is nobody's, but for the newline that every turn has.
        ("chatml", "x<|im_start|>user\na<|im_end|>\n\tb<|endoftext|>",
         [("x", None, False), ("<|im_start|>user\na<|im_end|>\n", "user", False),
          ("\tb<|endoftext|>", None, False)]),
        # Without a beginning of a turn it is a document, which may end as an answer does.
        ("chatml", "a story<|im_end|>", [("a story<|im_end|>", None, True)]),
        ("llama3", "<|begin_of_text|>a", [("<|begin_of_text|>a", None, True)]),
        ("llama3", "<|start_header_id|>assistant<|end_header_id|>a<|eot_id|>b",
         [("<|start_header_id|>assistant<|end_header_id|>", "assistant", False),
          ("a<|eot_id|>", "assistant", True), ("b", None, False)]),
        ("llama3", "<|start_header_id|>assistant<|end_header_id|>\n\na<|eom_id|>b",
         [("<|start_header_id|>assistant<|end_header_id|>\n\n", "assistant", False),
          ("a<|eom_id|>", "assistant", True), ("b", None, False)]),
        # What a role calls itself cannot end its header.
        ("llama3", "<|start_header_id|>a\n\nassistant<|end_header_id|>\n\n",
         [("<|start_header_id|>a\n\nassistant<|end_header_id|>\n\n", None, False)]),
    ],
)  # fmt: skip
def test_turns_that_are_not_as_a_template_writes_them(
    name: str, text: str, expected: list[tuple[str, str | None, bool]]
) -> None:
    assert spoken(name, text) == expected


def test_without_special_tokens_nobody_speaks() -> None:
    text = "<|im_start|>assistant\nHi<|im_end|>"
    for tokens in (
        tokens_of(tokenizer_of("chatml"), text).tokens,
        tokens_of(tokenizer_of("llama3"), text, special=True).tokens,
    ):
        assert {(token.role, token.carries_loss) for token in tokens} == {(None, True)}


NAMES = (
    "bos", *(f"{who}_{side}" for who in ("user", "assistant", "python", "output")
             for side in ("start", "end"))
)  # fmt: skip
TOOLS = {f"<|{name}|>": 300 + i for i, name in enumerate(NAMES)}


def of_nanochat(ids: list[int]) -> list[Spoken]:
    return roles(ids, [b""] * len(ids), TOOLS)


def test_tools_of_nanochat() -> None:
    _, us, ue, as_, ae, ps, pe, os_, oe = TOOLS.values()
    found = of_nanochat([300, us, 1, ue, as_, 2, ps, 3, pe, os_, 4, oe, 5, ae])
    # bos, user and the tool's output do not count; of the assistant only the opening token.
    assert [int(counts) for _, counts in found] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1]
    assert [role for role, _ in found][5:13] == [
        "assistant", "python", "python", "python", "output", "output", "output", "assistant",
    ]  # fmt: skip
    assert of_nanochat([1, 2]) == [(None, True)] * 2
    assert of_nanochat([]) == []
    assert of_nanochat([ue, 1]) == [(None, False)] * 2  # an end without a beginning
    # Another special token in an answer does not.
    assert of_nanochat([as_, 2, 300, 2, ae])[1:] == [
        ("assistant", counts) for counts in (True, False, True, True)
    ]
    # Code that is cut off ends with the answer that it stands in.
    cut = of_nanochat([as_, ps, 3, ae, 7, us, 1, ue, as_, 2])
    assert [role for role, _ in cut][3:] == [
        "python", None, "user", "user", "user", "assistant", "assistant",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "prompt", "rest", "put"),
    [
        ("nanochat", "<|user_start|>hi<|user_end|><|assistant_start|>",
         "ho<|assistant_end|><|user_start|>a", ["assistant"] * 3 + ["user"] * 2),
        # Who speaks is known when the header ends, also of the tokens before.
        ("chatml", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>", "assistant\nho<|im_end|>",
         [None, "assistant", "assistant", "assistant", "assistant"]),
    ],
)  # fmt: skip
def test_who_speaks_is_known_of_what_is_written_too(
    name: str, prompt: str, rest: str, put: list[str | None]
) -> None:
    tokenizer = tokenizer_of(name)
    config = copy.deepcopy(CONFIGS["gpt2"])
    config.vocab_size = tokenizer.vocab_size
    model = new_model(config)
    begun, written = (
        tokenizer.encode(text, allowed_special=tokenizer.special_tokens) for text in (prompt, rest)
    )
    expected = [
        (token.role, token.carries_loss)
        for token in trace_ids(model, tokenizer, [*begun, *written]).tokens
    ]
    writing = Writing(model, tokenizer, begun)
    assert [writing.force(token).role for token in written] == put
    again = Writing(model, tokenizer, begun, written=written)
    for found in (writing, again):
        assert [(one.role, one.carries_loss) for one in found.trace.tokens] == expected
    writing.back(len(written))  # and unknown again where the header is taken back
    assert [(one.role, one.carries_loss) for one in writing.trace.tokens] == read(tokenizer, begun)


CHAT = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n"


def test_the_page_says_who_speaks() -> None:
    markup = trace_html(tokens_of(tokenizer_of("chatml"), CHAT, special=True))
    for role in ("user", "assistant"):
        assert markup.count(f'<span class="cygnet-role">{role}</span>') == 1
    assert "Slanted tokens do not count in training." in markup


def console_of(color_system: Any = None) -> Console:
    return Console(
        file=io.StringIO(), width=60, force_terminal=bool(color_system), color_system=color_system
    )


def test_tokens_that_count_are_told_without_colours() -> None:
    found = compare_tokens({"it": tokenizer_of("chatml")}, CHAT, special=True)
    print_comparison(found, console=(plain := console_of()))
    shown = plain.file.getvalue()  # type: ignore[attr-defined]
    assert (
        "assistant:\n⟦<|im_start|>⟧│assistant│⏎\nh│o│⟦<|im_end|>⟧│⏎\n▔ ▔ ▔▔▔▔▔▔▔▔▔▔▔▔  \n" in shown
    )
    assert shown.count("▔") == 15
    print_comparison(found, ids=True, console=(with_ids := console_of()))
    shown = with_ids.file.getvalue()  # type: ignore[attr-defined]
    assert [line.rstrip() for line in shown.splitlines()[-6:-3]] == [
        "h  │o  │⟦<|im_end|>⟧│⏎", "104 111 291          10", "▔▔▔ ▔▔▔ ▔▔▔▔▔▔▔▔▔▔▔▔"
    ]  # fmt: skip


def test_the_lines_of_a_trace_say_who_speaks() -> None:
    print_trace(tokens_of(tokenizer_of("chatml"), CHAT, special=True), console := console_of())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.index("user:") < shown.index("│h│") < shown.index("assistant:")
    assert [line.split("│")[1] for line in shown.splitlines() if re.match(r"\* +\d+│", line)] == [
        "h", "o", "⟦<|im_end|>⟧",
    ]  # fmt: skip
    assert "* training counts it: 3 of 14 tokens" in shown
    print_trace(tokens_of(tokenizer_of("chatml"), "a story"), console := console_of())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "*" not in shown and "nobody" not in shown
