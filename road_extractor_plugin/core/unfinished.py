"""Runs that were stopped: what is finished of them, and whether a run may go on with it.

extract is stopped: cancelled, killed, the power, a full disk
   |
   v   finished strips stay in .NAME_unfinished beside the results, with a ledger
find_unfinished(request)     what a door shows, and offers to go on with
   |
   v
extract(request)             goes on by itself, or says what has changed and begins anew
forget_unfinished(request)   the user wants neither
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from road_extractor_plugin.contract.feedback import Feedback
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.mosaic import Mosaic
from road_extractor_plugin.core.run_folder import remove_unfinished, unfinished_folder
from road_extractor_plugin.core.run_key import asked_things, differences
from road_extractor_plugin.core.strip_store import LEDGER, Ledger, LedgerHead, StripStore, read_ledger, sound_strips


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that was stopped."""

    fraction: float
    """Of the network's work that is finished, 0..1."""
    stopped_s: float
    """When its last strip was finished, in seconds since 1970."""
    changes: tuple[str, ...]
    """What is another now, each as "thing: old -> new"; if there is any, a run begins anew."""


def unfinished_name(request: ExtractRequest) -> str:
    """Of the run's folder, as `run_folder` takes it."""
    return f"{request.raster.stem}_unfinished"


def find_unfinished(request: ExtractRequest, mosaic: Mosaic | None = None) -> UnfinishedRun | None:
    """What is finished of the run that a request asks for; None if nothing is.

    It is quick: the strips are not looked at, and the raster is not opened on the model's grid. Changes that only show
    there, such as another coordinate reference system, are found when the run begins.

    Args:
        request: What would be run.
        mosaic: The imagery of a basemap.

    Raises:
        RoadExtractorError: The model cannot be read.
    """
    folder = unfinished_folder(request.output_folder, unfinished_name(request))
    ledger = read_ledger(folder)
    if ledger is None or ledger.head is None or not ledger.strips:
        return None
    changes = differences(asked_things(request, mosaic), ledger.head.made_of)
    return UnfinishedRun(len(ledger.strips) / ledger.head.strips, (folder / LEDGER).stat().st_mtime, changes)


def forget_unfinished(request: ExtractRequest) -> bool:
    """Remove what is finished of a run; false if there is nothing, or it is under way just now."""
    return remove_unfinished(request.output_folder, unfinished_name(request))


def has_strips(folder: Path) -> bool:
    """Whether a folder of a run holds something to go on with."""
    ledger = read_ledger(folder)
    return ledger is not None and bool(ledger.strips)


def begin_or_go_on(
    folder: Path, made_of: Mapping[str, str], width_px: int, heights: Sequence[int], feedback: Feedback
) -> tuple[StripStore, tuple[str, ...]]:
    """Open the strips of a run: those of an earlier one if nothing has changed and they are sound, else none.

    Args:
        folder: Of the run.
        made_of: What the strips depend on now.
        width_px: Of the raster.
        heights: Of all strips.
        feedback: Told what was found.

    Returns:
        The strips, and what was told.

    Raises:
        OutputError: The files cannot be written.
    """
    ledger = read_ledger(folder)
    changes = differences(made_of, {} if ledger is None or ledger.head is None else ledger.head.made_of)
    strips = () if ledger is None or changes else ledger.strips
    finished = strips[: sound_strips(folder, strips, width_px, heights)]
    sentences = () if ledger is None else _sentences(ledger, changes, len(finished), len(heights))
    for sentence in sentences:
        feedback.warning(sentence)
    head = None if finished else LedgerHead(dict(made_of), len(heights))
    return StripStore(folder, width_px, head, finished), sentences


def _sentences(ledger: Ledger, changes: Sequence[str], sound: int, strips: int) -> tuple[str, ...]:
    left = ledger.lines
    if ledger.head is None:
        return ("The ledger of an earlier run that was stopped cannot be read; all is computed anew.",)
    if left == 0:
        return ()
    if changes:
        what = "; ".join(changes)
        return (f"All is computed anew, not from where an earlier run was stopped, for something has changed: {what}.",)
    if sound < left:
        return (f"Of the {left} strips that an earlier run left, {left - sound} are damaged; they are computed anew.",)
    return (f"Goes on where an earlier run was stopped: {sound} of {strips} strips are finished.",)
