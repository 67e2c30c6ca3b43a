"""The keys of a player, named as ``prompt_toolkit`` names them, and what they do."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from cygnet.xray.play.player import PAGE, Player
from cygnet.xray.play.settings import SETTINGS, Setting


@dataclass(frozen=True)
class Key:
    """Keys that do the same.

    Attributes:
        names: The keys.
        label: What is written on them.
        hint: In a word or two, for the foot of the screen.
        about: In a line, for the help.
        act: Called with the player and the name of the key.
        waits: It acts on the text as it will be when what was asked of the model is done.
    """

    names: tuple[str, ...]
    label: str
    hint: str
    about: str
    act: Callable[[Player, str], None]
    waits: bool = True


def _ask(what: str) -> Callable[[Player, str], None]:
    return lambda player, name: player.ask(what)


def _setting(setting: Setting) -> Key:
    about = f"type the {setting.name}{'' if setting.off is None else ', or off'}"
    return Key((setting.letter,), setting.letter, setting.name, about, _ask(setting.field), False)


def _help(player: Player, name: str) -> None:
    player.help_row = 0


KEYS = (
    Key((" ",), "space", "run", "run, or pause", lambda p, _: p.toggle(), False),
    Key(("n",), "n", "step", "draw one token", lambda p, _: p.step()),
    Key(("b", "backspace"), "b", "back", "take the last token back", lambda p, _: p.back()),
    Key(("left", "h"), "←", "→ move", "the token before (also h)", lambda p, _: p.move(-1)),
    Key(("right", "l"), "→", "", "next token, at the end draw (l)", lambda p, _: p.move(1)),
    Key(("up", "k"), "↑", "↓ select", "select the one above (also k)", lambda p, _: p.select(-1)),
    Key(("down", "j"), "↓", "", "select the one below (also j)", lambda p, _: p.select(1)),
    Key(
        tuple("123456789"),
        "1-9",
        "put",
        "put this alternative here",
        lambda p, name: p.put(int(name) - 1),
    ),
    Key(("enter",), "Enter", "put", "put the selected one here", lambda p, _: p.put(p.selected)),
    Key(("v", "tab"), "v", "view", "tokens, clean text, figures", lambda p, _: p.turn(), False),
    Key(("p",), "p", "prompt", "write from another prompt", _ask("prompt"), False),
    *map(_setting, SETTINGS),
    Key(("+", "="), "+", "- temperature", "temperature 0.1 up", lambda p, _: p.warm(0.1), False),
    Key(("-",), "-", "", "temperature 0.1 down", lambda p, _: p.warm(-0.1), False),
    Key(("[",), "[", "] speed", "fewer tokens a second", lambda p, _: p.hurry(-1), False),
    Key(("]",), "]", "", "more tokens a second", lambda p, _: p.hurry(1), False),
    Key(("home", "g"), "Home", "", "the first token (also g)", lambda p, _: p.go(0)),
    Key(("end", "G"), "End", "", "behind the last (also G)", lambda p, _: p.go(None)),
    Key(("pageup",), "PgUp", "", f"{PAGE} tokens back", lambda p, _: p.go(p.position - PAGE)),
    Key(("pagedown",), "PgDn", "", f"{PAGE} tokens on", lambda p, _: p.go(p.position + PAGE)),
    Key(("r",), "r", "restart", "begin again behind the prompt", lambda p, _: p.restart()),
    Key(("?", "f1"), "?", "help", "this help", _help, False),
    Key(
        ("q", "f10", "c-c", "c-d", "<sigint>"),
        "q",
        "quit",
        "leave (also Ctrl-C, Ctrl-D)",
        lambda p, _: p.leave(),
        False,
    ),
)
BY_NAME = {name: key for key in KEYS for name in key.names}
LEAVES = BY_NAME["q"].names
SCROLLS = {"up": -1, "k": -1, "down": 1, "j": 1, " ": 8, "pagedown": 8, "pageup": -8}


RENAMED = {"c-m": "enter", "c-i": "tab", "c-h": "backspace"}


def name_of(pressed: KeyPress) -> str:
    """The name of a key: one in ``BY_NAME``, or another."""
    name = pressed.key.value if isinstance(pressed.key, Keys) else pressed.key
    return RENAMED.get(name, name)


class Keyboard:
    """Hands keys to a player, each when what was typed before it is done.

    Args:
        player: Whose keys they are.
    """

    def __init__(self, player: Player) -> None:
        self._player = player
        self._waiting: deque[str] = deque()

    def press(self, name: str) -> None:
        """Act at once where that can be done, else when ``release`` is called."""
        key = BY_NAME.get(name)
        if self._player.help_row is not None and name not in LEAVES[1:]:
            self._scroll_help(name)
        elif key and key.waits and (self._waiting or self._player.is_busy):
            self._waiting.append(name)
        else:
            self._act(name)

    def release(self) -> None:
        """Act on keys that have waited, as far as the model is not asked again."""
        while self._waiting and not self._player.is_busy:
            self._act(self._waiting.popleft())

    def _act(self, name: str) -> None:
        self._player.message = ""
        if key := BY_NAME.get(name):
            key.act(self._player, name)

    def _scroll_help(self, name: str) -> None:
        row = self._player.help_row or 0
        by = SCROLLS.get(name)
        self._player.help_row = None if by is None else min(max(0, row + by), len(KEYS) - 1)
