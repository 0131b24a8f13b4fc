"""The probability and mask rasters: made in parts, read in strips, then copied to Cloud-Optimised GeoTIFFs."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.raster_rows import RasterRows, Strips
from road_extractor_plugin.contract.errors import OutputError, RasterUnreadableError
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA
from road_extractor_plugin.core.gdal_binding import close_dataset, gdal, gdal_detail, quiet_gdal
from road_extractor_plugin.core.ground import spatial_reference
from road_extractor_plugin.core.output_errors import check_room, writing
from road_extractor_plugin.core.overviews import Overviews, overview_factors
from road_extractor_plugin.core.raster_file import open_dataset

UInt8 = npt.NDArray[np.uint8]

_BLOCK_PX = 512
_IN_MEMORY_PX = 40_000_000
"""Up to here a raster is held in memory until it is compressed: some 50 MB, where GDAL would write a file, and look up
its coordinate reference system, once more than there are results."""
_REDUCED_ROWS = 64
"""Reduced to overviews at a time, for what that takes meanwhile is several times as large."""


@dataclass(frozen=True)
class RasterKind:
    """What the numbers of a raster of uint8 mean."""

    description: str
    """Name of the band."""
    scale: float
    """Value of the code 1."""
    overviews: str
    """How its overviews are made: GDAL's name."""


_UNCOMPRESSED = (
    "TILED=YES",
    f"BLOCKXSIZE={_BLOCK_PX}",
    f"BLOCKYSIZE={_BLOCK_PX}",
    "SPARSE_OK=TRUE",
    "BIGTIFF=IF_SAFER",
)

PROBABILITY = RasterKind("road probability", 1 / CERTAIN, "AVERAGE")
MASK = RasterKind("road mask (1 road, 0 other)", 1.0, "NEAREST")


def encode_probability(probability: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> UInt8:
    """Code probabilities as the nearest of 0..254 (half to even, so within 1/508), and 255 where not valid.

    Args:
        probability: Any shape, 0..1; rounding errors beyond that are cut off.
        valid: The same shape.
    """
    codes = probability * np.float32(CERTAIN)
    np.minimum(codes, np.float32(CERTAIN), out=codes)  # `np.clip` takes several times as long
    np.maximum(codes, np.float32(0), out=codes)
    np.rint(codes, out=codes)
    if not valid.all():
        codes[~valid] = NODATA  # they may hold nan, which has no code
    return codes.astype(np.uint8)


class RasterWriter:
    """A GeoTIFF of one band of uint8 on a grid, written part by part; a context manager.

    What is not written is nodata. It is not compressed, which is the quickest for a raster that is read once or twice
    and then copied.

    Args:
        path: File to make.
        grid: Its size and place.
        kind: What its numbers mean.
        in_memory: Whether it is to be copied only, and no file is made.

    Raises:
        OutputError: It cannot be made.
    """

    def __init__(self, path: Path, grid: Grid, kind: RasterKind, *, in_memory: bool = False) -> None:
        self._path = path
        self._grid = grid
        self._kind = kind
        self._overviews = Overviews(0, is_averaged=False)
        driver, options = ("MEM", []) if in_memory else ("GTiff", _UNCOMPRESSED)
        with self._writing():
            shape = grid.width_px, grid.height_px, 1, gdal.GDT_Byte
            self._dataset = gdal.GetDriverByName(driver).Create("" if in_memory else str(path), *shape, options)
            _describe(self._dataset, grid, kind)
            if in_memory:
                self._dataset.GetRasterBand(1).Fill(NODATA)

    def __enter__(self) -> RasterWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            with suppress(OutputError):  # the error that is on its way counts
                self.close()

    def write(self, codes: UInt8, row: int, column: int = 0) -> None:
        """Write a part (height, width) of which the north-western pixel is given.

        Raises:
            OutputError: It cannot be written; `DiskFullError` when that is why.
        """
        with self._writing():
            band = self._dataset.GetRasterBand(1)
            band.WriteArray(codes, column, row)
            band.FlushCache()  # GDAL would keep what is written, up to a twentieth of the machine's memory

    def write_with_overviews(self, codes: UInt8, row: int) -> None:
        """Write the next rows of all from the north, each as wide as the raster, and their share of the overviews.

        Raises:
            OutputError: It cannot be written; `DiskFullError` when that is why.
        """
        self.write(codes, row)
        grid = self._grid
        with self._writing():
            band = self._dataset.GetRasterBand(1)
            if row == 0:
                factors = overview_factors(grid.height_px, grid.width_px, _BLOCK_PX)
                self._dataset.BuildOverviews("NONE", factors)
                self._overviews = Overviews(len(factors), is_averaged=self._kind is PROBABILITY)
            for start in range(0, len(codes), _REDUCED_ROWS):
                part = codes[start : start + _REDUCED_ROWS]
                is_last = row + start + len(part) == grid.height_px
                for level, first, reduced in self._overviews.add(part, is_last=is_last):
                    band.GetOverview(level).WriteArray(reduced, 0, first)
            for level in range(band.GetOverviewCount()):
                band.GetOverview(level).FlushCache()

    def write_all(self, raster: RasterRows, feedback: Feedback) -> None:
        """Write all of a raster, with overviews.

        Raises:
            OutputError: It cannot be written; `DiskFullError` when that is why.
            Cancelled: The user asked for it.
        """
        for start, stop in Strips.of(raster, _BLOCK_PX, feedback):
            self.write_with_overviews(raster.read(start, stop), start)

    def to_cog(self, destination: Path, feedback: Feedback) -> None:
        """See `to_cog`; for what is in memory only."""
        _to_cog(self._dataset, destination, self._kind, feedback)

    def close(self) -> None:
        """Finish the file.

        Raises:
            OutputError: What was written does not fit on the disk after all, or the like.
        """
        dataset, self._dataset = self._dataset, None
        if dataset is not None:
            with self._writing():
                close_dataset(dataset)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self._path, self._grid.width_px * self._grid.height_px)


