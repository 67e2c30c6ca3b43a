"""A player in a terminal that cannot place its cursor: what is new is printed below the rest."""

import itertools
import shutil

from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from cygnet.tokenizer.display import visible
from cygnet.xray.pieces import bracketed, directed
from cygnet.xray.play.engine import Engine
from cygnet.xray.play.keys import Keyboard, name_of
from cygnet.xray.play.player import Player
from cygnet.xray.play.rows import Row
from cygnet.xray.play.screen import draw
from cygnet.xray.play.text_views import CURSOR, mark_of


class PlainApp:
    """Keys in, rows out, without any control sequence.

    Args:
        player: What is played.
    """

    def __init__(self, player: Player) -> None:
        self.player, self.keyboard = player, Keyboard(player)
        self.engine = Engine(player, self._show)
        self._input = get_app_session().input
        self._typed = ""
        self._n_shown = 0  # tokens that were printed while they were written
        self._shown = ""

    async def run(self) -> None:
        """Play until the player is left, and leave the terminal as it was."""
        with self._input.raw_mode(), self._input.attach(self._read):
            self._show()
            await self.engine.run()

    def _read(self) -> None:
        for pressed in [*self._input.read_keys(), *self._input.flush_keys()]:
            if self.player.asked:
                self._type(pressed)
            else:
                self.keyboard.press(name_of(pressed))
                self._begin_to_type()
        if self._input.closed:
            self.player.leave()
        self.engine.wake()
        self._show()

    def _begin_to_type(self) -> None:
        if self.player.asked:
            self._typed = ""
            old = visible(self.player.old_answer.encode(errors="replace"))
            print(f"{self.player.asked} (now {old}): ", end="", flush=True)

    def _type(self, pressed: KeyPress) -> None:
        """Take a key of an answer; an empty one changes nothing."""
        name = name_of(pressed)
        if name == "enter" and self._typed:
            self.player.answer(self._typed)
        elif name in ("enter", "escape", "c-c"):
            self.player.asked = None
        elif name == "backspace":
            self._typed = self._typed[:-1]
        elif pressed.key == Keys.BracketedPaste or len(name) == 1:
            self._typed += pressed.data
        new = "" if self.player.asked else "\n"
        print(f"{visible(pressed.data.encode()) if not new else ''}", end=new, flush=True)

    def _show(self) -> None:
        """Print the tokens that are new while the player runs, else all that there is to see."""
        self.keyboard.release()
        player = self.player
        if player.running:
            self._print_new_tokens()
        elif not (player.is_busy or player.asked or player.finished):
            self._print_screen()

    def _print_new_tokens(self) -> None:
        tokens = self.player.picture.trace.tokens
        new = tokens[self._n_shown :]
        print(
            "".join(mark_of(token) + directed(bracketed(token)) for token in new),
            end="",
            flush=True,
        )
        self._n_shown = len(tokens)

    def _print_screen(self) -> None:
        width, height = shutil.get_terminal_size()
        rows = [as_text(row) for row in draw(self.player, max(1, width - 2), min(height, 24))]
        screen = "\n".join(row for row in rows if row)
        if screen != self._shown:
            print(f"\n{screen}", flush=True)
        self._shown, self._n_shown = screen, len(self.player.picture.trace.tokens)


def as_text(row: Row) -> str:
    """A row without styles; what is under the cursor is in brackets.

    >>> as_text([("", "a"), ("bold reverse", "b"), ("reverse", "c"), ("", "  ")])
    'a[bc]'
    """
    parts = itertools.groupby(row, key=lambda part: CURSOR in part[0])
    texts = ((here, "".join(text for _, text in some)) for here, some in parts)
    return "".join(f"[{text}]" if here else text for here, text in texts).rstrip()
