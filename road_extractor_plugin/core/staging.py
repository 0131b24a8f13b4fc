"""All outputs of a run or none: they are made in a hidden folder beside their place and moved there at the end."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from road_extractor_plugin.contract.errors import DiskFullError, OutputError, OutputExistsError
from road_extractor_plugin.contract.result import OutputPaths
from road_extractor_plugin.core.output_errors import check_room


@contextmanager
def staged_outputs(
    paths: OutputPaths, *, needed_bytes: int, overwrite: bool, untouched: tuple[Path, ...] = ()
) -> Iterator[OutputPaths]:
    """Make files at the yielded paths; when the block ends well they are moved to `paths`.

    When it does not, everything is as it was before, folders included. Files of an earlier run are replaced only at
    the end, and put back if one of them cannot be replaced. What else lies in the yielded folder is thrown away.

    Args:
        paths: Where the outputs shall be.
        needed_bytes: About how large they are together, with what is needed meanwhile.
        overwrite: Whether existing files may be replaced.
        untouched: Those of `paths` that this run does not make, so that they may exist.

    Raises:
        OutputExistsError: There are outputs already.
        DiskFullError: They do not fit, by the estimate or in fact.
        OutputError: The folder cannot be made or written.
    """
    refuse_existing(paths, overwrite=overwrite, untouched=untouched)
    with _folder(paths.folder):
        check_room(paths.folder, needed_bytes)
        with _staging_folder(paths) as staging:
            try:
                yield paths.within(staging)
            except DiskFullError as error:
                raise DiskFullError(paths.folder, error.needed_bytes, error.free_bytes) from error
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise DiskFullError(paths.folder, needed_bytes, shutil.disk_usage(paths.folder).free) from error
            _move_into_place(staging, paths)


def refuse_existing(paths: OutputPaths, *, overwrite: bool, untouched: tuple[Path, ...] = ()) -> None:
    """See whether outputs are in the way; for the arguments see `staged_outputs`.

    Raises:
        OutputExistsError: There are outputs already.
    """
    existing = tuple(path.name for path in _files(paths) if path not in untouched and path.exists())
    if existing and not overwrite:
        raise OutputExistsError(paths.folder, existing)


def _files(paths: OutputPaths) -> tuple[Path, ...]:
    return paths.probability, paths.mask, paths.roads, paths.preview, paths.report


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make a folder and its parents; those made go again if the block fails."""
    with ExitStack() as undo:
        for parent in reversed((folder, *folder.parents)):
            if not parent.exists():
                undo.callback(_remove_empty, parent)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(folder, error) from error
        yield
        undo.pop_all()


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _staging_folder(paths: OutputPaths) -> Iterator[Path]:
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{paths.stem}_", dir=paths.folder))
    except OSError as error:
        raise _not_writable(paths.folder, error) from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move_into_place(staging: Path, paths: OutputPaths) -> None:
    """Move the files, the former ones aside; undo all of it if one cannot be moved (Windows: it is open somewhere).

    Raises:
        OutputError: A former file cannot be replaced.
    """
    former = staging / "former"
    former.mkdir()
    done: list[tuple[Path, Path]] = []
    try:
        for made in (path for path in _files(paths.within(staging)) if path.exists()):
            place = paths.folder / made.name
            moves = [(place, former / made.name), (made, place)] if place.exists() else [(made, place)]
            for source, target in moves:
                source.replace(target)
                done.append((source, target))
    except OSError as error:
        for source, target in reversed(done):
            target.replace(source)
        problem = f"Cannot replace the results in '{paths.folder}': {error.strerror}"
        raise OutputError(problem, "Close them in other programs, or choose another output folder") from error


def _not_writable(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"Cannot write in the folder '{folder}': {error.strerror}", "Choose another output folder")
