"""The images of a data set and where their labels are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class Source:
    """One image with its labels, as downloaded."""

    name: str
    """What its crops are named by; unique within the data set."""
    image: Path
    labels: Optional[Path]
    """A mask, or a vector file of roads; None for images published without labels."""
    valid: Optional[Path] = None
    """A mask of where there is imagery."""
    split: Optional[str] = None
    """Where the data set itself says so."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it is read from."""
        return tuple(path for path in (self.image, self.labels, self.valid) if path is not None)

    @property
    def changed_ns(self) -> int:
        """When the newest of its files was changed, in nanoseconds since 1970."""
        return max(path.stat().st_mtime_ns for path in self.files)
