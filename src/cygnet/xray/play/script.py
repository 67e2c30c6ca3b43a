"""Playing without a terminal: some steps, with tokens that are put at some of them."""

from collections.abc import Iterable, Mapping

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import AnyTokenizer
from cygnet.xray.trace import Trace
from cygnet.xray.writing import Writing


def write(writing: Writing, n_steps: int, forced: Mapping[int, int]) -> Trace:
    """Write some tokens, or as many as there are until the document ends.

    Args:
        writing: Where it begins.
        n_steps: Most tokens to write.
        forced: Tokens to put, by their step, from 1.

    Returns:
        The text. A token that was drawn and ends the document is not part of it.

    Raises:
        InputError: The document ends before a step at which a token is to be put.
    """
    for step in range(1, n_steps + 1):
        if step in forced:
            writing.force(forced[step])
            continue
        if writing.ended:
            _check_all_put(step, forced)
            break
        writing.step()
    if writing.ended and writing.trace.tokens[-1].origin == "drawn":
        writing.back()
    return writing.trace


def _check_all_put(n_steps: int, forced: Mapping[int, int]) -> None:
    if late := [step for step in forced if step > n_steps]:
        raise InputError(
            f"the document ended before step {n_steps}, and a token is to be put at step {late[0]}"
        )


def parse_forced(words: Iterable[str], tokenizer: AnyTokenizer, n_steps: int) -> dict[int, int]:
    """Tokens by their step, from ``STEP:ID`` or ``STEP:TEXT``.

    A text of several tokens takes as many steps. Digits are an id; the name of a special token is
    that token.

    Raises:
        InputError: A step or a token cannot be had, or two tokens are to be put at one step.

    >>> from cygnet import Tokenizer
    >>> parse_forced(["2:ab", "5:256"], Tokenizer([]), n_steps=5)
    {2: 97, 3: 98, 5: 256}
    """
    found: dict[int, int] = {}
    for word in words:
        number, colon, what = word.partition(":")
        if not colon or not number.isdecimal() or not what:
            raise InputError(f"--force takes STEP:ID or STEP:TEXT, such as 5:262; found {word!r}")
        for step, token in enumerate(_tokens(what, tokenizer), int(number)):
            if not 1 <= step <= n_steps:
                raise InputError(f"--force {word}: there is no step {step}, only 1 to {n_steps}")
            if step in found:
                raise InputError(f"--force {word}: step {step} has a token already")
            found[step] = token
    return found


def _tokens(what: str, tokenizer: AnyTokenizer) -> list[int]:
    if what.isdecimal():
        return [int(what)]
    return tokenizer.encode(what, allowed_special=tokenizer.special_tokens)
