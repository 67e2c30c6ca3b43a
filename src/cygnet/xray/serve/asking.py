"""What a request asks for: JSON read with limits, field by field."""

import json
import math
import reprlib
from typing import Any, NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import AnyTokenizer
from cygnet.transformer.sampling import Sampling

MOST_BODY = 1_000_000
MOST_TEXT = 100_000
MOST_TOKENS = 4_000  # that are read or shown at once: seconds of a small model
MOST_WRITTEN = 2_000
MOST_ALTERNATIVES = 50
MOST_SEED = 2**53 - 1  # the greatest whole number that JavaScript tells from the next
LIMITS = {
    "text": MOST_TEXT,
    "tokens": MOST_TOKENS,
    "written": MOST_WRITTEN,
    "alternatives": MOST_ALTERNATIVES,
}


class Fields:
    """The fields of a request. Each is asked for once; ``check_all_known`` refuses those left over.

    Args:
        values: By name; one that is null counts as absent.

    Raises:
        InputError: (All methods.) A field is of the wrong type, or out of its range.

    >>> fields = Fields({"n": 3, "text": "hi"})
    >>> fields.integer("n", 1, least=0, most=5), fields.text("text"), fields.number("p")
    (3, 'hi', None)
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """A string, empty by default; at most 100,000 bytes."""
        value = self._take(name, "")
        if not isinstance(value, str):
            _refuse(name, "a string", value)
        if len(value) > MOST_TEXT or len(_utf8(name, value)) > MOST_TEXT:
            raise HTTPException(413, f"{name} is too long: at most {MOST_TEXT:,} bytes")
        return value

    def integer(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number in a range."""
        found = self.optional_integer(name, least=least, most=most)
        return default if found is None else found

    def optional_integer(self, name: str, *, least: int, most: int) -> int | None:
        """A whole number in a range, or none."""
        value = self._take(name, None)
        if value is None:
            return None
        if type(value) is not int or not least <= value <= most:
            _refuse(name, f"a whole number from {least:,} to {most:,}", value)
        return value

    def number(self, name: str) -> float | None:
        """A finite number, or none."""
        value = self._take(name, None)
        if value is None:
            return None
        if type(value) not in (int, float) or not math.isfinite(value):
            _refuse(name, "a number", value)
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false, the default."""
        value = self._take(name, False)
        if type(value) is not bool:
            _refuse(name, "true or false", value)
        return value

    def ids(self, name: str) -> list[int]:
        """A list of token ids, empty by default."""
        value = self._take(name, [])
        if not isinstance(value, list) or not all(type(one) is int for one in value):
            _refuse(name, "a list of token ids", value)
        return list(value)

    def check_all_known(self) -> None:
        """Refuse fields that nobody has asked for."""
        for name in sorted(self._values.keys() - self._asked):
            raise InputError(f"there is no field {_short(name)}")

    def _take(self, name: str, default: Any) -> Any:
        self._asked.add(name)
        return self._values.get(name, default)


async def read_fields(request: Request) -> Fields:
    """The fields of a JSON object, of at most a megabyte.

    Raises:
        HTTPException: It is longer, or no such thing.
    """
    try:
        found = json.loads(await _read_body(request), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the request is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise HTTPException(400, "the request is no JSON object")
    return Fields(found)


def read_sampling(fields: Fields) -> Sampling:
    """How tokens are to be drawn."""
    temperature = fields.number("temperature")
    if temperature is not None and temperature != 0 and not 0.01 <= temperature <= 100:
        _refuse("temperature", "0 or a number from 0.01 to 100", temperature)
    return Sampling(
        temperature=1.0 if temperature is None else temperature,
        top_k=fields.optional_integer("top_k", least=1, most=10**9),
        top_p=fields.number("top_p"),
        min_p=fields.number("min_p"),
        seed=fields.integer("seed", 0, least=0, most=MOST_SEED),
    )


def read_tokens(fields: Fields, tokenizer: AnyTokenizer) -> list[int]:
    """The tokens of ``text``; special tokens that it spells out count as such with ``special``."""
    allowed = tokenizer.special_tokens if fields.flag("special") else ()
    ids = tokenizer.encode(fields.text("text"), allowed_special=allowed)
    check_length(len(ids))
    return ids


def read_ids(fields: Fields, tokenizer: AnyTokenizer) -> list[int]:
    """The tokens of ``ids``; where there is none, those of ``text``, as of ``read_tokens``."""
    if "ids" not in fields:
        return read_tokens(fields, tokenizer)
    if "text" in fields:
        raise InputError("the text is either text or ids")
    ids = fields.ids("ids")
    check_length(len(ids))
    unknown = next((one for one in ids if not 0 <= one < tokenizer.vocab_size), None)
    if unknown is not None:
        raise InputError(f"there is no token {_short(unknown)}")
    return ids


def check_length(n_tokens: int) -> None:
    """Refuse more tokens than the page can show.

    Raises:
        HTTPException: There are more.
    """
    if n_tokens > MOST_TOKENS:
        raise HTTPException(
            413, f"{n_tokens:,} tokens are too many: the page takes {MOST_TOKENS:,} at most"
        )


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            raise HTTPException(413, f"the request is too long: at most {MOST_BODY:,} bytes")
    return bytes(body)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse(name: str, expected: str, found: Any) -> NoReturn:
    raise InputError(f"{name} must be {expected}, found {_short(found)}")


def _short(value: Any) -> str:
    """A value as a few characters that do no harm."""
    return reprlib.repr(value).encode("ascii", "backslashreplace").decode()


def _utf8(name: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name} is no text: it has half of a character ({error})") from error
