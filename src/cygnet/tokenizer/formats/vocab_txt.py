"""``vocab.txt``: a vocabulary for people."""

from cygnet.tokenizer.display import visible
from cygnet.tokenizer.tokenizer import Tokenizer


def to_vocab_txt(tokenizer: Tokenizer) -> str:
    """A line per token: its id, its text with nothing hidden, and what it was merged from.

    >>> print(to_vocab_txt(Tokenizer([(104, 117)])).splitlines()[-2])
       256  hu    = h + u
    """
    shown = [visible(tokenizer.token_bytes(token)) for token in range(tokenizer.vocab_size)]
    parts = {joined: pair for *pair, joined in reversed(tokenizer.vocabulary.merges.tolist())}
    lines = []
    for token, text in enumerate(shown):
        if text:  # a row without a token has no line
            made_of = " + ".join(shown[part] for part in parts.get(token, ()))
            lines.append(f"{token:6d}  {text}" + (f"    = {made_of}" if made_of else ""))
    return "\n".join(lines) + "\n"
