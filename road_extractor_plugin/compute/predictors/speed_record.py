"""What was the fastest, remembered per machine and model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.user_cache import cache_folder

_MOST_ENTRIES = 100
_DAYS_VALID = 60
"""Then it is measured anew: drivers change, and the machine may have been busy that day."""


@dataclass(frozen=True)
class Setting:
    """How to run a network."""

    device: str
    """Name of a `DeviceKind`."""
    threads: int = 0
    """Processor threads for one tile; 0 is the library's own choice."""

    def __str__(self) -> str:
        return f"{self.device} with {self.threads} threads" if self.threads else self.device


@dataclass(frozen=True)
class Measurement:
    """The outcome of a comparison."""

    fastest: Setting
    seconds_per_mpx: dict[str, float]
    """Per setting, in words."""
    measured_on: str
    """The day, as in "2026-01-31"."""

    def in_words(self) -> str:
        """Why the fastest is taken."""
        figures = ", ".join(f"{name} {seconds:.2g}" for name, seconds in self.seconds_per_mpx.items())
        return f"fastest when measured on {self.measured_on} (seconds per megapixel: {figures})"


class SpeedRecord:
    """A small JSON file in the user's cache folder. It is only a memory: what cannot be read or written is let be."""

    def __init__(self, path: Path | None = None) -> None:
        """Use a file, by default the one in the user's cache folder."""
        self.path = path or cache_folder() / "speeds.json"

    def find(self, key: str, today: date | None = None) -> Measurement | None:
        """What was measured for a key, unless it is too old."""
        try:
            measurement = decode(Measurement, self._entries().get(key))
            age = (today or date.today()) - date.fromisoformat(measurement.measured_on)
        except (DecodeError, ValueError):
            return None
        return measurement if 0 <= age.days < _DAYS_VALID else None

    def store(self, key: str, measurement: Measurement) -> None:
        """Remember it; the oldest of very many is forgotten."""
        entries = self._entries()
        entries.pop(key, None)
        entries[key] = dataclasses.asdict(measurement)
        while len(entries) > _MOST_ENTRIES:
            del entries[next(iter(entries))]
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(entries, indent=1), encoding="utf-8")
            draft.replace(self.path)
        except OSError:
            return

    def _entries(self) -> dict[str, object]:
        try:
            entries = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}


def key_of(model: Path, versions: tuple[str, ...], cpus: int) -> str:
    """A key that changes with all that the speed depends on: model file, machine, versions of the libraries."""
    stat = model.stat()
    facts = (model.name, stat.st_size, stat.st_mtime_ns, _processor_name(), platform.machine(), cpus, *versions)
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