def _describe(dataset: gdal.Dataset, grid: Grid, kind: RasterKind) -> None:
    dataset.SetGeoTransform(grid.geotransform)
    if grid.crs_wkt:
        dataset.SetSpatialRef(spatial_reference(grid.crs_wkt))
    band = dataset.GetRasterBand(1)
    band.SetNoDataValue(NODATA)
    band.SetDescription(kind.description)
    band.SetScale(kind.scale)
    band.SetOffset(0)


def describe_rows(rows: Path, path: Path, grid: Grid, kind: RasterKind) -> None:
    """Make a file of nothing but rows of uint8 a raster that GDAL reads, by a description beside it.

    Args:
        rows: Has all rows of the grid.
        path: Description to make, in the same folder.
        grid: Size and place.
        kind: What the numbers mean.

    Raises:
        OutputError: It cannot be written; `DiskFullError` when that is why.
    """
    where = {
        "subclass": "VRTRawRasterBand",
        "SourceFilename": rows.name,
        "relativeToVRT": "true",
        "ImageOffset": "0",
        "PixelOffset": "1",
        "LineOffset": str(grid.width_px),
    }
    with writing(path, 0):
        dataset = gdal.GetDriverByName("VRT").Create(str(path), grid.width_px, grid.height_px, 0)
        dataset.AddBand(gdal.GDT_Byte, [f"{name}={value}" for name, value in where.items()])
        _describe(dataset, grid, kind)
        close_dataset(dataset)


def write_strips(path: Path, raster: RasterRows, grid: Grid, kind: RasterKind, feedback: Feedback) -> None:
    """Write all of a raster, with overviews.

    Raises:
        OutputError: It cannot be written; `DiskFullError` when that is why.
        Cancelled: The user asked for it.
    """
    with RasterWriter(path, grid, kind) as writer:
        writer.write_all(raster, feedback)


def write_cog(path: Path, raster: RasterRows, grid: Grid, kind: RasterKind, feedback: Feedback) -> None:
    """Write all of a raster as a Cloud-Optimised GeoTIFF with overviews.

    A large one goes by way of strips beside it. These are in tiles, for GDAL takes more than twice as long to make
    overviews of rows.

    Raises:
        OutputError: It cannot be written; `DiskFullError` when that is why.
        Cancelled: The user asked for it.
    """
    if grid.width_px * grid.height_px <= _IN_MEMORY_PX:
        with RasterWriter(path, grid, kind, in_memory=True) as writer:
            writer.write_all(raster, feedback)
            writer.to_cog(path, feedback)
        return
    strips = path.with_name(f"{path.stem}_strips.tif")
    write_strips(strips, raster, grid, kind, feedback)
    to_cog(strips, path, kind, feedback)
    strips.unlink()


def to_cog(source: Path, destination: Path, kind: RasterKind, feedback: Feedback) -> None:
    """Copy a raster of `RasterWriter` to a Cloud-Optimised GeoTIFF; description and scale are kept.

    It gets the overviews of that raster, or if it has none, those that GDAL makes.

    Raises:
        OutputError: It cannot be written; `DiskFullError` when that is why.
        Cancelled: The user asked for it.
    """
    with quiet_gdal():
        dataset = gdal.OpenEx(str(source), gdal.OF_RASTER)
    _to_cog(dataset, destination, kind, feedback)


def _to_cog(dataset: gdal.Dataset, destination: Path, kind: RasterKind, feedback: Feedback) -> None:
    options = [
        "COMPRESS=DEFLATE",
        "LEVEL=1",  # by default it takes twice as long for a file smaller by a tenth
        f"BLOCKSIZE={_BLOCK_PX}",
        f"OVERVIEW_RESAMPLING={kind.overviews}",
        "BIGTIFF=IF_SAFER",
        "NUM_THREADS=ALL_CPUS",
    ]
    # The copy, its overviews, and these once more where they have to be made.
    needed_bytes = dataset.RasterXSize * dataset.RasterYSize * 2
    check_room(destination.parent, needed_bytes)
    with writing(destination, needed_bytes):
        try:
            copy = gdal.GetDriverByName("COG").CreateCopy(
                str(destination), dataset, options=options, callback=lambda *_: not feedback.is_cancelled()
            )
        except RuntimeError:
            stop_if_cancelled(feedback)
            raise
        if copy is None:  # cancelled at some places, the driver says nothing
            stop_if_cancelled(feedback)
            msg = "no copy was made"
            raise RuntimeError(msg)
        close_dataset(copy)


class RasterReader:
    """Rows of the first band of a raster of uint8 (`RasterRows`).

    Args:
        path: The file, for messages too.

    Raises:
        RasterUnreadableError: It cannot be opened.
        RasterUnusableError: It is no single raster.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with quiet_gdal():
            self._dataset = open_dataset(path)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self._dataset.RasterYSize, self._dataset.RasterXSize

    def read(self, start: int, stop: int) -> UInt8:
        """See `RasterRows.read`.

        Raises:
            RasterUnreadableError: The file is damaged there.
        """
        band = self._dataset.GetRasterBand(1)
        with quiet_gdal():
            try:
                rows: UInt8 = band.ReadAsArray(0, start, self._dataset.RasterXSize, stop - start)
                band.FlushCache()  # GDAL would keep what it read, up to a twentieth of the machine's memory
            except RuntimeError as error:
                raise RasterUnreadableError(self._path, gdal_detail(error)) from error
        return rows
