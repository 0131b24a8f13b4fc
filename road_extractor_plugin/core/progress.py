"""How far a job is, as a share of the time that it takes."""

from __future__ import annotations

import time

from road_extractor_plugin.contract.feedback import Feedback


class PartOf:
    """A feedback whose 0..1 is `start`..`end` of another's."""

    def __init__(self, whole: Feedback, start: float, end: float) -> None:
        self._whole = whole
        self._start = start
        self._length = end - start

    def progress(self, fraction: float, stage: str) -> None:
        """Pass on."""
        self._whole.progress(self._start + fraction * self._length, stage)

    def warning(self, text: str) -> None:
        """Pass on."""
        self._whole.warning(text)

    def is_cancelled(self) -> bool:
        """As the whole."""
        return self._whole.is_cancelled()


class Later:
    """A feedback of work that goes on behind other work: nothing is told of it until that is done."""

    def __init__(self, whole: Feedback) -> None:
        self._whole = whole
        self._part: PartOf | None = None

    def begin(self, start: float) -> None:
        """Tell from now on; 0..1 is then `start`..1 of the whole."""
        self._part = PartOf(self._whole, start, 1.0)

    def progress(self, fraction: float, stage: str) -> None:
        """Pass on, if it is time."""
        if self._part is not None:
            self._part.progress(fraction, stage)

    def warning(self, text: str) -> None:
        """Pass on."""
        self._whole.warning(text)

    def is_cancelled(self) -> bool:
        """As the whole."""
        return self._whole.is_cancelled()


class Pace:
    """Progress of tiles, at their pace so far, within a job that goes on behind them.

    So a slow network and a fast one both make the progress bar move evenly.

    Args:
        feedback: Of the whole job.
        tiles: How many there are.
        following_s: Seconds that what comes behind them is expected to take.
    """

    def __init__(self, feedback: Feedback, tiles: int, following_s: float) -> None:
        self._feedback = feedback
        self._tiles = tiles
        self._following_s = following_s
        self._started_s = time.perf_counter()
        self.fraction = 0.0
        """Of the whole job."""

    def tiles_done(self, done: int, computed: int, stage: str) -> None:
        """Tell how many tiles are done, and how many of them needed the network."""
        spent_s = max(time.perf_counter() - self._started_s, 1e-9)
        self.fraction = spent_s / (spent_s * self._tiles / done + self._following_s)
        self._feedback.progress(self.fraction, f"{stage}, {computed / spent_s:.2g} tiles/s")
