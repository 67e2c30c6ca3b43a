"""cygnet turns raw text into a small language model that you can see inside.

What most people need is here; importing it costs nothing until it is used:

- ``Tokenizer``, ``CompactTokenizer``: learn, encode, decode
- ``read_text``: the documents of files, folders, patterns, data sets on the hub
- ``TextBatch``, ``TokenStore``, ``build_tokens``: text, token files, batches
- ``find_recipe``, ``run``: a whole system, from raw text to a report
- ``load_model``, ``load_tokenizer``, ``generate``, ``Sampler``, ``Sampling``: the trained model
- ``EmbeddingRecorder``, ``Snapshots``: embedding rows over a training
- ``trace``, ``Trace``: what a model thought of every token of a text
- ``Writing``: a text that a model writes: forwards, back, and on from another token
- ``compare_tokens``, ``attention``: how tokenizers cut a text, what its tokens look at
- ``open_embedding``, ``token_row``: rows of the embedding and their neighbours
- ``compare_runs``, ``read_samples``: runs side by side, and what they wrote on the way
- ``TraceRecorder``, ``read_traces``: the same over a training
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cygnet.recipe import Recipe as Recipe
    from cygnet.recipes import find_recipe as find_recipe
    from cygnet.runner import run as run
    from cygnet.text.batch import TextBatch as TextBatch
    from cygnet.text.sources import read_text as read_text
    from cygnet.tokenizer.compact import CompactTokenizer as CompactTokenizer
    from cygnet.tokenizer.tokenizer import Tokenizer as Tokenizer
    from cygnet.tokens.build import build as build_tokens  # noqa: F401
    from cygnet.tokens.store import TokenStore as TokenStore
    from cygnet.transformer.any_tokenizer import load_tokenizer as load_tokenizer
    from cygnet.transformer.generation import generate as generate
    from cygnet.transformer.generation import generate_batch as generate_batch
    from cygnet.transformer.model import load_model as load_model
    from cygnet.transformer.recorder import EmbeddingRecorder as EmbeddingRecorder
    from cygnet.transformer.sampler import Sampler as Sampler
    from cygnet.transformer.sampling import Sampling as Sampling
    from cygnet.transformer.snapshots import Snapshots as Snapshots
    from cygnet.xray.attention.reading import attention as attention
    from cygnet.xray.recorder import TraceRecorder as TraceRecorder
    from cygnet.xray.rows.embedding import open_embedding as open_embedding
    from cygnet.xray.rows.embedding import token_row as token_row
    from cygnet.xray.runs.comparison import compare_runs as compare_runs
    from cygnet.xray.runs.samples import read_samples as read_samples
    from cygnet.xray.runs.traces import read_traces as read_traces
    from cygnet.xray.tokens.comparison import compare_tokens as compare_tokens
    from cygnet.xray.trace import Trace as Trace
    from cygnet.xray.tracing import trace as trace
    from cygnet.xray.writing import Writing as Writing

__version__ = "0.1.0"

_HOME = {
    "CompactTokenizer": ("cygnet.tokenizer.compact", "CompactTokenizer"),
    "EmbeddingRecorder": ("cygnet.transformer.recorder", "EmbeddingRecorder"),
    "Recipe": ("cygnet.recipe", "Recipe"),
    "Sampler": ("cygnet.transformer.sampler", "Sampler"),
    "Sampling": ("cygnet.transformer.sampling", "Sampling"),
    "Snapshots": ("cygnet.transformer.snapshots", "Snapshots"),
    "TextBatch": ("cygnet.text.batch", "TextBatch"),
    "TokenStore": ("cygnet.tokens.store", "TokenStore"),
    "Tokenizer": ("cygnet.tokenizer.tokenizer", "Tokenizer"),
    "Trace": ("cygnet.xray.trace", "Trace"),
    "TraceRecorder": ("cygnet.xray.recorder", "TraceRecorder"),
    "build_tokens": ("cygnet.tokens.build", "build"),
    "find_recipe": ("cygnet.recipes", "find_recipe"),
    "generate": ("cygnet.transformer.generation", "generate"),
    "generate_batch": ("cygnet.transformer.generation", "generate_batch"),
    "read_traces": ("cygnet.xray.runs.traces", "read_traces"),
    "read_text": ("cygnet.text.sources", "read_text"),
    "load_model": ("cygnet.transformer.model", "load_model"),
    "load_tokenizer": ("cygnet.transformer.any_tokenizer", "load_tokenizer"),
    "run": ("cygnet.runner", "run"),
    "trace": ("cygnet.xray.tracing", "trace"),
    "attention": ("cygnet.xray.attention.reading", "attention"),
    "compare_tokens": ("cygnet.xray.tokens.comparison", "compare_tokens"),
    "compare_runs": ("cygnet.xray.runs.comparison", "compare_runs"),
    "open_embedding": ("cygnet.xray.rows.embedding", "open_embedding"),
    "read_samples": ("cygnet.xray.runs.samples", "read_samples"),
    "token_row": ("cygnet.xray.rows.embedding", "token_row"),
    "Writing": ("cygnet.xray.writing", "Writing"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cygnet' has no attribute {name!r}")
    module, attribute = _HOME[name]
    return getattr(importlib.import_module(module), attribute)
