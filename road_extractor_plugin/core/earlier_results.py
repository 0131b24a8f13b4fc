"""Results that lie where those of a batch shall be: which of them it keeps, and what made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from road_extractor_plugin.contract.batch import SKIPPED, BatchRequest, RasterOutcome
from road_extractor_plugin.contract.errors import RoadExtractorError
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import OutputPaths
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.core.batch_mark import stopped_since_ns
from road_extractor_plugin.core.report import MADE_OF, request_summary
from road_extractor_plugin.core.run_key import asked_things, differences


@dataclass(frozen=True)
class EarlierResults:
    """Of the batch that was stopped, those are kept that are what they would become; of others, those asked for.

    Args:
        request: The batch.
    """

    request: BatchRequest
    settings: TraceSettings
    since_ns: int | None

    @classmethod
    def of(cls, request: BatchRequest) -> EarlierResults:
        """Look whether a batch was stopped here.

        Raises:
            RoadExtractorError: The model cannot be read, or a setting is out of range.
        """
        card = read_card(request.each.model, request.each.model_options)
        settings = request.each.trace.settings(card.thresholds)
        return cls(request, settings, stopped_since_ns(request.output_folder))

    def kept(self, raster: Path, paths: OutputPaths) -> RasterOutcome | None:
        """The outcome for a raster of which results are kept; None where it is to be done."""
        if not (paths.roads.exists() and paths.report.exists()):
            return None
        report = _read(paths.report)
        changes = self._changes(self.request.job(raster), report)
        is_of_stopped = self.since_ns is not None and paths.report.stat().st_mtime_ns >= self.since_ns
        if is_of_stopped and changes == ():
            return _outcome(raster, paths, report, "Done before the batch was stopped.")
        if not self.request.skip_existing:
            return None
        but = f" Something has changed since: {'; '.join(changes)}." if changes else ""
        return _outcome(raster, paths, report, f"The results of an earlier run are kept.{but}")

    def _changes(self, job: ExtractRequest, report: Mapping[str, Any]) -> tuple[str, ...] | None:
        """What would be another in a run now; None where that cannot be told."""
        asked = report.get("request")
        if not isinstance(asked, dict) or not isinstance(asked.get(MADE_OF), dict):
            return None
        try:
            things = asked_things(job)
        except (RoadExtractorError, OSError):
            return None
        now = json.loads(json.dumps(request_summary(job, self.settings)))
        other = tuple(f"{name}: {asked.get(name)} -> {now[name]}" for name in _ALSO if asked.get(name) != now[name])
        return (*differences(things, asked[MADE_OF]), *other)


_ALSO = ("trace", "vectors_only")
"""Of the request, what results depend on besides what the network's do."""


def _read(path: Path) -> Mapping[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def _outcome(raster: Path, paths: OutputPaths, report: Mapping[str, Any], message: str) -> RasterOutcome:
    try:
        length_km, area_km2 = float(report["roads"]["length_km"]), float(report["area_km2"])
    except (ValueError, LookupError, TypeError):
        return RasterOutcome(raster, paths, SKIPPED, 0.0, f"{message} Their report cannot be read.")
    return RasterOutcome(raster, paths, SKIPPED, 0.0, message, length_km, area_km2)
