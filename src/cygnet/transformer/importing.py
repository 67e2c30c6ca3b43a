"""Checkpoints of llama2.c as model folders.

A checkpoint is a header of seven ``int32`` (width, width of the feed-forward, layers, heads, heads
of keys and values, vocabulary, context) and the weights as ``float32``, all layers of one kind
together. Version 0 begins with the header and has a negative vocabulary where the output has a
matrix of its own; version 1 begins with ``ak42`` and its number, and says so in a byte; its header
fills 256 bytes.

Source: karpathy/llama2.c, export.py.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from cygnet.errors import DamagedError, InputError
from cygnet.files import atomic_folder, input_errors
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer

MAGIC = b"24ka"  # 0x616b3432, little-endian
MOST = 1 << 20  # of each number in a header: what is above it is no header

SIZES = ("dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len")
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself, in the words of llama2.c."""

    version: int
    is_shared: bool
    dim: int
    hidden_dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    seq_len: int

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        return self.dim // self.n_heads

    @property
    def n_bytes(self) -> int:
        """Bytes before the weights."""
        return 256 if self.version else 28

    def check(self, path: Path) -> None:
        """Raise an ``InputError`` where no model has these numbers."""
        sizes = {name: vars(self)[name] for name in SIZES}
        is_sound = all(0 < value < MOST for value in sizes.values())
        if not (is_sound and self.dim % (2 * self.n_heads) == 0 == self.n_heads % self.n_kv_heads):
            said = ", ".join(f"{name} {value}" for name, value in sizes.items())
            raise InputError(f"{path} is no checkpoint of llama2.c: its header says {said}")

    def blocks(self) -> list[tuple[str, int, tuple[int, ...]]]:
        """Name, copies and shape of the weights, in the order of the file."""
        width, keys = self.dim, self.n_kv_heads * self.head_dim
        feed = (self.hidden_dim, width)
        embedding = ("embed_tokens", 1, (self.vocab_size, width))
        attention_norm = ("input_layernorm", self.n_layers, (width,))
        feed_norm = ("post_attention_layernorm", self.n_layers, (width,))
        norm = ("norm", 1, (width,))
        attention = [
            ("self_attn.q_proj", self.n_layers, (width, width)),
            ("self_attn.k_proj", self.n_layers, (keys, width)),
            ("self_attn.v_proj", self.n_layers, (keys, width)),
            ("self_attn.o_proj", self.n_layers, (width, width)),
        ]
        feed_forward = [
            ("mlp.gate_proj", self.n_layers, feed),
            ("mlp.down_proj", self.n_layers, feed[::-1]),
            ("mlp.up_proj", self.n_layers, feed),
        ]
        head = [] if self.is_shared else [("lm_head", 1, (self.vocab_size, width))]
        if self.version:
            first = [attention_norm, feed_norm, norm, embedding]
            return [*first, *attention, *feed_forward, *head]
        # The angles of the positions, which follow from the header.
        angles = ("angles", 2, (self.seq_len, self.head_dim // 2))
        first = [embedding, attention_norm, *attention]
        return [*first, feed_norm, *feed_forward, norm, angles, *head]


def import_llama2c(checkpoint: Path, out: Path, tokenizer: Path | None = None) -> LlamaForCausalLM:
    """Write a checkpoint of llama2.c as a model folder, with its tokenizer.

    Args:
        checkpoint: A ``.bin`` of version 0 or 1.
        out: The folder to write, which ``AutoModelForCausalLM`` and ``AutoTokenizer`` load.
        tokenizer: The vocabulary, ``tok512.bin`` or any that ``Tokenizer.load`` reads; by default
            ``tokN.bin`` (for N tokens) or ``tokenizer.bin`` beside the checkpoint.

    Returns:
        The model.

    Raises:
        InputError: A file is missing, is no such checkpoint or vocabulary, or the two have another
            number of tokens; there is something at ``out`` already.
        DamagedError: A file has another size than it says.
    """
    header = read_header(checkpoint)
    vocabulary = _load_tokenizer(checkpoint, header, tokenizer)
    model = LlamaForCausalLM(_to_config(header, vocabulary.boundary_id))
    model.load_state_dict(read_weights(checkpoint, header))
    with atomic_folder(out) as folder:
        model.save_pretrained(folder)
        vocabulary.save(folder)
    model.train(False)
    return model


def read_header(path: Path) -> Header:
    """The header of a checkpoint, checked against the size of the file.

    Raises:
        InputError, DamagedError: As ``import_llama2c``.
    """
    with input_errors(path), open(path, "rb") as file:
        start = file.read(37)
        n_bytes = file.seek(0, 2)
    if len(start) < 37:
        raise InputError(f"{path} is no checkpoint of llama2.c: it has {n_bytes} bytes")
    header = _parse(path, start)
    header.check(path)
    n_weights = sum(copies * int(np.prod(shape)) for _, copies, shape in header.blocks())
    expected = header.n_bytes + 4 * n_weights
    if n_bytes != expected:
        raise DamagedError(
            f"{path} is damaged, or no checkpoint of llama2.c: it has {n_bytes:,} bytes, and its"
            f" header makes {expected:,}"
        )
    return header


def _parse(path: Path, start: bytes) -> Header:
    if start[:4] != MAGIC:
        numbers = list(struct.unpack("<7i", start[:28]))
        is_shared = numbers[5] > 0  # the vocabulary
        numbers[5] = abs(numbers[5])
        return Header(0, is_shared, *numbers)
    version, *numbers, is_shared = struct.unpack("<8iB", start[4:])
    if version != 1:
        raise InputError(
            f"{path} is a checkpoint of llama2.c in version {version}: 0 and 1, which hold float32,"
            " can be read"
        )
    return Header(version, bool(is_shared), *numbers)


def read_weights(path: Path, header: Header) -> Weights:
    """The weights of a checkpoint under the names of ``LlamaForCausalLM``, ``float32``."""
    flat = np.fromfile(path, "<f4", offset=header.n_bytes)
    weights: Weights = {}
    at = 0
    for name, copies, shape in header.blocks():
        size = int(np.prod(shape))
        for layer in range(copies):
            tensor = torch.from_numpy(flat[at : at + size].reshape(shape))
            weights[_name(name, layer)] = _in_halves(name, tensor, header.head_dim)
            at += size
    weights.pop("angles.weight", None)
    weights.setdefault("lm_head.weight", weights["model.embed_tokens.weight"])
    return weights


def _name(block: str, layer: int) -> str:
    if block in ("lm_head", "angles"):
        return f"{block}.weight"
    is_single = block in ("embed_tokens", "norm")
    return f"model.{block}.weight" if is_single else f"model.layers.{layer}.{block}.weight"


def _in_halves(name: str, tensor: torch.Tensor, head_dim: int) -> torch.Tensor:
    """Rows of queries and keys in the order of ``transformers``.

    llama2.c turns rows 2i and 2i + 1 of a head together, ``transformers`` rows i and i + half.
    """
    if name not in ("self_attn.q_proj", "self_attn.k_proj"):
        return tensor
    return tensor.view(-1, head_dim // 2, 2, tensor.shape[1]).transpose(1, 2).reshape(tensor.shape)


def _to_config(header: Header, boundary_id: int | None) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=header.vocab_size,
        hidden_size=header.dim,
        intermediate_size=header.hidden_dim,
        num_hidden_layers=header.n_layers,
        num_attention_heads=header.n_heads,
        num_key_value_heads=header.n_kv_heads,
        max_position_embeddings=header.seq_len,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=header.is_shared,
        bos_token_id=boundary_id,
        eos_token_id=boundary_id,
    )


def _load_tokenizer(checkpoint: Path, header: Header, given: Path | None) -> BaseTokenizer:
    beside = [checkpoint.with_name(name) for name in (f"tok{header.vocab_size}.bin",
                                                      "tokenizer.bin")]  # fmt: skip
    path = given or next((path for path in beside if path.is_file()), None)
    if path is None:
        names = " or ".join(path.name for path in beside)
        raise InputError(f"there is no {names} beside {checkpoint}: name one with --tokenizer")
    found = Tokenizer.load(path)
    if found.vocab_size != header.vocab_size:
        raise InputError(
            f"{path} has {found.vocab_size:,} tokens, and the model in {checkpoint}"
            f" {header.vocab_size:,}: it was trained with another"
        )
    return found
