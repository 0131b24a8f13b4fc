"""The report of a run: what was asked, what was used, what was found."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest, VectorizeRequest
from road_extractor_plugin.contract.result import Report, VectorizeReport
from road_extractor_plugin.contract.trace_settings import TraceSettings

MADE_OF = "made_of"
"""Name, in the request of a report, of what the probabilities depend on (`core.run_key`)."""


def request_summary(request: ExtractRequest | VectorizeRequest, settings: TraceSettings) -> dict[str, object]:
    """The request as plain values, with the preset and all settings of the tracer as they were used."""
    summary = _plain(dataclasses.asdict(request))
    summary["trace"] = {"preset": request.trace.preset, **dataclasses.asdict(settings)}
    return summary


def model_summary(path: Path, card: ModelCard) -> dict[str, object]:
    """Which model it was."""
    return {
        "file": str(path),
        "name": card.name,
        "version": card.version,
        "licence": card.licence,
        "attributions": list(card.attributions),
        "encoder": card.producer.encoder,
        "commit": card.producer.commit,
    }


def write_report(report: Report | VectorizeReport, path: Path) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(dataclasses.asdict(report), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _plain(value: dict[str, object]) -> dict[str, object]:
    return {key: str(item) if isinstance(item, Path) else item for key, item in value.items()}
