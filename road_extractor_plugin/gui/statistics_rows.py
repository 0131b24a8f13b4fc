"""The figures of a run in words."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication

from road_extractor_plugin.bridge.numbers import number
from road_extractor_plugin.contract.result import Report, VectorizeReport
from road_extractor_plugin.tasks.statistics_task import RunFigures

_COMPLETE = 0.9995
"""Share of the rectangle with data that is as good as all, at the decimals shown."""


def statistics_rows(figures: RunFigures) -> list[tuple[str, str]]:
    """Names and values, with units."""
    roads, report = figures.roads, figures.result.report
    bridged = _tr("{km} km, {share} %").format(
        km=number(roads.bridged_km, 2), share=number(100 * roads.bridged_share, 1)
    )
    rows = [
        (_tr("Road in all"), _tr("{} km").format(number(roads.length_km, 2))),
        (_tr("Bridged gaps"), bridged),
        (_tr("Mean width"), _tr("{} m").format(number(roads.mean_width_m, 1))),
        (_tr("Separate networks"), str(roads.components)),
        (_tr("Area with imagery"), _tr("{} km²").format(number(report.area_km2, 2))),
        (_tr("Missing imagery"), _missing(report)),
        (_tr("Speed"), _speed(report)),
    ]
    return [*rows, *_network_rows(report)]


def _missing(report: VectorizeReport) -> str:
    imagery = report.imagery if isinstance(report, Report) else None
    if imagery is not None and imagery.missing:
        return _tr("{missing} of {tiles} tiles").format(missing=imagery.missing, tiles=imagery.tiles)
    if report.valid_fraction >= _COMPLETE:
        return _tr("none")
    share = number(100 * (1 - report.valid_fraction), 1)
    return _tr("{} % of the rectangle: no data there, or outside the area").format(share)


def _speed(report: VectorizeReport) -> str:
    return _tr("{km2} km² per hour, {seconds} s in all").format(
        km2=number(report.km2_per_hour, 0), seconds=number(report.seconds["total"], 1)
    )


def _network_rows(report: VectorizeReport) -> list[tuple[str, str]]:
    if not isinstance(report, Report):
        return [(_tr("Computed from"), _tr("a stored road probability, without the network"))]
    device, model = report.device, report.model
    ran_on = f"{device.name}, {device.runtime}"
    return [
        (_tr("Device"), f"{ran_on}: {device.reason}" if device.reason else ran_on),
        (_tr("Model"), f"{model['name']} {model['version']}"),
    ]


def _tr(text: str) -> str:
    return QCoreApplication.translate("statistics_rows", text)
