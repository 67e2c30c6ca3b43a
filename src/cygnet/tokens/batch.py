"""``Batch``: rows to learn from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Order = Literal["random", "epoch", "packed"]
IGNORED = -100
"""A target that does not count in the loss: what ``torch`` and ``transformers`` leave out."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows to learn from; unpacks as ``x, y``.

    Attributes:
        x: Token ids, ``int64`` of shape ``(B, T)``.
        y: The token that follows each of ``x``, same shape; ``IGNORED`` where ``mask`` is false.
            It may share its memory with ``x``.
        positions: Position of each token of ``x`` in its document, or in the part of it that lies
            in this row; ``int64`` of the same shape. None where rows are plain windows.
        mask: Which of ``y`` count in the loss, bool of the same shape; None where all do.
        document_ids: Number of the document in its split that each token of ``y`` belongs to, -1
            for padding; ``int64`` of the same shape. None where rows are plain windows.
    """

    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64] | None = None
    mask: npt.NDArray[np.bool_] | None = None
    document_ids: npt.NDArray[np.int64] | None = None

    def __iter__(self) -> Iterator[npt.NDArray[np.int64]]:
        return iter((self.x, self.y))
