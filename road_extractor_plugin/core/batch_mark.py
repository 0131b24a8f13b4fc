"""Whether a batch was stopped before it had come to its end, so that the same command goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable

from road_extractor_plugin.core.output_errors import not_writable

_MARK = ".batch_unfinished"


@contextmanager
def batch_mark(folder: Path, is_begun: Callable[[], bool]) -> Iterator[None]:
    """Leave a mark in the output folder of a batch while the block runs, and longer if it fails.

    A mark that is there stays as it is: its age tells since when results are those of the batch that was stopped.

    Args:
        folder: It is made, if need be.
        is_begun: Asked when the block has failed, whether anything was done that a later batch can go on with.

    Raises:
        OutputError: The mark cannot be made.
    """
    mark = folder / _MARK
    was_there = mark.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.open("a").close()
    except OSError as error:
        raise not_writable(folder, error) from error
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if is_done or not (was_there or is_begun()):
            with suppress(OSError):
                mark.unlink()


def stopped_since_ns(folder: Path) -> int | None:
    """When the batch began that was stopped, by the clock of its file system; None if there is none."""
    try:
        return (folder / _MARK).stat().st_mtime_ns
    except OSError:
        return None
