"""The settings of a player that can be typed: what they are called, read and shown as."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.recipe import XrayOptions, read_recipe
from cygnet.transformer.sampling import Sampling


@dataclass(frozen=True)
class Setting:
    """One field of ``Sampling``.

    Attributes:
        name: As on the command line.
        letter: The key that asks for it.
        kind: Reads what is typed.
        range: What may be typed, for messages.
        off: The value that leaves it out; none where it cannot be left out.
    """

    name: str
    letter: str
    kind: Callable[[str], Any]
    range: str
    off: float | None = None

    @property
    def field(self) -> str:
        """Its name in ``Sampling``."""
        return self.name.replace("-", "_")


SETTINGS = (
    Setting("temperature", "T", float, "a number from 0 on"),
    Setting("top-k", "K", int, "a whole number from 1 on, or off", off=0),
    Setting("top-p", "P", float, "a number above 0, up to 1, or off", off=1.0),
    Setting("min-p", "M", float, "a number from 0 to 1, or off", off=0.0),
    Setting("seed", "S", int, "a whole number"),
)
BY_FIELD = {setting.field: setting for setting in SETTINGS}


def options_of(path: Path) -> XrayOptions:
    """How the recipe of a run writes its samples; as any recipe does where there is none."""
    file = path / "recipe.json"
    return read_recipe(read_json(file), str(file)).xray if file.is_file() else XrayOptions()


def sampling_of(options: XrayOptions, given: dict[str, Any]) -> Sampling:
    """Settings that are given, the others from a recipe; values that stand for off leave it out."""
    values: dict[str, Any] = {name: getattr(options, name, None) for name in BY_FIELD}
    values |= {name: value for name, value in given.items() if value is not None}
    off = {name for name, value in values.items() if value == BY_FIELD[name].off}
    return Sampling(**{name: value for name, value in values.items() if name not in off})


def shown(setting: Setting, sampling: Sampling) -> str:
    """The value of a setting.

    >>> [shown(setting, Sampling(top_k=40, top_p=1.0)) for setting in SETTINGS]
    ['1', '40', 'off', 'off', '0']
    """
    value = getattr(sampling, setting.field)
    is_off = setting.off is not None and value in (None, setting.off)
    return "off" if is_off else f"{value:g}" if isinstance(value, float) else str(value)


def changed(sampling: Sampling, field: str, text: str) -> Sampling:
    """Other settings, one of them as typed.

    Raises:
        InputError: It cannot be read, or is out of its range.

    >>> changed(Sampling(), "top_k", "40").top_k, changed(Sampling(), "top_k", "off").top_k
    (40, None)
    """
    setting = BY_FIELD[field]
    try:
        value: Any = None if text.strip() in ("off", "") else setting.kind(text)
        if setting.off is not None and value == setting.off:
            value = None
        if value is None and setting.off is None:
            raise ValueError
        fields: dict[str, Any] = {field: value}
        return replace(sampling, **fields)
    except (ValueError, OverflowError) as error:  # an InputError is one, too
        raise InputError(f"{setting.name} is {setting.range}; found {text.strip()!r}") from error


def warmer(sampling: Sampling, by: float) -> Sampling:
    """The same with another temperature, not below 0."""
    return replace(sampling, temperature=max(0.0, round(sampling.temperature + by, 2)))


def as_arguments(sampling: Sampling) -> list[str]:
    """The settings as options of the command, whatever its defaults are.

    >>> as_arguments(Sampling(top_k=40))[:4], as_arguments(Sampling())[4:6]
    (['--temperature', '1.0', '--top-k', '40'], ['--top-p', '1.0'])
    """
    words: list[str] = []
    for setting in SETTINGS:
        value = getattr(sampling, setting.field)
        words += [f"--{setting.name}", str(setting.off if value is None else value)]
    return words
