"""What the probabilities of a run depend on, in words: so that a later run knows whether it may go on with them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from road_extractor_plugin.contract.grid import Grid, TileGrid
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import Area, ExtractRequest, ModelOptions
from road_extractor_plugin.core.gdal_binding import gdal, quiet_gdal
from road_extractor_plugin.core.mosaic import Mosaic

_COMPUTATION = "1"
"""To be raised when the same input gives other probabilities than before."""
_SAMPLED_BYTES = 16_000_000
"""Of the imagery; a file that is smaller is read whole."""
_SAMPLES = 16
_WRITTEN_BY_VIEWERS = (".aux.xml",)
"""Statistics, mostly; what they may say of the place is in the grid."""

Things = dict[str, str]
"""Each thing by its name, in words that differ where the thing does."""


def asked_things(request: ExtractRequest, mosaic: Mosaic | None = None) -> Things:
    """All that can be told without opening the raster on the model's grid: imagery, model, settings.

    Device and settings of the lines are not among them: the network's results do not depend on these, or by rounding.

    Raises:
        RoadExtractorError: The model cannot be read.
    """
    return {"imagery": _imagery(request.raster, mosaic), **_settings(request)}


def _settings(request: ExtractRequest) -> Things:
    return {
        "model": _model(request.model, request.model_options),
        "area": _area(request.area),
        "bands": "by their meaning" if request.band_indexes is None else ", ".join(map(str, request.band_indexes)),
        "ground resolution": f"{request.raster_ground_resolution_m or 'as the raster says'}",
        "tile": f"{request.tile_px} px" if request.tile_px else "as the model says",
        "augmentation": f"{request.views.symmetries}, scales {', '.join(map(str, request.views.scales))}",
    }


def all_things(request: ExtractRequest, mosaic: Mosaic | None, grid: Grid, tiles: TileGrid, margin_px: int) -> Things:
    """What `asked_things` tells, and what came of it on the grid.

    Raises:
        RoadExtractorError: The model cannot be read.
    """
    place = zlib.crc32(repr((grid.geotransform, grid.crs_wkt)).encode())
    rows, columns = tiles.rows, tiles.columns
    return {
        **asked_things(request, mosaic),
        "grid": f"{grid.width_px:,} x {grid.height_px:,} px ({place:08x})",
        "tiles": f"{len(columns.starts)} x {len(rows.starts)} of {columns.tile_px} x {rows.tile_px} px, "
        f"overlapping by {columns.overlap_px} x {rows.overlap_px} px, margin {margin_px} px",
        "computation": _COMPUTATION,
    }


def differences(now: Mapping[str, str], earlier: Mapping[str, str]) -> tuple[str, ...]:
    """What has changed, each as "thing: old -> new"."""
    return tuple(
        f"{name}: {earlier.get(name, 'unknown')} -> {now[name]}" for name in now if earlier.get(name) != now[name]
    )


def _imagery(raster: object, mosaic: Mosaic | None) -> str:
    if mosaic is not None:
        return f"tiles of {mosaic.name} in {mosaic.identity}"
    files = list(_files_of(Path(str(raster))))
    size = sum(stat.st_size for _, stat in files)
    newest = max((stat.st_mtime for _, stat in files), default=0.0)
    checksum = 0  # CRC-32, as one waits for it before the network starts, and others take five times as long
    for path, stat in files:
        checksum = zlib.crc32(f"{path.name} {stat.st_size} {stat.st_mtime_ns} ".encode(), checksum)
        for part in _samples(path, stat.st_size, _SAMPLED_BYTES // len(files)):
            checksum = zlib.crc32(part, checksum)
    count = "" if len(files) == 1 else f"{len(files):,} files, "
    return f"{count}{size:,} bytes of {datetime.fromtimestamp(newest):%Y-%m-%d %H:%M:%S} ({checksum:08x})"


def _files_of(raster: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Those that GDAL reads, such as the parts of a virtual raster and a world file."""
    with quiet_gdal():
        try:
            names = gdal.OpenEx(str(raster), gdal.OF_RASTER).GetFileList() or []
        except RuntimeError:
            names = [str(raster)]
    for name in sorted(names):
        path = Path(name)
        if not name.endswith(_WRITTEN_BY_VIEWERS) and path.is_file():
            yield path, path.stat()


def _samples(path: Path, size: int, most_bytes: int) -> Iterator[bytes]:
    """All of a small file, else pieces that are spread evenly over it, its first and last bytes among them."""
    with path.open("rb") as file:
        if size <= most_bytes:
            yield file.read()
            return
        length = max(most_bytes // _SAMPLES, 1)
        for number in range(_SAMPLES):
            file.seek((size - length) * number // (_SAMPLES - 1))
            yield file.read(length)


def _model(path: Path, options: ModelOptions) -> str:
    stat = path.stat() if path.is_file() else None
    return _model_in_words(path, options, None if stat is None else (stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=8)
def _model_in_words(path: Path, options: ModelOptions, _state: tuple[int, int] | None) -> str:
    """A batch asks this of its model for every raster."""
    card, checksum = read_card(path, options), 0
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            checksum = zlib.crc32(part, checksum)
    given = "" if options == ModelOptions() else f", {zlib.crc32(repr(options).encode()):08x} as given"
    return f"{card.name} {card.version} ({checksum:08x}{given})"


def _area(area: Area | None) -> str:
    if area is None:
        return "the whole raster"
    return f"polygons ({zlib.crc32(repr(area).encode()):08x})"
