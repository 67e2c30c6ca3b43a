"""Cut a vocabulary down to the tokens that a text needs, and say what that costs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.console import progress
from cygnet.errors import InputError
from cygnet.files import write_json
from cygnet.text.batch import TextBatch
from cygnet.text.sources import Reading, open_source
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.display import visible
from cygnet.tokenizer.frequencies import PER_THOUSAND, Frequencies, Sample, count_tokens
from cygnet.tokenizer.lossless import SPECIAL_TOKENS, cut_lossless
from cygnet.tokenizer.tokenizer import Tokenizer

REPORT = "report.json"
N_POINTS = 60


def compact(
    base: Tokenizer,
    sample: Sample,
    *,
    live: int,
    dead: int,
    lossless: bool = False,
    special_tokens: Sequence[str] = SPECIAL_TOKENS,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> "Compaction":
    """Count the tokens of a sample, cut the vocabulary, and measure the new one on the same sample.

    Args:
        base: Any byte-level BPE.
        sample: The documents that count.
        live: Rows that text can become.
        dead: Rows behind them that no text becomes.
        lossless: Whether to keep a BPE, in which every text has an encoding, with
            ``special_tokens``; else a ``CompactTokenizer``, which has neither.
        special_tokens: Names; the first one ends a document.
        on_bytes: Called with the bytes of text done; the sample is encoded twice.

    Raises:
        InputError: The sample has fewer types than ``live``, or ``live`` has no room for bytes and
            special tokens.

    Cost: the sample is encoded twice; memory for a batch of documents.
    """
    before = count_tokens(base, sample.batches(), on_bytes)
    cut: BaseTokenizer
    if lossless:
        cut = cut_lossless(base, before.counts, live, dead, special_tokens)
    else:
        cut = CompactTokenizer.from_counts(base, before, live, dead)
    after = count_tokens(cut, sample.batches(), on_bytes)
    return Compaction(base, cut, before, after, sample.n_documents)


def compact_sources(
    base: Tokenizer,
    sources: Sequence[str],
    reading: Reading,
    *,
    live: int,
    dead: int,
    sample: int,
    seed: int,
    lossless: bool,
) -> "Compaction":
    """Cut a base tokenizer down to the tokens of some texts; see ``compact``.

    Args:
        base: Any byte-level BPE.
        sources: What ``open_source`` takes; together they are the corpus.
        reading: How their files become documents.
        live, dead, lossless: As for ``compact``.
        sample, seed: How many documents count, and which; see ``choose_documents``.

    Raises:
        InputError: As ``compact``; or a source names nothing.
        EncodingError: A text is not UTF-8.
    """
    opened = [open_source(source, reading) for source in sources]

    def read() -> Iterator[TextBatch]:
        try:
            for source in opened:
                yield from source.batches()
        except InputError as error:  # an option has another name in a recipe
            raise type(error)(str(error).replace("--text.", "--")) from error

    chosen = Sample.of(read, sample, seed)
    share = chosen.n_chosen / chosen.n_documents
    about = 2 * share * sum(source.n_bytes for source in opened)
    with progress("counting tokens", about / 1e6, "MB") as advance:
        return compact(
            base,
            chosen,
            live=live,
            dead=dead,
            lossless=lossless,
            on_bytes=lambda n: advance(n / 1e6),
        )


@dataclass(frozen=True, eq=False)
class Compaction:
    """A vocabulary cut from another, and its figures.

    Attributes:
        base: The tokenizer that was cut.
        tokenizer: What is left of it.
        before, after: How often the tokens of each occur in the sample.
        n_documents: Documents of the corpus that the sample was taken from.
    """

    base: Tokenizer
    tokenizer: BaseTokenizer
    before: Frequencies
    after: Frequencies
    n_documents: int

    def save(self, folder: Path) -> None:
        """Write the vocabulary, and the figures to ``report.json``, into a folder."""
        self.tokenizer.save(folder)
        write_json(folder / REPORT, self.to_dict())

    @property
    def kept(self) -> npt.NDArray[np.int64]:
        """The base's tokens that are still tokens, most frequent first, if they occur."""
        live = {self.tokenizer.token_bytes(token) for token in range(self.tokenizer.vocab_size)}
        ranked = self.before.ranked
        return ranked[[self.base.token_bytes(token) in live for token in ranked.tolist()]]

    @property
    def coverage(self) -> float:
        """Share of the base's tokens in the sample that are still tokens."""
        return int(self.before.counts[self.kept].sum()) / self.before.n_tokens

    @property
    def n_unknown(self) -> int:
        """Tokens of the sample that become ``unk_id`` without being that token."""
        if not isinstance(self.tokenizer, CompactTokenizer):
            return 0
        return self.before.n_tokens - int(self.before.counts[self.tokenizer.live_ids].sum())

    @property
    def n_zero(self) -> int:
        """How often id 0 occurs in the sample."""
        return int(self.after.counts[0])

    @property
    def n_unused(self) -> int:
        """Live rows that do not occur in the sample."""
        return self.tokenizer.n_live - self.after.n_types

    @property
    def n_single_bytes(self) -> int:
        """Live tokens that are one byte long, of 256."""
        return int((self.tokenizer.token_lengths() == 1).sum())

    def curve(self) -> list[tuple[int, float]]:
        """The share of the base's tokens that its most frequent types cover, by their number."""
        covered = self.before.covered()
        ranks = np.geomspace(1, len(covered), N_POINTS).round().astype(np.int64)
        ranks = np.unique([*ranks, min(len(self.kept), len(covered))])
        return [(rank, int(covered[rank - 1]) / self.before.n_tokens) for rank in ranks.tolist()]

    def types_for(self) -> dict[str, int]:
        """As few types of the base as cover 90%, 95%, ... of the sample, by that percentage."""
        return {f"{share / 10:g}": self.before.types_for(share) for share in PER_THOUSAND}

    def describe(self, base_id: int) -> dict[str, Any]:
        """A token of the base: its id there, its text with nothing hidden, how often it occurs."""
        return {
            "base_id": base_id,
            "text": visible(self.base.token_bytes(base_id)),
            "count": int(self.before.counts[base_id]),
        }

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them: shares from 0 to 1."""
        lossy = isinstance(self.tokenizer, CompactTokenizer)
        return {
            "kind": "faithful" if lossy else "lossless",
            "rows": self.tokenizer.vocab_size,
            "live": self.tokenizer.n_live,
            "dead": len(self.tokenizer.dead_ids),
            "base_rows": self.base.vocab_size,
            "documents": self.n_documents,
            "sample_documents": self.before.n_documents,
            "sample_bytes": self.before.n_bytes,
            "types": self.before.n_types,
            "coverage": self.coverage,
            "out_of_vocabulary": 1 - self.coverage,
            "types_for_percent": self.types_for(),
            "curve": self.curve(),
            "first_live": self.describe(int(self.kept[0])),
            "last_live": self.describe(int(self.kept[-1])),
            "unknown_tokens": self.n_unknown,
            "id_0": {"occurs": self.n_zero, "unknown": self.n_unknown} if lossy else None,
            "single_bytes": self.n_single_bytes,
            "unused_live": self.n_unused,
            "base": _compression(self.before),
            "compact": _compression(self.after),
        }


def _compression(found: Frequencies) -> dict[str, float]:
    return {
        "tokens": found.n_tokens,
        "tokens_per_document": found.n_tokens / found.n_documents,
        "bytes_per_token": found.n_bytes / found.n_tokens,
    }
