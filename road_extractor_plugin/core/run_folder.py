"""A hidden folder beside the results in which a run works: one run at a time has it, the next one finds it again."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Callable

from road_extractor_plugin.core.output_errors import not_writable

MARK = "road_extractor.lock"
_STALE_S = 30 * 24 * 3600.0
"""What nobody has gone on with for so long is removed."""
_ATTEMPTS = 3
"""To get hold of a folder that another run may be removing."""


@contextmanager
def run_folder(folder: Path, name: str, is_worth_keeping: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """A folder of this name for the block, hidden in `folder`, which exists.

    The system marks it as taken, and frees it however the process ends. Where another run has it, or the file system
    knows no such marks, the block gets a folder of its own, which nobody finds again.

    Args:
        folder: Where it lies.
        name: The same for all runs of which one may go on where another stopped.
        is_worth_keeping: Asked when the block has failed; None keeps nothing, and lets the block begin with nothing.

    Raises:
        OutputError: It cannot be made.
    """
    _remove_stale(folder)
    with ExitStack() as at_end:
        path, is_found_again = _taken(folder, name, at_end)
        keeps = is_worth_keeping if is_found_again else None
        if keeps is None:
            _clear(path)
        is_done = False
        try:
            yield path
            is_done = True
        finally:
            if is_done or keeps is None or not keeps(path):
                _clear(path)


def unfinished_folder(folder: Path, name: str) -> Path:
    """Where `run_folder` has it, if it is there at all."""
    return folder / f".{name}"


def remove_unfinished(folder: Path, name: str) -> bool:
    """Remove what a run left there; false if there is nothing, or another run has it."""
    path = unfinished_folder(folder, name)
    with suppress(OSError), ExitStack() as at_end:
        if path.is_dir() and _take(path, at_end):
            _clear(path)
            return True
    return False


def _taken(folder: Path, name: str, at_end: ExitStack) -> tuple[Path, bool]:
    """A folder that no other run has, and whether it is the one that a later run gets."""
    path = unfinished_folder(folder, name)
    try:
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError, FileExistsError):  # it is just being removed
                path.mkdir(exist_ok=True)
                if _take(path, at_end):
                    return path, True
        own = Path(tempfile.mkdtemp(prefix=f".{name}_", dir=folder))
        _take(own, at_end)
    except OSError as error:
        raise not_writable(folder, error) from error
    return own, False


def _take(path: Path, at_end: ExitStack) -> bool:
    """Mark a folder as taken until the end; then it goes too, if it is empty. False if another run has it."""
    at_end.callback(_remove_if_empty, path)
    mark = path / MARK
    file = mark.open("ab")
    if not _lock(file) or not _is_still(mark, file):
        file.close()
        return False
    at_end.callback(_free, mark, file)
    return True


def _free(mark: Path, file: IO[bytes]) -> None:
    """Windows removes no open file; elsewhere the mark must go while it is held, lest a successor's be removed."""
    if sys.platform == "win32":
        file.close()
    with suppress(OSError):
        if len(list(mark.parent.iterdir())) == 1:
            mark.unlink()
    file.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _is_still(mark: Path, file: IO[bytes]) -> bool:
    """Whether the file that was opened is the one that lies there, and not one that was removed meanwhile."""
    with suppress(FileNotFoundError):
        return os.path.samestat(mark.stat(), os.fstat(file.fileno()))
    return False


def _clear(path: Path) -> None:
    for entry in path.iterdir():
        if entry.name == MARK:
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with suppress(OSError):
                entry.unlink()


def _remove_if_empty(path: Path) -> None:
    with suppress(OSError):
        path.rmdir()


@lru_cache(maxsize=256)
def _remove_stale(folder: Path) -> None:
    """Once per process, for a folder may hold very many results."""
    now = time.time()
    for mark in folder.glob(f".*/{MARK}"):
        with suppress(OSError), ExitStack() as at_end:
            newest = max(entry.stat().st_mtime for entry in mark.parent.iterdir())
            if now - newest > _STALE_S and _take(mark.parent, at_end):
                _clear(mark.parent)
