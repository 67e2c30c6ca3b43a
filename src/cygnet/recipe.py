"""Recipes: a whole system as data, one section per room.

A recipe says everything that a run depends on, and nothing else: the same recipe on the same text
gives the same bytes. ``cygnet run NAME`` takes one from ``recipes.py``, lets the command line
override any field, saves what it resolved to ``recipe.json`` in the run folder, and can run that
file again.
"""

import dataclasses
import difflib
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

from cygnet.errors import InputError

ModelPreset = Literal[
    "gpt2", "gpt2-small", "gpt2-medium", "gpt2-large", "gpt2-xl", "tiny-llm", "duckling-ii",
    "llama", "qwen2.5", "qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-7b", "nanochat",
]  # fmt: skip
HOW = ("micro_batch_size", "device", "report_to", "trace_every", "trace_tokens")
"""Options that say how something is computed, not what: a run may go on with others."""


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """What is read."""

    train: tuple[str, ...]
    """Sources to learn from: files, folders and patterns (.txt, .jsonl, .parquet, each also .gz,
    .zst, .xz), hub:owner/name[/pattern][@revision], a named corpus, or stories:SEED:COUNT."""
    valid: tuple[str, ...] = ()
    """Sources to validate on; without any, and without a fraction, nothing is validated."""
    valid_fraction: float | None = None
    """In place of valid: about this share of the documents of train, chosen by a hash of their
    text."""
    documents: Literal["boundary", "file", "line"] = "boundary"
    """What a document of a .txt file is: what lies between two boundaries, the file, or a line."""
    boundary: str = "<|endoftext|>"
    """The string between two documents in a .txt file. Never text itself."""
    column: str | None = None
    """The column of a .parquet file, or key of a .jsonl file, that holds the text; by default the
    first of text, content and contents that is there."""
    errors: Literal["strict", "replace"] = "strict"
    """Bytes that are not UTF-8: refuse the file, or replace them by U+FFFD and count."""


@dataclass(frozen=True, kw_only=True)
class TokenizerOptions:
    """A byte-level BPE, trained on the train split; or one cut from a base."""

    vocab_size: int
    """Rows of the vocabulary: 256 bytes, the learned tokens, the special tokens, dead rows."""
    base: str | None = None
    """Cut this tokenizer down to the tokens of the train split: a folder, a file, or
    hub:OWNER/NAME[@REVISION]. Without one, a BPE is trained."""
    lossless: bool = False
    """With a base: keep a BPE that encodes every text. Else what is not among the most frequent
    tokens becomes id 0, and there are no special tokens."""
    live: int | None = None
    """Rows that text can become; all but the dead ones if none."""
    dead: int = 0
    """Rows behind them that no text becomes. Live and dead rows are vocab_size together."""
    sample: int | None = 100_000
    """With a base: documents of the train split to count tokens in; all of them if none."""
    seed: int = 42
    """With a base: of the choice of these documents."""
    pattern: str = "gpt2"
    """How text is split into words: gpt2, cl100k, o200k, qwen2, nanochat, or a pattern."""
    special_tokens: tuple[str, ...] = ("<|endoftext|>",)
    """Added after the learned tokens; nanochat alone stands for the nine of that project. The first
    one ends every document."""
    sample_mb: float | None = None
    """Megabytes of text to learn from, taken across the whole corpus; all of it if none."""
    doc_cap: int | None = None
    """Characters of each document to learn from; all of them if none."""
    max_chars: int | None = None
    """Characters of the corpus, or of the sample, to learn from; all of them if none."""
    min_frequency: int = 2
    """Stop when no pair of tokens occurs this often."""
    tie_break: Literal["ids", "hf", "bytes"] = "ids"
    """Which of equally frequent pairs is joined first: that of the lowest ids (as rustbpe), of the
    lowest ids in the order of Hugging Face's alphabet, or the greatest pair of byte strings."""


