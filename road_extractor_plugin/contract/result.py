"""What a job left behind: the files, their names, and the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from road_extractor_plugin.contract.tiles import ImageryCounts

MISSING_IMAGERY = "missing_imagery"
"""Layer of the GeoPackage that is there where imagery of a service could not be had."""


@dataclass(frozen=True)
class OutputPaths:
    """Names of the files of one input; which of them exist depends on the request."""

    folder: Path
    stem: str

    @property
    def probability(self) -> Path:
        """Cloud-Optimised GeoTIFF, uint8, 0..254 = 0..100 %, 255 nodata."""
        return self.folder / f"{self.stem}_probability.tif"

    @property
    def mask(self) -> Path:
        """Cloud-Optimised GeoTIFF, uint8, 1 road, 0 other, 255 nodata."""
        return self.folder / f"{self.stem}_mask.tif"

    @property
    def roads(self) -> Path:
        """GeoPackage with `centerlines`, `nodes` and `polygons`."""
        return self.folder / f"{self.stem}_roads.gpkg"

    @property
    def preview(self) -> Path:
        """PNG: the image with the centre-lines on it."""
        return self.folder / f"{self.stem}_preview.png"

    @property
    def report(self) -> Path:
        """JSON of `Report`."""
        return self.folder / f"{self.stem}_report.json"

    def within(self, folder: Path) -> OutputPaths:
        """The same names in another folder."""
        return OutputPaths(folder, self.stem)


@dataclass(frozen=True)
class Device:
    """What the network ran on."""

    name: str
    """As shown to the user: "CPU", "CUDA"."""
    runtime: str
    """Library and version: "onnxruntime 1.20.1"."""
    reason: str = ""
    """Why this one, in words."""
    batch_tiles: int = 1
    """Tiles that it takes at once; giving it more does no harm, and fewer wastes some of a graphics processor."""
    threads: int = 0
    """Processor threads for one tile; 0 is the library's own choice."""
    warnings: tuple[str, ...] = ()
    """What the user should know of how it went, such as a device that was lost."""


@dataclass(frozen=True)
class RoadCounts:
    """What was found."""

    centerlines: int
    nodes: int
    polygons: int
    components: int
    length_km: float
    mean_width_m: float
    """Weighted by length; 0 without roads."""
    mean_confidence: float
    """Weighted by length, 0..1; 0 without roads."""


@dataclass(frozen=True)
class VectorizeReport:
    """Everything about a run that a user may ask about later, whether a network was run in it or not."""

    request: dict[str, object]
    grid_ground_resolution_m: float
    """Metres on the ground per pixel of the outputs, at their centre."""
    width_px: int
    height_px: int
    valid_fraction: float
    """Share of the grid with data, 0..1."""
    area_km2: float
    """Ground area with data."""
    seconds: dict[str, float]
    """Per stage, and `total`."""
    megapixels_per_s: float
    """Finished raster over the time of the network stage; without a network, of the trace stage."""
    km2_per_hour: float
    """Ground area over the total time."""
    roads: RoadCounts
    warnings: tuple[str, ...]

    @property
    def trace(self) -> dict[str, Any]:
        """The settings of the tracer as they were used, and `preset`, the name in `PRESETS` or None."""
        settings = self.request["trace"]
        return settings if isinstance(settings, dict) else {}


@dataclass(frozen=True)
class Report(VectorizeReport):
    """The same of a run of the network, and what is to be said of that."""

    model: dict[str, object]
    device: Device
    raster_ground_resolution_m: float
    """Metres on the ground per pixel of the input, at its centre."""
    regions: int
    """That were computed apart, by several processes; `seconds` are those of all of them together."""
    tiles: int
    tiles_skipped: int
    overlap_factor: float
    imagery: Optional[ImageryCounts]
    """Of a service; None where the raster is a file."""


@dataclass(frozen=True)
class VectorizeResult:
    """Vectors made again."""

    paths: OutputPaths
    report: VectorizeReport


@dataclass(frozen=True)
class ExtractResult:
    """A finished run."""

    paths: OutputPaths
    report: Report
