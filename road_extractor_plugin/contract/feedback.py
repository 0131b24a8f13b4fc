"""How a long job talks to whoever started it."""

from __future__ import annotations

from typing import Protocol

from road_extractor_plugin.contract.errors import Cancelled


class Feedback(Protocol):
    """Implemented by the command line, the QGIS task and the tests."""

    def progress(self, fraction: float, stage: str) -> None:
        """Tell how far the whole job is, 0..1, and what it does now."""

    def warning(self, text: str) -> None:
        """Tell something that the user should know, in one sentence."""

    def is_cancelled(self) -> bool:
        """Whether the user wants the job to stop."""


class SilentFeedback:
    """Ignores everything and never cancels."""

    def progress(self, fraction: float, stage: str) -> None:
        """Ignore."""

    def warning(self, text: str) -> None:
        """Ignore."""

    def is_cancelled(self) -> bool:
        """Never."""
        return False


def stop_if_cancelled(feedback: Feedback) -> None:
    """Leave the job at a safe point.

    Raises:
        Cancelled: The user asked for it.
    """
    if feedback.is_cancelled():
        raise Cancelled
