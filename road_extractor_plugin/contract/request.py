"""What a user asks for: the same value from every door."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Union

from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.trace_settings import PRESETS, TraceSettings


@dataclass(frozen=True)
class Area:
    """Where to look for roads: a polygon in any coordinate reference system."""

    wkt: str
    """POLYGON or MULTIPOLYGON, x before y."""
    crs_wkt: str
    """WKT of its coordinate reference system; empty means that of the raster."""


@dataclass(frozen=True)
class Basemap:
    """Imagery of a service, as people and the report know it; a `TileSource` fetches it."""

    name: str
    """Of the layer."""
    kind: str
    """ "XYZ", "WMS", "WMTS" or "rendered"."""
    url: str
    """Without user names, passwords and keys."""
    stem: str
    """Name of the outputs: the layer's name, made safe, with date and time."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ModelOptions:
    """What the user says about a model that has no card; None is left to the file."""

    ground_resolution_m: Optional[float] = None
    bands: Optional[tuple[str, ...]] = None
    tile_px: Optional[int] = None
    margin_px: Optional[int] = None
    scale: Optional[float] = None
    mean: Optional[tuple[float, ...]] = None
    std: Optional[tuple[float, ...]] = None
    threshold: Optional[float] = None
    road_class: Optional[int] = None
    """Channel of the output that is road, where there are several."""


AS_IT_IS, FLIPS, D4 = "none", "flips", "d4"
SYMMETRIES = (AS_IT_IS, FLIPS, D4)
_SMALLEST_SCALE, _LARGEST_SCALE = 0.25, 4.0


@dataclass(frozen=True)
class Views:
    """Test-time augmentation: in which ways the network sees each tile before the mean is taken."""

    symmetries: str = AS_IT_IS
    """One of `SYMMETRIES`: as it is, the four of mirrors, or all eight of mirrors and quarter turns."""
    scales: tuple[float, ...] = (1.0,)
    """How much larger each tile is shown."""

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            RequestError: A value is out of range; the message names it.
        """
        if self.symmetries not in SYMMETRIES:
            raise RequestError("test-time augmentation", self.symmetries, f"one of {', '.join(SYMMETRIES)}")
        if not self.scales or not all(_SMALLEST_SCALE <= scale <= _LARGEST_SCALE for scale in self.scales):
            raise RequestError("scales", self.scales, f"numbers between {_SMALLEST_SCALE} and {_LARGEST_SCALE}")


@dataclass(frozen=True)
class TraceOptions:
    """Settings of the vectoriser that the user gave; None is the preset's, the model's or the tracer's default."""

    preset: Optional[str] = None
    """A name in `PRESETS`."""
    threshold: Optional[float] = None
    """Upper threshold, 0..1; the lower one keeps the card's proportion to it."""
    simplify_m: Optional[float] = None
    min_spur_m: Optional[float] = None
    max_gap_m: Optional[float] = None
    min_component_m: Optional[float] = None
    min_area_m2: Optional[float] = None
    max_hole_m2: Optional[float] = None

    def settings(self, thresholds: Thresholds) -> TraceSettings:
        """The tracer's settings: what was given here, else what the preset says, the model's thresholds, the defaults.

        Raises:
            RequestError: A value is out of range, or there is no such preset.
        """
        if self.preset is not None and self.preset not in PRESETS:
            raise RequestError("preset", self.preset, f"one of {', '.join(PRESETS)}")
        if self.threshold is not None:
            if not 0 <= self.threshold <= 1:
                raise RequestError("threshold", self.threshold, "between 0 and 1")
            share = thresholds.low / thresholds.high if thresholds.high > 0 else 1.0
            thresholds = Thresholds(self.threshold, self.threshold * share)
        values = dict(PRESETS[self.preset]) if self.preset else {}
        given = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        values.update((name, value) for name, value in given.items() if name not in {"preset", "threshold"})
        return TraceSettings(thresholds, **values)


@dataclass(frozen=True)
class VectorizeRequest:
    """One probability raster in; mask, roads and report out."""

    probability: Path
    output_folder: Path
    model_thresholds: Thresholds
    """Those of the model that made the raster; `trace.threshold` replaces them."""
    raster_ground_resolution_m: Optional[float] = None
    """Metres on the ground of one pixel of the raster, where it has no coordinate reference system to tell it."""
    trace: TraceOptions = field(default_factory=TraceOptions)
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            RequestError: A value is out of range; the message names it.
        """
        _check_resolution(self.raster_ground_resolution_m)

    @property
    def stem(self) -> str:
        """Name of the outputs: that of the run which made the raster."""
        stem, suffix = self.probability.stem, "_probability"
        return stem[: -len(suffix)] if stem.endswith(suffix) and stem != suffix else stem


@dataclass(frozen=True)
class ExtractRequest:
    """One raster in, the files that `OutputPaths` names out."""

    raster: Union[Path, Basemap]
    output_folder: Path
    model: Path
    area: Optional[Area] = None
    """None is the whole raster."""
    raster_ground_resolution_m: Optional[float] = None
    """Metres on the ground of one pixel of the raster, where it has no coordinate reference system to tell it."""
    band_indexes: Optional[tuple[int, ...]] = None
    """Bands of the raster for the model's channels, from 1; None takes colour interpretation, then order."""
    trace: TraceOptions = field(default_factory=TraceOptions)
    model_options: ModelOptions = field(default_factory=ModelOptions)
    device: str = "auto"
    tile_px: Optional[int] = None
    """Side of a tile; None is the card's."""
    views: Views = field(default_factory=Views)
    vectors_only: bool = False
    """Keep only the GeoPackage and the report."""
    overwrite: bool = False
    keep_unfinished: bool = True
    """A run that is stopped leaves what is finished, hidden beside the results, and the same request goes on from there
    (`core.unfinished`)."""

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            RequestError: A value is out of range; the message names it.
        """
        _check_resolution(self.raster_ground_resolution_m)
        if self.band_indexes is not None and (not self.band_indexes or min(self.band_indexes) < 1):
            raise RequestError("bands", self.band_indexes, "band numbers from 1")


def _check_resolution(resolution_m: Optional[float]) -> None:
    if resolution_m is not None and not 0 < resolution_m < float("inf"):
        raise RequestError("ground resolution", resolution_m, "a positive number of metres per pixel")
