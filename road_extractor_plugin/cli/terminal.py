"""What the user sees while a command runs."""

from __future__ import annotations

import sys
import time

_EARLIEST_ESTIMATE = 0.02
"""Fraction of a run before which its speed says nothing."""


class TerminalFeedback:
    """One line on stderr that is written anew: percent, stage, time left."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        """Begin.

        Args:
            name: Stands at the start of the line.
            quiet: Warnings only.
        """
        self._name = name
        self._started = time.monotonic()
        self._live = not quiet and sys.stderr.isatty()

    def progress(self, fraction: float, stage: str) -> None:
        """See `Feedback.progress`."""
        if not self._live:
            return
        elapsed = time.monotonic() - self._started
        left = f", {elapsed / fraction - elapsed:.0f} s left" if fraction > _EARLIEST_ESTIMATE else ""
        say(f"\r\033[K{self._name}: {100 * fraction:3.0f} % {stage}{left}", end="")

    def warning(self, text: str) -> None:
        """See `Feedback.warning`."""
        self.finish()
        say(f"warning: {text}", end="\n")

    def is_cancelled(self) -> bool:
        """Ctrl-C arrives as an exception."""
        return False

    def finish(self) -> None:
        """Take the line away."""
        if self._live:
            say("\r\033[K", end="")


def say(text: str, *, end: str) -> None:
    """Write to stderr, which leaves stdout to results."""
    print(text, file=sys.stderr, end=end, flush=True)
