"""``Worker``: a thread that several users share in turn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, TypeVar

Result = TypeVar("Result")


class Worker:
    """Does one job at a time, in the order in which they were asked for.

    Who has more to do asks again behind each job: two texts that are written at once get a token
    in turn. A job whose asker has gone is left out, unless it has begun.

    >>> async def both():
    ...     worker = Worker()
    ...     return await asyncio.gather(worker.do(len, "ab"), worker.do(abs, -3))
    >>> asyncio.run(both())
    [2, 3]
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    async def do(self, job: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        """What a function returns or raises, called in the thread."""
        call = partial(job, *arguments, **options)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def each(self, parts: Iterator[Result]) -> AsyncIterator[Result]:
        """What an iterator gives, a job for each: others get their turn in between."""
        while found := await self.do(list[Result], islice(parts, 1)):
            yield found[0]

    def close(self) -> None:
        """Drop the jobs that have not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)
