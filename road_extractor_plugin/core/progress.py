"""Progress of a part of a job as progress of the whole."""

from __future__ import annotations

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
