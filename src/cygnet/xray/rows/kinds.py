"""What each row of an embedding stands for."""

import numpy as np
import numpy.typing as npt

from cygnet.xray.rows.result import DEAD, KINDS, LIVE, SPECIAL, UNSEEN
from cygnet.xray.undertrained.indicators import Ids
from cygnet.xray.undertrained.vocabulary import NO_TOKEN, TokenNames


def row_kinds(
    names: TokenNames, n_rows: int, counts: npt.NDArray[np.uint64] | None
) -> dict[str, Ids]:
    """The ids of each kind of row, without kinds that have none.

    Args:
        names: The tokens.
        n_rows: Rows of the matrices, which may be more.
        counts: How often each id occurs in the train split, if that is known.

    Returns:
        ``dead``: rows that no text becomes by design, and rows without a token; ``special``
        tokens; ``unseen`` ones, which do not occur or which the tokenizer gives for no text; and
        ``live``, all others.
    """
    without = names.known_unused(n_rows).get(NO_TOKEN, np.empty(0, np.int64))
    kind = np.full(n_rows, LIVE, object)
    if counts is not None:
        kind[: len(counts)][counts == 0] = UNSEEN
    for name, ids in (
        (UNSEEN, names.unreachable),
        (SPECIAL, names.special_ids),
        (DEAD, [*names.dead_ids, *without]),
    ):
        kind[np.array(sorted(ids), np.int64)] = name
    found = {name: np.flatnonzero(kind == name) for name in KINDS}
    return {name: ids for name, ids in found.items() if len(ids)}
