"""Stages of a job that run at the same time, each in a thread of its own, with little between them.

    with ahead(images()) as read, ahead(predictions(read)) as predicted:
        for prediction in predicted:              images() and predictions() are generators; each runs in its
            write(prediction)                     own thread, while this one writes what they made before

What flows is bounded, because a stage is asked for one item more only when one was taken. Errors flow with the items.
There is nothing that could wait for ever: leaving a block waits for the item that its stage is at, which waits at
most for items of stages that were entered before and are still running.

Threads are kept for later blocks: PROJ opens its database anew in each new one, which takes 15 ms, for three threads
half as long as all else of a small raster.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Callable, Protocol, TypeVar

Item = TypeVar("Item")


class _End:
    """Stands for the end of the items."""


_END = _End()

_IDLE: list[ThreadPoolExecutor] = []
"""Threads without work, of one each; as many as there ever were blocks at the same time."""
if hasattr(os, "register_at_fork"):  # a copy of this process has none of its threads
    os.register_at_fork(after_in_child=_IDLE.clear)


@contextmanager
def _thread() -> Iterator[ThreadPoolExecutor]:
    """A thread that nobody else has work for; at the end of the block it has done all that it was given."""
    try:
        thread = _IDLE.pop()
    except IndexError:  # as two blocks may look at the same time, asking first would not do
        thread = ThreadPoolExecutor(1)
    try:
        yield thread
    finally:
        thread.submit(lambda: None).result()
        _IDLE.append(thread)


@contextmanager
def ahead(items: Generator[Item, None, None], most: int = 1) -> Iterator[Iterator[Item]]:
    """Run a generator in a thread of its own, ahead of the block that uses its items.

    An error that it raises, the block gets where it asks for the item. When the block ends, for whatever reason, the
    generator is closed in its thread; the thread has nothing more to do when the next line runs.

    Args:
        items: The stage; nobody else may use it.
        most: How many items it makes ahead.
    """
    with _thread() as thread:
        coming: deque[Future[Item | _End]] = deque()
        try:
            coming.extend(thread.submit(next, items, _END) for _ in range(most))
            yield _taken(items, coming, thread)
        finally:
            for future in coming:
                future.cancel()
            thread.submit(items.close)


def _taken(
    items: Generator[Item, None, None], coming: deque[Future[Item | _End]], thread: ThreadPoolExecutor
) -> Iterator[Item]:
    """The items in order; one more is asked for before each is handed out."""
    while not isinstance(item := coming.popleft().result(), _End):
        coming.append(thread.submit(next, items, _END))
        yield item


class Begin(Protocol):
    """Hands over a piece of work."""

    def __call__(self, work: Callable[[], Item]) -> Future[Item]:
        """Have it done after those handed over before."""


@contextmanager
def beside() -> Iterator[Begin]:
    """Run pieces of work in a thread of its own, one after the other, while the block goes on with other things.

    What goes wrong in them is raised where the next one is handed over, or at the end of the block, which waits for
    all of them. When the block fails itself, those not yet begun are dropped.
    """
    with _thread() as thread:
        works: list[Future[Any]] = []

        def begin(work: Callable[[], Item]) -> Future[Item]:
            for earlier in works:
                if earlier.done():
                    earlier.result()
            begun = thread.submit(work)
            works.append(begun)
            return begun

        try:
            yield begin
            for work in works:
                work.result()
        finally:
            for work in works:
                work.cancel()
