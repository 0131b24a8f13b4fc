"""The figures of a stored road network."""

from __future__ import annotations

from pathlib import Path

from road_extractor_plugin.contract.errors import OutputError
from road_extractor_plugin.contract.road_graph import BRIDGED
from road_extractor_plugin.contract.road_statistics import CONFIDENCE_LIMITS, RoadStatistics
from road_extractor_plugin.core.gdal_binding import closing, gdal, gdal_detail, quiet_gdal


def read_statistics(roads: Path) -> RoadStatistics:
    """Sum up the lines of a GeoPackage of `write_roads`, in the database: no line is read into memory.

    Raises:
        OutputError: It is gone or damaged.
    """
    with quiet_gdal():
        try:
            with closing(gdal.OpenEx(str(roads), gdal.OF_VECTOR)) as dataset:
                table = dataset.ExecuteSQL(_SUMS)
                sums = table.GetNextFeature()
                values = [float(sums.GetField(index) or 0) for index in range(sums.GetFieldCount())]
                dataset.ReleaseResultSet(table)
        except RuntimeError as error:
            problem = f"The road network '{roads}' cannot be read ({gdal_detail(error)})"
            raise OutputError(problem, "Check that it is still there, or extract the roads again") from error
    lines, components, length_m, bridged_m, surface_m2, *class_m = values
    return RoadStatistics(
        length_km=length_m / 1000,
        class_km=tuple(metres / 1000 for metres in class_m),
        bridged_km=bridged_m / 1000,
        mean_width_m=surface_m2 / length_m if length_m > 0 else 0.0,
        lines=int(lines),
        components=int(components),
    )


def _length_where(condition: str) -> str:
    return f"SUM(CASE WHEN {condition} THEN length_m END)"


def _classes() -> list[str]:
    """The lowest takes all that is below it, the highest all that is above."""
    inner = CONFIDENCE_LIMITS[1:-1]
    between = [f"confidence >= {low} AND confidence < {high}" for low, high in zip(inner, inner[1:])]
    return [f"confidence < {inner[0]}", *between, f"confidence >= {inner[-1]}"]


_SUMS = " ".join(
    (
        "SELECT",
        ", ".join(
            (
                "COUNT(*)",
                "COUNT(DISTINCT component_id)",
                "SUM(length_m)",
                _length_where(f"origin = '{BRIDGED}'"),
                "SUM(length_m * width_m)",
                *map(_length_where, _classes()),
            )
        ),
        "FROM centerlines",
    )
)
