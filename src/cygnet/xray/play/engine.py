"""What a player needs beside keys and a screen: a thread for the model, and an orderly end."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from cygnet.xray.play.player import Player

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Engine:
    """Does a player's jobs in a thread of their own, one at a time.

    Args:
        player: What is played.
        on_change: Called when there is something new to see, and when the player is left.

    Attributes:
        ended_by: The signal that asked to end, if one has.
    """

    def __init__(self, player: Player, on_change: Callable[[], None]) -> None:
        self._player, self._on_change = player, on_change
        self._woken, self._left = asyncio.Event(), asyncio.Event()
        self.ended_by: signal.Signals | None = None

    def wake(self) -> None:
        """Look again at what the player wants: a key was pressed."""
        self._woken.set()
        if self._player.finished:
            self._left.set()

    async def run(self) -> None:
        """Do what the player wants until it is left; a job that is not done then is given up.

        What the model raises is raised here.
        """
        with _one_thread() as pool, self._ending_signals():
            tasks = [
                asyncio.ensure_future(self._work(pool)),
                asyncio.ensure_future(self._left.wait()),
            ]
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            for task in done:
                task.result()

    async def _work(self, pool: ThreadPoolExecutor) -> None:
        """Do jobs as they come, and tokens at the player's speed."""
        loop, player = asyncio.get_running_loop(), self._player
        due = 0.0
        while not player.finished:
            if not player.is_busy and (seconds := self._seconds_until(due)):
                await self._sleep(seconds)
            elif job := player.next_job():
                due = time.monotonic() + (1 / player.speed if player.speed else 0)
                player.settle(await loop.run_in_executor(pool, player.run, job))
                self._on_change()

    def _seconds_until(self, due: float) -> float:
        """How long there is nothing to do; infinite while the player is paused."""
        return max(0.0, due - time.monotonic()) if self._player.running else float("inf")

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), min(seconds, 3600))
        except TimeoutError:
            return
        self._woken.clear()

    @contextmanager
    def _ending_signals(self) -> Iterator[None]:
        """Let signals that end a process leave the player first."""
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._end, number)
        try:
            yield
        finally:
            for number in ENDING:
                loop.remove_signal_handler(number)

    def _end(self, number: signal.Signals) -> None:
        self.ended_by = number
        self._player.leave()
        self.wake()
        self._on_change()


@contextmanager
def _one_thread() -> Iterator[ThreadPoolExecutor]:
    """A thread that is not waited for: the terminal is in order before the model is done."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
