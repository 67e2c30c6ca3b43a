"""Text out of tokens as they come: whole characters, and nothing of a stop sequence."""

import codecs
from collections.abc import Sequence

from cygnet.errors import InputError


class TextStream:
    """Turns the bytes of tokens into text that is certain.

    Held back are bytes of a character that is not yet complete, and text that may turn out to be
    the beginning of a stop sequence.

    Args:
        stop: Strings that end the text and are not part of it.

    Attributes:
        stopped: Whether a stop sequence has come; nothing follows it.

    Raises:
        InputError: A stop sequence is empty.

    >>> stream = TextStream(stop=["END"])
    >>> [stream.push(token) for token in (b"it", b" E", b"at", b"s E", b"N", b"D.")]
    ['it', ' ', 'Eat', 's ', '', '']
    >>> stream.stopped
    True
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        if "" in stop:
            raise InputError("a stop sequence is empty: it would end every text at once")
        self._stop = tuple(stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.stopped = False

    def push(self, token: bytes) -> str:
        """The text that became certain with a token."""
        return self._release(self._decoder.decode(token))

    @property
    def rest(self) -> str:
        """What is held back: the text's end if no token follows. Half a character is U+FFFD."""
        if self.stopped:
            return ""
        return self._held + self._decoder.getstate()[0].decode(errors="replace")

    def _release(self, text: str) -> str:
        if self.stopped:
            return ""
        if not self._stop:
            return text
        text = self._held + text
        self._held = ""
        found = [at for at in map(text.find, self._stop) if at >= 0]
        if found:
            self.stopped = True
            return text[: min(found)]
        certain = len(text) - self._n_uncertain(text)
        self._held = text[certain:]
        return text[:certain]

    def _n_uncertain(self, text: str) -> int:
        """How many characters at the end may be the beginning of a stop sequence."""
        longest = max(map(len, self._stop)) - 1
        lengths = range(min(longest, len(text)), 0, -1)
        return next((n for n in lengths if any(s.startswith(text[-n:]) for s in self._stop)), 0)
