"""nanochat's artefacts: ``tokenizer.pkl``, a pickled ``tiktoken.Encoding``, and ``token_bytes.pt``.

Source: karpathy/nanochat, ``nanochat/tokenizer.py`` and ``scripts/tok_train.py``.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

from cygnet.errors import DamagedError, InputError
from cygnet.files import atomic_writer, make_folder, read_bytes
from cygnet.tokenizer.formats.byte_level import check_ids, naming
from cygnet.tokenizer.formats.dialects import read_pattern
from cygnet.tokenizer.formats.tiktoken import rank_vocabulary, to_encoding
from cygnet.tokenizer.patterns import SPECIAL_TOKENS
from cygnet.tokenizer.tokenizer import Tokenizer

OPCODES = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "MEMOIZE",
        "BINGET",
        "LONG_BINGET",
        "STACK_GLOBAL",
        "EMPTY_TUPLE",
        "NEWOBJ",
        "BUILD",
        "EMPTY_DICT",
        "SETITEM",
        "SETITEMS",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "SHORT_BINBYTES",
        "BINBYTES",
        "BININT",
        "BININT1",
        "BININT2",
    ]
)
"""All that the pickle of an encoding needs: one object of one class, and a dict as its state. No
opcode that calls anything is among them."""
FIELDS = {"name": str, "pat_str": str, "mergeable_ranks": dict, "special_tokens": dict}


class _Recorder:
    """Stands for ``tiktoken.Encoding`` in a pickle, and keeps what that would be built from."""

    state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[_Recorder]:
        if (module, name) != ("tiktoken.core", "Encoding"):
            raise InputError(
                f"this pickle asks for {module}.{name}, and was not opened: nanochat's asks for"
                " nothing but tiktoken.core.Encoding"
            )
        return _Recorder


def read_nanochat(path: Path) -> Tokenizer:
    """Read nanochat's ``tokenizer.pkl`` without running anything that it holds.

    Its opcodes are looked through first: what could call something, or refer to anything but the
    class ``tiktoken.core.Encoding``, is refused. That class is not imported either; in its place
    stands one that keeps the arguments. Pickles of protocol 4 and later are read, which Python
    writes by default since 3.8.

    Raises:
        InputError: The pickle is something else, or refers to an encoding of OpenAI's by name.
        DamagedError: It is truncated, or what it holds is of the wrong shape.
    """
    content = read_bytes(path)
    with naming(path):
        state = _read_state(content)
        ranks, special_tokens = state["mergeable_ranks"], state["special_tokens"]
        if not all(type(key) is bytes and type(ranks[key]) is int for key in ranks):
            raise DamagedError("its mergeable_ranks are not ranks of bytes")
        check_ids(special_tokens)
        special_tokens = dict(sorted(special_tokens.items(), key=lambda item: item[1]))
        pattern = read_pattern(state["pat_str"], "rust")
        return Tokenizer(rank_vocabulary(ranks, special_tokens), pattern, special_tokens)


def _read_state(content: bytes) -> dict[str, Any]:
    """The arguments of the one encoding that a pickle holds."""
    try:
        used = {opcode.name for opcode, _, _ in pickletools.genops(content)}
    except Exception as error:  # genops says what is wrong with many types, of one meaning
        raise DamagedError(f"it is no whole pickle ({error})") from error
    if not used <= OPCODES:
        raise InputError(
            f"this pickle was not opened: nanochat's has no {', '.join(sorted(used - OPCODES))}"
        )
    try:
        loaded = _Unpickler(io.BytesIO(content)).load()
    except InputError:
        raise
    except Exception as error:  # by its documentation any exception may come out of it
        raise DamagedError(f"it is no pickle of an encoding ({error})") from error
    state = loaded.state if isinstance(loaded, _Recorder) else None
    if isinstance(state, str):
        raise InputError(
            f"it names tiktoken's encoding {state!r} and holds no ranks: load the .tiktoken file"
            " of that encoding"
        )
    if not isinstance(state, dict) or {key: type(state[key]) for key in state} != FIELDS:
        raise DamagedError("it does not hold the arguments of a tiktoken.Encoding")
    return state


def write_nanochat(tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``tokenizer.pkl`` and ``token_bytes.pt``, as nanochat's ``tok_train.py`` does.

    ``token_bytes.pt`` holds an ``int32`` tensor of shape ``(vocab_size,)``, by which nanochat
    computes bits per byte: the bytes of each token's text, 0 for special tokens. As there, a token
    that is no whole characters counts with U+FFFD in its text, three bytes.

    Raises:
        InputError: The tokenizer lacks a special token that nanochat asks for, tiktoken is not
            installed, or would give other ids.
        ModuleNotFoundError: torch is not installed.
    """
    missing = [name for name in SPECIAL_TOKENS["nanochat"] if name not in tokenizer.special_tokens]
    if missing:
        raise InputError(
            f"nanochat needs the special token {missing[0]}, which this tokenizer does not have:"
            " train one with --tokenizer.special-tokens nanochat"
        )
    import torch

    encoding = to_encoding(tokenizer, "rustbpe")
    special = set(tokenizer.special_tokens.values())
    n_bytes = [
        0 if token in special else len(tokenizer.decode([token]).encode())
        for token in range(tokenizer.vocab_size)
    ]
    make_folder(folder)
    with atomic_writer(folder / "token_bytes.pt") as file:
        torch.save(torch.tensor(n_bytes, dtype=torch.int32), file)
    with atomic_writer(folder / "tokenizer.pkl") as file:
        pickle.dump(encoding, file)
