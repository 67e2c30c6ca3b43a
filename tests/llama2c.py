"""Checkpoints and vocabularies of llama2.c, written as its export.py and tokenizer.py do; and its
encoder, as run.c has it."""

import struct
from itertools import chain
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

Piece = tuple[bytes, float]
NAMES = (
    "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
    "self_attn.o_proj", "post_attention_layernorm", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj",
)  # fmt: skip


def write_checkpoint(path: Path, model: LlamaForCausalLM, version: int = 0) -> None:
    """A model of ``transformers`` as a checkpoint."""
    config, state = model.config, model.state_dict()
    is_shared = config.tie_word_embeddings
    sign = 1 if is_shared or version else -1
    sizes = struct.pack("<7i", config.hidden_size, config.intermediate_size,
                        config.num_hidden_layers, config.num_attention_heads,
                        config.num_key_value_heads, sign * config.vocab_size,
                        config.max_position_embeddings)  # fmt: skip
    layers: dict[str, list[torch.Tensor]] = {
        name: [
            interleaved(name, state[f"model.layers.{layer}.{name}.weight"], config)
            for layer in range(config.num_hidden_layers)
        ]
        for name in NAMES
    }
    embedding, norm = state["model.embed_tokens.weight"], state["model.norm.weight"]
    head = [] if is_shared else [state["lm_head.weight"]]
    flags = struct.pack("<Ii", 0x616B3432, version)
    angles = torch.zeros(config.max_position_embeddings, config.head_dim)
    if version:
        norms = [*layers.pop("input_layernorm"), *layers.pop("post_attention_layernorm")]
        tensors = [*norms, norm, embedding, *chain(*layers.values()), *head]
        sizes = (flags + sizes + bytes([is_shared])).ljust(256, b"\0")
    else:
        tensors = [embedding, *chain(*layers.values()), norm, angles, *head]
    path.write_bytes(sizes + b"".join(tensor.numpy().tobytes() for tensor in tensors))


def interleaved(name: str, weight: torch.Tensor, config: object) -> torch.Tensor:
    """Rows i and i + half of each head of queries and keys, side by side."""
    if not name.endswith(("q_proj", "k_proj")):
        return weight
    half = config.head_dim // 2  # type: ignore[attr-defined]
    rows = []
    for head in weight.split(2 * half):
        for i in range(half):
            rows += [head[i], head[i + half]]
    return torch.stack(rows)


def write_vocabulary(path: Path, pieces: list[Piece]) -> None:
    longest = max(len(piece) for piece, _ in pieces)
    path.write_bytes(
        struct.pack("<i", longest)
        + b"".join(struct.pack("<fi", score, len(piece)) + piece for piece, score in pieces)
    )


def make_pieces(learned: list[str]) -> list[Piece]:
    """A vocabulary: special tokens, bytes, learned pieces in this order, then single characters."""
    characters = sorted({character for piece in learned for character in piece})
    rest = [*learned, *(c for c in characters if c not in learned)]
    return [
        *((name, 0.0) for name in (b"<unk>", b"\n<s>\n", b"\n</s>\n")),
        *((f"<0x{byte:02X}>".encode(), 0.0) for byte in range(256)),
        *((piece.encode(), -float(rank)) for rank, piece in enumerate(rest)),
    ]


def encode(pieces: list[Piece], text: str) -> list[int]:
    """What ``encode`` of run.c gives without bos and eos."""
    ids = {piece: token for token, (piece, _) in enumerate(pieces)}
    tokens = []
    for character in (" " + text) if text else "":
        raw = character.encode()
        tokens += [ids[raw]] if raw in ids else [byte + 3 for byte in raw]
    while True:
        best, where = -1e10, -1
        for i in range(len(tokens) - 1):
            joined = ids.get(pieces[tokens[i]][0] + pieces[tokens[i + 1]][0])
            if joined is not None and pieces[joined][1] > best:
                best, where = pieces[joined][1], i
        if where < 0:
            return tokens
        joined_bytes = pieces[tokens[where]][0] + pieces[tokens[where + 1]][0]
        tokens[where : where + 2] = [ids[joined_bytes]]
