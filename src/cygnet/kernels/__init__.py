"""The fast paths: Python that Numba compiles, once per machine (see ``machine_code``).

A kernel takes pointers and integers and returns one integer. It allocates nothing, raises nothing
and holds no Python object, so that its machine code runs without Numba and without the GIL. These
modules are imported only to be compiled.

- ``bits``: 64 bytes at a time as bit masks, and what else Python has no operator for.
- ``characters``: UTF-8 and the Unicode classes.
- ``one_word``: the split patterns, one word at a time: exact and plain.
- ``blocks``: the split patterns, 64 bytes at a time.
- ``merging``: byte-pair encoding of one word.
- ``words``: the tables that remember words, and encoding.
- ``hashing``: on which side of a split a document belongs.
- ``softmax``: the loss of logits and its gradient.
- ``attention``: the weights of causal attention and their gradient.
- ``counting``, ``learning``: how often words occur, and the merges learned from that.
"""