@dataclass(frozen=True, kw_only=True)
class TokensOptions:
    """Token files."""

    shard_tokens: int = 100_000_000
    """Tokens in one file, about: a document is never cut."""


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """The model and its training."""

    preset: ModelPreset = "gpt2"
    """A family: gpt2, llama, qwen2.5, nanochat; one with a shape of its own: tiny-llm, duckling-ii
    (gpt2 with the exact gelu); or a published size, which has that shape and no other."""
    depth: int | None = None
    """Of nanochat and qwen2.5: derives layers, heads and width (64 x depth), in place of these."""
    config: str | None = None
    """In place of preset and shape: the config.json of any causal model of transformers. Rows of
    the vocabulary come from the tokenizer."""
    n_layer: int | None = None
    """Layers."""
    n_head: int | None = None
    """Attention heads per layer."""
    n_embd: int | None = None
    """Width of the residual stream."""
    tie_embeddings: bool | None = None
    """Whether input and output embeddings are one matrix; as the preset has it if none."""
    block_size: int
    """Context, in tokens."""
    batch_size: int
    """Rows per step; several ranks share them."""
    micro_batch_size: int | None = None
    """Rows that a process computes at a time, where memory is short; the step is the same. All of
    its rows if none."""
    order: Literal["random", "epoch", "packed"] = "random"
    """What a row is: a window at a random start, one of the windows that do not overlap, each once
    in an epoch, or whole documents packed by best fit, with attention inside each."""
    pack_window: int | None = None
    """Documents that are packed at a time where the order is packed; all together if none."""
    steps: int
    """Optimizer steps."""
    learning_rate: float
    """Peak learning rate of AdamW."""
    schedule: Literal["cosine", "linear"] = "cosine"
    """How the learning rate falls to zero."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises from zero."""
    weight_decay: float = 0.1
    """AdamW's weight decay."""
    adam_beta2: float = 0.95
    """Decay of AdamW's mean of squared gradients."""
    max_grad_norm: float = 1.0
    """Gradients longer than this are scaled down to it."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of the matrix products; auto measures whether bf16 is faster here. Weights stay fp32."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """What computes; auto takes cuda or mps where there is one."""
    seed: int = 42
    """Of the first weights and of the order of the data."""
    log_every: int = 10
    """Steps between lines of metrics.jsonl."""
    eval_every: int = 100
    """Steps between validations; each is followed by a checkpoint. A multiple of log_every."""
    eval_tokens: int | None = None
    """Tokens for each validation, in rows spread over the valid split; all of it if none. The last
    validation takes all of it in any case."""
    report_to: tuple[Literal["trackio", "wandb", "tensorboard"], ...] = ()
    """Loggers that get the figures of metrics.jsonl as well; each must be installed."""
    dead_rows: Literal["train", "frozen", "masked"] = "train"
    """What happens to embedding rows of dead tokens: trained like all others, kept as they began,
    or left out of the softmax, so that weight decay alone moves them."""
    record: tuple[Literal["W", "grad", "adam"], ...] = ()
    """What the recorder keeps of embedding rows: weights, gradients, AdamW's two means. Nothing is
    recorded if empty."""
    record_every: int | Literal["log"] = 100
    """Steps between snapshots; log takes 0, 1, 2 ... 10, 20 ... 100, 200 ..."""
    record_rows: str = "all"
    """Rows in a snapshot: all, dead, live, or ids such as 0-49,6144-6193."""


@dataclass(frozen=True, kw_only=True)
class XrayOptions:
    """The samples of the report."""

    prompts: tuple[str, ...] = ("Once upon a time",)
    """One sample is written on from each."""
    max_tokens: int = 250
    """Longest sample, in tokens."""
    temperature: float = 0.8
    """0 takes the likeliest token, 1 draws from the model's own distribution."""
    top_k: int | None = None
    """Draw from this many likeliest tokens only."""
    top_p: float | None = 0.95
    """Draw from the likeliest tokens that together reach this probability."""
    alternatives: int = 5
    """Alternatives recorded for each token."""
    seed: int = 1
    """Of the draws."""
    trace_every: int | None = None
    """While the model trains, steps between shorter samples from the same prompts; none are taken
    if none. A multiple of log_every keeps their time out of tokens_per_second."""
    trace_tokens: int = 40
    """Longest of these samples, in tokens."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole system, from raw text to a report."""

    name: str
    """Names the run folder where no other is given."""
    text: TextOptions
    tokenizer: TokenizerOptions
    tokens: TokensOptions = field(default_factory=TokensOptions)
    transformer: TransformerOptions
    xray: XrayOptions = field(default_factory=XrayOptions)


def read_recipe(values: Any, where: str) -> Recipe:
    """A recipe out of what ``to_dict`` gave.

    Args:
        values: Plain JSON values.
        where: Where they come from, for messages.

    Raises:
        InputError: They are no recipe.

    >>> from cygnet.recipes import demo
    >>> read_recipe(to_dict(demo()), "here") == demo()
    True
    """
    recipe: Recipe = _read_section(Recipe, values, where)
    return recipe


def to_dict(section: Any) -> dict[str, Any]:
    """A recipe or a section of one as plain JSON values (tuples become lists)."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in (
            (item.name, _plain(getattr(section, item.name))) for item in dataclasses.fields(section)
        )
    }


def what_is_made(section: Any) -> dict[str, Any]:
    """The options of a section on which its results depend, as plain JSON values."""
    return {key: value for key, value in to_dict(section).items() if key not in HOW}


def _plain(value: Any) -> Any:
    return to_dict(value) if dataclasses.is_dataclass(value) else value


def _read_section(section: type[Any], values: Any, where: str) -> Any:
    """Build a section from what ``to_dict`` gave, refusing what it does not know."""
    types = get_type_hints(section)
    if not isinstance(values, dict):
        raise InputError(f"{where}: {section.__name__} must be an object, found {values!r}")
    for key in values:
        if key not in types:
            close = difflib.get_close_matches(key, types, n=1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise InputError(f"{where}: {section.__name__} has no field {key!r}{hint}")
    built = {
        key: _read_section(types[key], value, where)
        if dataclasses.is_dataclass(types[key])
        else tuple(value)
        if isinstance(value, list)
        else value
        for key, value in values.items()
    }
    try:
        return section(**built)
    except TypeError as error:
        raise InputError(f"{where}: {section.__name__}: {error}") from error
