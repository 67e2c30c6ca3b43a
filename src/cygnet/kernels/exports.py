"""What is compiled: name, function and the types of its arguments.

``u8*`` and the like are pointers (``u16*`` also one to bfloat16), ``i64`` an integer; every kernel
returns one ``i64``.
"""

from cygnet.kernels import (
    attention,
    characters,
    counting,
    encoding,
    hashing,
    learning,
    pairs,
    softmax,
)

TABLES = "u64* i64* u64* u64* i64* i64"
MERGES = "u32* u32* u64* i64 u32*"
WHOLES = "u64* i64 u8*"
ROOM = "u32* u32* u64* i64* u64*"
WORDS = f"{TABLES} {MERGES} {WHOLES} {ROOM}"
BATCH = f"u8* i64 i64* i64* i64 i64 u8* i64 i64 {WORDS} i64 i64* i64 i64*"
COUNTS = "u64* i64 u8* i64 i64*"
LEARNER = (
    "i32* i64* i32* i64* i64 u8* u64* i64* i64* i32* i32* i64 i32* i32* i64* i64 i64* i64* i64*"
)
STEP = "i64* i64* i64* i64* i32* i32*"

KERNELS = {
    "encode_batch_u16": (encoding.encode_batch, f"{BATCH} u16* i64*"),
    "encode_batch_u32": (encoding.encode_batch, f"{BATCH} u32* i64*"),
    "encode_given": (encoding.encode_given, f"u8* i64 {WORDS} i64* i64 i64 u32*"),
    "merge_tokens": (encoding.merge_tokens, f"u8* i64* i64 {MERGES} {ROOM} i64 i32*"),
    "is_utf8": (characters.is_utf8, "u8* i64"),
    "count_ids_u16": (encoding.count_ids, "u16* i64 u64*"),
    "count_ids_u32": (encoding.count_ids, "u32* i64 u64*"),
    "count_batch": (counting.count_batch, f"u8* i64 i64* i64* i64 i64 u8* i64* i64 {COUNTS}"),
    "add_words": (counting.add_words, f"u8* i64* i64* i64 {COUNTS}"),
    "move_words": (counting.move_words, "u64* i64 u64* i64"),
    "list_words": (counting.list_words, "u64* i64 u8* u8* i64* i64*"),
    "shorten": (counting.shorten, "u8* i64* i64* i64 i64 i64"),
    "count_characters": (characters.count_characters, "u8* i64* i64* i64"),
    "hash_documents": (hashing.hash_documents, "u8* i64* i64* i64 i64 u64*"),
    "begin": (learning.begin, f"{LEARNER} i64 i64* i64*"),
    "learn": (learning.learn, f"{LEARNER} {STEP} i64 i64 i64 i64 i32*"),
    "index_pairs": (pairs.index_pairs, "u64* i64 i32* i64"),
    "softmax_rows_f32": (softmax.softmax_rows, "f32* i64* i64 i64 f32* i64 f32* f32*"),
    "softmax_rows_bf16": (softmax.softmax_rows, "u16* i64* i64 i64 f32* i64 f32* f32*"),
    "causal_weights_f32": (attention.causal_weights, "f32* i64 i64 i64 f32* i64 f32*"),
    "causal_weights_bf16": (attention.causal_weights, "u16* i64 i64 i64 f32* i64 f32*"),
    "causal_gradients_f32": (attention.causal_gradients, "f32* f32* i64 i64 i64 f32* i64 f32*"),
    "causal_gradients_bf16": (attention.causal_gradients, "u16* u16* i64 i64 i64 f32* i64 f32*"),
    "add_merges": (encoding.add_merges, f"i32* i64 i32* {MERGES}"),
}
