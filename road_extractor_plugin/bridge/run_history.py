"""The runs of this profile: what was done when, and where its files are."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Optional

from qgis.core import Qgis

from road_extractor_plugin.bridge.log import log
from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.result import ExtractResult, OutputPaths, Report, VectorizeResult

MAX_RECORDS = 50


@dataclass(frozen=True)
class RunRecord:
    """One run, as the list shows it."""

    finished: str
    """ISO 8601, with the offset from UTC."""
    layer: str
    folder: str
    stem: str
    """Of the names of the files."""
    length_km: float
    area_km2: float
    seconds: float
    device: str
    """Empty where no network was run."""
    model: str
    """Name and version; empty where no network was run."""
    threshold: float
    preset: Optional[str]

    @property
    def paths(self) -> OutputPaths:
        """Its files, which may be gone."""
        return OutputPaths(Path(self.folder), self.stem)

    @classmethod
    def of(cls, result: ExtractResult | VectorizeResult, layer: str, finished: datetime) -> RunRecord:
        """What is kept of a result."""
        report, trace = result.report, result.report.trace
        network = report if isinstance(report, Report) else None
        return cls(
            finished=finished.isoformat(timespec="seconds"),
            layer=layer,
            folder=str(result.paths.folder),
            stem=result.paths.stem,
            length_km=report.roads.length_km,
            area_km2=report.area_km2,
            seconds=report.seconds["total"],
            device=network.device.name if network else "",
            model=f"{network.model['name']} {network.model['version']}" if network else "",
            threshold=trace["thresholds"]["high"],
            preset=trace["preset"],
        )


class RunHistory:
    """The latest runs, in a file of JSON.

    Nobody edits it by hand, but windows of QGIS share it: it is read before each change and replaced at once. What
    cannot be understood in it is left out, and where it cannot be written the log says so: a list is not worth a run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def records(self) -> tuple[RunRecord, ...]:
        """The newest first."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ()
        records = map(_decoded, stored) if isinstance(stored, list) else ()
        return tuple(record for record in records if record is not None)

    def add(self, *newest: RunRecord) -> None:
        """Put runs, the newest first, before the others; the oldest go when there are more than `MAX_RECORDS`."""
        records = (*newest, *self.records())[:MAX_RECORDS]
        text = json.dumps([dataclasses.asdict(each) for each in records], indent=1, ensure_ascii=False)
        written = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(text, encoding="utf-8")
            written.replace(self._path)
        except OSError as error:
            log(f"The list of runs cannot be written: {error}.", Qgis.MessageLevel.Warning)


def _decoded(value: object) -> RunRecord | None:
    try:
        return decode(RunRecord, value)
    except DecodeError:
        return None
