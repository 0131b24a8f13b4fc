"""All outputs of a run or none: they are made in a hidden folder beside their place and moved there at the end."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from road_extractor_plugin.contract.errors import Cancelled, DiskFullError, OutputError, OutputExistsError
from road_extractor_plugin.contract.result import OutputPaths
from road_extractor_plugin.core.output_errors import check_room, not_writable
from road_extractor_plugin.core.run_folder import run_folder, unfinished_folder

KEPT = "What is finished is kept; the same run goes on from there"
_STAGING, _FORMER, _MOVES = "outputs", "former", "moves.json"


def _nothing(_: Path) -> bool:
    return False


@dataclass(frozen=True)
class Room:
    """What a run needs on the disk while it is under way, and what of it stays when it is stopped."""

    name: str
    """Of the run's folder (`run_folder`)."""
    needed_bytes: int
    """About how large the outputs are together, with what is needed meanwhile."""
    is_worth_keeping: Callable[[Path], bool] = _nothing
    """Whether something in the run's folder shall stay."""

    def keeps(self, folder: Path, run: Path) -> bool:
        """Whether a run that is stopped now leaves something to go on with."""
        is_found_again = run == unfinished_folder(folder, self.name)
        return is_found_again and self.is_worth_keeping(run)


@contextmanager
def staged_outputs(
    paths: OutputPaths, room: Room, *, overwrite: bool, untouched: tuple[Path, ...] = ()
) -> Iterator[OutputPaths]:
    """Make files at the yielded paths; when the block ends well they are moved to `paths`.

    When it does not, everything is as it was before, folders included, but for what is kept to go on with. Files of an
    earlier run are replaced only at the end, and put back if one of them cannot be replaced. What else lies in the
    yielded folder is thrown away; the folder above it is the run's (`run_folder`).

    Args:
        paths: Where the outputs shall be.
        room: What the run needs and keeps on the disk.
        overwrite: Whether existing files may be replaced.
        untouched: Those of `paths` that this run does not make, so that they may exist.

    Raises:
        OutputExistsError: There are outputs already.
        DiskFullError: They do not fit, by the estimate or in fact.
        OutputError: The folder cannot be made or written.
        Cancelled: By the block.
    """
    with _folder(paths.folder), run_folder(paths.folder, room.name, room.is_worth_keeping) as run:
        staging = run / _STAGING
        _take_back(staging, paths)
        refuse_existing(paths, overwrite=overwrite, untouched=untouched)
        shutil.rmtree(staging, ignore_errors=True)
        check_room(paths.folder, room.needed_bytes - sum(path.stat().st_size for path in run.iterdir()))
        try:
            staging.mkdir()
            yield paths.within(staging)
            _move_into_place(staging, paths)
        except Cancelled as stop:
            if room.keeps(paths.folder, run):
                raise Cancelled(KEPT) from stop
            raise
        except DiskFullError as error:
            kept = room.keeps(paths.folder, run)
            raise DiskFullError(paths.folder, error.needed_bytes, error.free_bytes, kept=kept) from error
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            kept, free_bytes = room.keeps(paths.folder, run), shutil.disk_usage(paths.folder).free
            raise DiskFullError(paths.folder, room.needed_bytes, free_bytes, kept=kept) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)


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
            raise not_writable(folder, error) from error
        yield
        undo.pop_all()


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _move_into_place(staging: Path, paths: OutputPaths) -> None:
    """Move the files, the former ones aside; undo all of it if one cannot be moved (Windows: it is open somewhere).

    Raises:
        OutputError: A former file cannot be replaced.
    """
    former = staging / _FORMER
    former.mkdir()
    all_made = [path for path in _files(paths.within(staging)) if path.exists()]
    (staging / _MOVES).write_text(json.dumps([path.name for path in all_made]), encoding="utf-8")
    done: list[tuple[Path, Path]] = []
    try:
        for made in all_made:
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
    (staging / _MOVES).unlink()


def _take_back(staging: Path, paths: OutputPaths) -> None:
    """Undo the moves of a process that was killed between them."""
    try:
        names = json.loads((staging / _MOVES).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # it was killed before or after
        return
    for place in (paths.folder / name for name in names):
        if (staging / _FORMER / place.name).exists():
            (staging / _FORMER / place.name).replace(place)
        elif not (staging / place.name).exists():
            place.unlink(missing_ok=True)
