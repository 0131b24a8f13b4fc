"""Turning whatever goes wrong while writing into a sentence for the user."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from road_extractor_plugin.contract.errors import DiskFullError, OutputError
from road_extractor_plugin.core.gdal_binding import quiet_gdal

_FULL_WORDS = ("No space left on device", "disk is full")
"""As the system and SQLite say it."""


@contextmanager
def writing(path: Path, needed_bytes: int) -> Iterator[None]:
    """Write a file inside this; failures of GDAL and of the system become our errors.

    GDAL may meet a full disk only when it closes a file: close datasets inside, by `close_dataset`.

    Args:
        path: The file, for the message.
        needed_bytes: About how large it becomes, for the message.

    Raises:
        DiskFullError: Writing failed and the disk is full.
        OutputError: Writing failed for another reason.
    """
    with quiet_gdal():
        try:
            yield
        except (RuntimeError, OSError) as error:
            raise _output_error(path, needed_bytes, str(error)) from error


def not_writable(folder: Path, error: OSError) -> OutputError:
    """What to raise where nothing can be put into a folder, or it cannot be made."""
    return OutputError(f"Cannot write in the folder '{folder}': {error.strerror}", "Choose another output folder")


def check_room(folder: Path, needed_bytes: int) -> None:
    """See whether so much fits on the disk of a folder.

    Raises:
        DiskFullError: It does not.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise DiskFullError(folder, needed_bytes, free_bytes)


def _output_error(path: Path, needed_bytes: int, detail: str) -> OutputError:
    free_bytes = shutil.disk_usage(path.parent).free
    # SQLite gives back what it took before it fails, so the room that is left does not tell it all.
    if free_bytes < needed_bytes or any(words in detail for words in _FULL_WORDS):
        return DiskFullError(path.parent, needed_bytes, free_bytes)
    return OutputError(f"Cannot write '{path.name}': {detail}", "Check that the output folder can be written")
