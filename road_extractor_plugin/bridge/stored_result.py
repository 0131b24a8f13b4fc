"""A run of earlier, read from what it left."""

from __future__ import annotations

import json

from qgis.PyQt.QtCore import QCoreApplication

from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.contract.result import ExtractResult, OutputPaths, Report, VectorizeReport, VectorizeResult


def stored_result(paths: OutputPaths) -> ExtractResult | VectorizeResult:
    """Read the report of a run, of the network or of the tracer alone.

    Raises:
        OutputError: It is gone or damaged.
    """
    try:
        stored = json.loads(paths.report.read_text(encoding="utf-8"))
        if isinstance(stored, dict) and "model" in stored:
            return ExtractResult(paths, decode(Report, stored))
        return VectorizeResult(paths, decode(VectorizeReport, stored))
    except (OSError, ValueError, DecodeError) as error:
        problem = QCoreApplication.translate("stored_result", "The report '{path}' cannot be read ({reason})")
        remedy = QCoreApplication.translate("stored_result", "Extract the roads of this image again")
        raise OutputError(problem.format(path=paths.report, reason=error), remedy) from error
