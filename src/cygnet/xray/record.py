"""``Record``: an object of JSON whose fields may be anything, read one by one."""

import reprlib
from collections.abc import Iterator
from typing import Any, NoReturn

from cygnet.errors import InputError


class Record:
    """Gives the fields of an object, or says in one line what is wrong with it.

    Args:
        values: What should be an object.
        name: What it is, for the message.

    Raises:
        InputError: From each method: there is no such field, or it is something else.

    >>> Record({"rank": "first"}, "token 3").integer("rank", least=1)
    Traceback (most recent call last):
    cygnet.errors.InputError: token 3: rank is 'first', not a whole number from 1 on
    """

    def __init__(self, values: Any, name: str) -> None:
        if not isinstance(values, dict):
            raise InputError(f"{name} is {reprlib.repr(values)}, not an object")
        self._values, self._name = values, name

    def get(self, key: str) -> Any:
        """A field that may be anything."""
        if key not in self._values:
            raise InputError(f"{self._name} has no {key}")
        return self._values[key]

    def is_null(self, key: str) -> bool:
        """Whether a field is there, and null."""
        return self.get(key) is None

    def integer(self, key: str, least: int) -> int:
        """A whole number."""
        value = self.get(key)
        if type(value) is int and value >= least:
            return value
        self._refuse(key, f"a whole number from {least} on")

    def number(self, key: str, least: float, most: float) -> float:
        """A number between two others, which NaN is not."""
        value = self.get(key)
        if type(value) in (int, float) and least <= value <= most:
            return float(value)
        self._refuse(key, f"a number from {least:g} to {most:g}")

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.get(key)
        if isinstance(value, bool):
            return value
        self._refuse(key, "true or false")

    def text(self, key: str) -> str:
        """A text that can be written as UTF-8."""
        value = self.get(key)
        if isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value):
            return value
        self._refuse(key, "a text")

    def content(self, key: str) -> bytes:
        """Bytes in hexadecimal."""
        value = self.get(key)
        try:
            return bytes.fromhex(value)
        except (TypeError, ValueError):
            self._refuse(key, "bytes in hexadecimal")

    def records(self, key: str, name: str) -> Iterator["Record"]:
        """A list of objects, each with its number in its name."""
        values = self.get(key)
        if not isinstance(values, list):
            self._refuse(key, "a list")
        for i, value in enumerate(values):
            yield Record(value, f"{name} {i} of {self._name}")

    def one_of(self, key: str, known: tuple[str, ...]) -> Any:
        """One of some words."""
        value = self.get(key)
        if isinstance(value, str) and value in known:
            return value
        self._refuse(key, f"one of {', '.join(known)}")

    def _refuse(self, key: str, wanted: str) -> NoReturn:
        found = reprlib.repr(self._values[key])
        raise InputError(f"{self._name}: {key} is {found}, not {wanted}")
