"""A player on the whole screen of a terminal."""

import asyncio
import contextlib
from typing import Any

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, UIContent, UIControl
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import ColorDepth

from cygnet.xray.play.engine import Engine
from cygnet.xray.play.keys import BY_NAME, Keyboard, name_of
from cygnet.xray.play.player import Player
from cygnet.xray.play.screen import draw
from cygnet.xray.play.styles import as_prompt_toolkit

SECONDS_OF_ESCAPE = 0.05  # until an escape is a key of its own, not the beginning of one


class App:
    """Keys in, rows out.

    Args:
        player: What is played.
    """

    def __init__(self, player: Player) -> None:
        self.player, self.keyboard = player, Keyboard(player)
        self.engine = Engine(player, self._show)
        self._typed = Buffer(multiline=False)
        self._screen = Window(Screen(player), wrap_lines=False)
        self._application: Application[None] = Application(
            layout=Layout(HSplit([self._screen, self._input_line()]), self._screen),
            key_bindings=self._bindings(),
            full_screen=True,
            min_redraw_interval=0.02,
        )
        self._application.ttimeoutlen = SECONDS_OF_ESCAPE

    async def run(self) -> None:
        """Play until the player is left, and leave the terminal as it was.

        What the model and the drawing raise is raised here.
        """
        asyncio.get_running_loop().set_exception_handler(self._raise)
        screen = asyncio.ensure_future(self._application.run_async(set_exception_handler=False))
        model = asyncio.ensure_future(self.engine.run())
        await asyncio.wait((screen, model), return_when=asyncio.FIRST_COMPLETED)
        self.player.leave()
        self.engine.wake()
        self._show()
        with contextlib.suppress(EOFError):  # the terminal is gone
            await screen
        await model

    def _show(self) -> None:
        self.keyboard.release()
        self._application.invalidate()
        if self.player.finished and self._application.is_running and not self._application.is_done:
            self._application.exit()

    def _raise(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context["message"])
        if not self._application.is_done:
            self._application.exit(exception=error)

    def _input_line(self) -> ConditionalContainer:
        label = BeforeInput(self._label)
        line = Window(BufferControl(self._typed, input_processors=[label]), height=1)
        return ConditionalContainer(line, Condition(lambda: self.player.asked is not None))

    def _label(self) -> str:
        name = (self.player.asked or "").replace("_", "-")
        return f"{name}: " if name == "prompt" else f"{name} (now {self.player.old_answer}): "

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        asks = Condition(lambda: self.player.asked is not None)
        for name in (*BY_NAME, "escape"):
            bindings.add(name, filter=~asks, eager=True)(self._press)
        bindings.add(Keys.Any, filter=~asks)(self._press)
        bindings.add("enter", filter=asks, eager=True)(self._answer)
        for name in ("escape", "c-c", "<sigint>"):
            bindings.add(name, filter=asks, eager=True)(self._cancel)
        bindings.add("c-l")(lambda event: event.app.renderer.clear())
        bindings.add("c-z", filter=~asks)(lambda event: event.app.suspend_to_background())
        return bindings

    def _press(self, event: KeyPressEvent) -> None:
        self.keyboard.press(name_of(event.key_sequence[0]))
        if self.player.asked:
            # A prompt is edited; of a figure, what is typed takes the place.
            self._typed.text = self.player.old_answer if self.player.asked == "prompt" else ""
            self._typed.cursor_position = len(self._typed.text)
            event.app.layout.focus(self._typed)
        self.engine.wake()
        self._show()

    def _answer(self, event: KeyPressEvent) -> None:
        if self._typed.text or self.player.asked == "prompt":
            self.player.answer(self._typed.text)
        self.player.asked = None
        self._return(event)

    def _cancel(self, event: KeyPressEvent) -> None:
        self.player.asked = None
        self._return(event)

    def _return(self, event: KeyPressEvent) -> None:
        event.app.layout.focus(self._screen)
        self.engine.wake()


class Screen(UIControl):
    """The rows of a player, as ``prompt_toolkit`` asks for them."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def is_focusable(self) -> bool:
        """Keys come here unless something is being typed."""
        return True

    def create_content(self, width: int, height: int) -> UIContent:
        """Draw."""
        is_plain = get_app().color_depth == ColorDepth.DEPTH_4_BIT
        rows: list[StyleAndTextTuples] = [
            [(as_prompt_toolkit(style, is_plain), text) for style, text in row]
            for row in draw(self._player, width, height)
        ]
        return UIContent(lambda number: rows[number], len(rows), show_cursor=False)
