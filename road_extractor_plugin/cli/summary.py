"""Telling what came of a run."""

from __future__ import annotations

from road_extractor_plugin.contract.result import ExtractResult, Report, VectorizeResult


def print_result(result: ExtractResult | VectorizeResult, *, as_json: bool) -> None:
    """The report, or one line of it."""
    if as_json:
        print(result.paths.report.read_text(encoding="utf-8"))
        return
    report, roads = result.report, result.report.roads
    device = f" on {report.device.name} ({report.device.runtime})" if isinstance(report, Report) else ""
    print(
        f"{roads.length_km:.2f} km of road in {roads.centerlines} lines, mean width {roads.mean_width_m:.1f} m, "
        f"{report.area_km2:.2f} km2 in {report.seconds['total']:.1f} s{device}: {result.paths.folder}"
    )
