"""Many rasters in one job: what is asked for, and what became of each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Protocol

from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.contract.result import ExtractResult, OutputPaths, RoadCounts

RASTER_PATTERNS = ("*.tif", "*.tiff", "*.vrt", "*.jp2", "*.img", "*.ecw", "*.png", "*.jpg", "*.jpeg")
"""Names under which rasters are sought; upper and lower case are the same."""

GPKG, PARQUET = "gpkg", "parquet"
MERGED_FORMATS = (GPKG, PARQUET)

DONE, SKIPPED, FAILED = "done", "skipped", "failed"


@dataclass(frozen=True)
class BatchRequest:
    """A folder of rasters in; for each the files of a single run, a table of all, and one network."""

    folder: Path
    output_folder: Path
    """Holds the same tree of folders as `folder`."""
    each: ExtractRequest
    """Settings for every raster; its own `raster` and `output_folder` are replaced."""
    patterns: tuple[str, ...] = RASTER_PATTERNS
    """Names of the rasters, as in a shell."""
    recursive: bool = True
    """Whether folders below are searched too."""
    skip_existing: bool = False
    """Leave rasters alone whose results are there: so a batch that was stopped goes on."""
    merge: bool = True
    """Make one network of all rasters at the end."""
    split_tiles: int = 1000
    """Several workers share a raster of more tiles than this, in regions of about so many."""
    merged_format: str = GPKG
    """One of `MERGED_FORMATS`; with `PARQUET` it is a GeoPackage, and GeoParquet too."""

    def __post_init__(self) -> None:
        """Refuse what finds nothing.

        Raises:
            RequestError: No pattern is given, the format is unknown, or regions would have no tiles.
        """
        if self.split_tiles < 1:
            raise RequestError("tiles to split at", self.split_tiles, "1 or more")
        if self.merged_format not in MERGED_FORMATS:
            raise RequestError("merged format", self.merged_format, f"one of {', '.join(MERGED_FORMATS)}")
        if not self.patterns:
            raise RequestError("patterns", self.patterns, "at least one, such as *.tif")

    def job(self, raster: Path) -> ExtractRequest:
        """The request for one of the rasters in the folder."""
        folder = self.output_folder / raster.relative_to(self.folder).parent
        return dataclasses.replace(self.each, raster=raster, output_folder=folder)

    @property
    def table(self) -> Path:
        """CSV with a row per raster."""
        return self.output_folder / "batch_report.csv"

    @property
    def merged_roads(self) -> Path:
        """GeoPackage with the network of all rasters."""
        return self.output_folder / "merged_roads.gpkg"


@dataclass(frozen=True)
class RasterOutcome:
    """What became of one raster."""

    raster: Path
    paths: OutputPaths
    """Its results; they exist unless it failed."""
    status: str
    """`DONE`, `SKIPPED` or `FAILED`."""
    seconds: float
    message: str = ""
    """Why it failed or was skipped, or its warnings."""
    length_km: Optional[float] = None
    """Road found; None where nothing is known."""
    area_km2: Optional[float] = None


@dataclass(frozen=True)
class RasterJob:
    """One raster of a batch that is to be done, by whatever process on whatever machine."""

    raster: Path
    request: ExtractRequest
    """For this raster."""
    share: float
    """Of the work of all jobs, 0..1."""
    label: str
    """Its name, and which of how many it is."""

    @property
    def paths(self) -> OutputPaths:
        """Its results."""
        return OutputPaths(self.request.output_folder, self.raster.stem)

    def done(self, result: ExtractResult, seconds: float) -> RasterOutcome:
        """What to tell when it has gone well."""
        report, warnings = result.report, " ".join(result.report.warnings)
        return RasterOutcome(self.raster, self.paths, DONE, seconds, warnings, report.roads.length_km, report.area_km2)

    def failed(self, why: str, seconds: float) -> RasterOutcome:
        """What to tell when it has not."""
        return RasterOutcome(self.raster, self.paths, FAILED, seconds, why)


@dataclass(frozen=True)
class BatchResult:
    """A finished batch."""

    outcomes: tuple[RasterOutcome, ...]
    table: Path
    merged_roads: Optional[Path]
    """None where there was nothing to merge, or it was not asked for."""
    merged: Optional[RoadCounts]

    def count(self, status: str) -> int:
        """How many rasters ended so."""
        return sum(outcome.status == status for outcome in self.outcomes)


class BatchWatcher(Protocol):
    """Is told of each raster, in the thread that works."""

    def found(self, rasters: tuple[Path, ...]) -> None:
        """These are all, in their order."""

    def started(self, raster: Path) -> None:
        """This one is under way."""

    def finished(self, outcome: RasterOutcome) -> None:
        """This is what became of one."""
