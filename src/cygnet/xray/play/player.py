"""``Player``: a text that is being written, a cursor in it, and what can be done to both."""

import functools
from collections import deque
from collections.abc import Callable

from cygnet.errors import InputError
from cygnet.transformer.sampling import Sampling
from cygnet.xray.play.picture import Picture, Step
from cygnet.xray.play.settings import BY_FIELD, changed, shown, warmer
from cygnet.xray.trace import Alternative
from cygnet.xray.writing import Writing

VIEWS = ("tokens", "text", "figures")
SPEEDS = (1, 2, 5, 10, 20, 50, 0)
"""Tokens a second; 0 for as many as the model writes."""
PAGE = 10  # tokens that a page key moves over
ENDED = "end of document; space or n goes on behind it"
Job = Callable[[], None]


class Player:
    """Everything of a player but the drawing, the keys and the threads.

    What asks the model is a job: it may run in another thread, one at a time, while this object is
    looked at and changed. Between two jobs, ``picture`` is what there is:

        while job := player.next_job():
            player.settle(player.run(job))

    Args:
        new_writing: Begins a text from a prompt.
        prompt: The first prompt.
        sampling: How tokens are drawn at first.
        n_alternatives: How many tokens to offer at each position.

    Attributes:
        picture: The text as it is.
        sampling: How the next token is drawn.
        running: Whether tokens are drawn by themselves.
        view, speed: Out of ``VIEWS`` and ``SPEEDS``.
        selected: Which alternative at the cursor Enter puts there.
        asked: The setting, or ``"prompt"``, whose value is being typed.
        help_row: The first row of the help that is shown; none while it is not.
        message: What is to be said.
        finished: Whether to leave.

    Raises:
        InputError: There is neither prompt nor boundary token.
    """

    def __init__(
        self,
        new_writing: Callable[[str, Sampling], Writing],
        prompt: str,
        sampling: Sampling,
        n_alternatives: int = 9,
    ) -> None:
        self._new_writing, self._n_alternatives = new_writing, n_alternatives
        self._jobs: deque[Job] = deque()
        self._doing: Job | None = None
        self._runs_on = False  # the job at hand is none of a key: the player runs
        self._steps: list[Step] = []
        self._cursor: int | None = None
        self.sampling, self.running, self.finished = sampling, False, False
        self.view, self.speed, self.selected = VIEWS[0], 10, 0
        self.asked: str | None = None
        self.help_row: int | None = None
        self.message = ""
        self._begin(prompt)
        self.picture = self._look()

    # What is asked of the model.

    @property
    def is_busy(self) -> bool:
        """Whether the text is about to be changed by something else than running."""
        return bool(self._jobs) or (self._doing is not None and not self._runs_on)

    def next_job(self) -> Job | None:
        """What to ask the model now, if anything."""
        self._runs_on = self.running and not self._jobs
        if self._runs_on:
            self._doing = self._draw
        else:
            self._doing = self._jobs.popleft() if self._jobs else None
        return self._doing

    def run(self, job: Job) -> Picture:
        """Do a job; everything of it that takes time. Nothing that is seen changes yet."""
        try:
            job()
        except InputError as error:
            return self._look(str(error))
        return self._look()

    def settle(self, picture: Picture) -> None:
        """Show what a job has changed."""
        self._doing = None
        if self._runs_on and not self.running:
            # Paused meanwhile: what is seen stays. The draw comes again when the player goes on,
            # as it depends on the seed and the position alone.
            self._jobs.appendleft(functools.partial(self._cut, len(self.picture.trace.tokens)))
            return
        self.picture = picture
        self.selected = 0 if self.is_at_end else self.selected
        self.message = picture.error or self.message
        if picture.error or (self.running and picture.ended):
            self.running = False
        if picture.ended and not picture.error:
            self.message = ENDED

    def _look(self, error: str = "") -> Picture:
        writing = self._writing
        self._note_step()
        try:
            own, drawn_from = writing.alternatives(self._n_alternatives)
        except InputError as found:
            own, drawn_from, error = (), (), error or str(found)
        return Picture(
            trace=writing.trace,
            n_given=writing.n_given,
            own=own,
            drawn_from=drawn_from,
            ended=writing.ended is not None,
            prompt=self._prompt,
            is_prompt_whole=writing.n_given == self._n_prompt,
            steps=tuple(self._steps),
            error=error,
        )

    def _note_step(self) -> None:
        """Keep how the last token was drawn: a job adds one at most."""
        n_written = len(self._writing.trace.tokens) - self._writing.n_given
        del self._steps[n_written:]
        if len(self._steps) < n_written:
            self._steps.append(Step(self._writing.sampling, self._writing.ended is not None))

    def _begin(self, prompt: str) -> None:
        self._writing = self._new_writing(prompt, self.sampling)
        self._prompt, self._n_prompt = prompt, self._writing.n_given
        self._steps.clear()

    def _draw(self) -> None:
        self._writing.step()

    def _cut(self, n_tokens: int) -> None:
        self._writing.back(len(self._writing.trace.tokens) - n_tokens)

    def _put(self, position: int, token: int) -> None:
        if position < len(self._writing.trace.tokens):
            self._writing.replace(position, token)
        else:
            self._writing.force(token)

    def _set(self, sampling: Sampling) -> None:
        self._writing.sampling = sampling

    def _change_text(self, job: Job) -> None:
        """Queue a job that leaves the cursor at the end of the text."""
        self.running, self._cursor = False, None
        self._jobs.append(job)

    # The text.

    def toggle(self) -> None:
        """Run, or pause."""
        self.running = not self.running

    def step(self) -> None:
        """Draw a token."""
        self._change_text(self._draw)

    def back(self) -> None:
        """Take back the last token behind the prompt."""
        self._change_text(functools.partial(self._cut, len(self.picture.trace.tokens) - 1))

    def restart(self) -> None:
        """Begin again from the prompt."""
        self._change_text(functools.partial(self._begin, self.picture.prompt))

    def put(self, number: int) -> None:
        """Put an alternative where the cursor is and drop what follows it."""
        if not 0 <= number < len(self.choices):
            self.message = f"there is no alternative {number + 1} here"
            return
        token = self.choices[number].id
        self._change_text(functools.partial(self._put, self.position, token))

    # The cursor.

    @property
    def position(self) -> int:
        """The token under the cursor; behind the last one what comes next."""
        n_tokens = len(self.picture.trace.tokens)
        return n_tokens if self._cursor is None else min(self._cursor, n_tokens)

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is behind the last token."""
        return self.position == len(self.picture.trace.tokens)

    @property
    def choices(self) -> tuple[Alternative, ...]:
        """The likeliest tokens where the cursor is."""
        if self.is_at_end:
            return self.picture.own
        return self.picture.trace.tokens[self.position].alternatives

    def move(self, by: int) -> None:
        """Move the cursor over some tokens; a step right of the end draws one."""
        if self.is_at_end and by == 1:
            self.step()
        else:
            self.go(self.position + by)

    def go(self, position: int | None) -> None:
        """Move the cursor to a token, or with none to the end of the text."""
        at_end = position is None or position >= len(self.picture.trace.tokens)
        self._cursor = None if position is None or at_end else max(0, position)
        self.selected = 0

    def select(self, by: int) -> None:
        """Select another alternative."""
        self.selected = min(max(0, self.selected + by), max(0, len(self.choices) - 1))

    # The settings.

    def ask(self, what: str) -> None:
        """Let a setting or the prompt be typed."""
        self.running, self.asked = False, what

    @property
    def old_answer(self) -> str:
        """What is asked for as it is now."""
        if self.asked in BY_FIELD:
            return shown(BY_FIELD[self.asked], self.sampling)
        return self.picture.prompt

    def answer(self, text: str) -> None:
        """Take what was typed; a value that cannot be used is a message and changes nothing."""
        asked, self.asked = self.asked, None
        if asked == "prompt":
            self._change_text(functools.partial(self._begin, text))
        elif asked:
            self._try(functools.partial(changed, self.sampling, asked, text))

    def warm(self, by: float) -> None:
        """Change the temperature."""
        self._try(functools.partial(warmer, self.sampling, by))

    def _try(self, change: Callable[[], Sampling]) -> None:
        try:
            self.sampling = change()
        except InputError as error:
            self.message = str(error)
            return
        self._jobs.append(functools.partial(self._set, self.sampling))

    def hurry(self, by: int) -> None:
        """Run faster or slower."""
        number = min(max(0, SPEEDS.index(self.speed) + by), len(SPEEDS) - 1)
        self.speed = SPEEDS[number]

    def turn(self) -> None:
        """Show the text in the next view."""
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]

    def leave(self) -> None:
        """Ask to be left."""
        self.running, self.finished = False, True
