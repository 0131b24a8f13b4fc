"""Road surfaces as polygons, exact to the pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.errors import RasterUnreadableError
from road_extractor_plugin.contract.grid import Grid, Window
from road_extractor_plugin.contract.raster_coding import CERTAIN
from road_extractor_plugin.core.burning import MemoryLayer
from road_extractor_plugin.core.gdal_binding import gdal, gdal_detail, ogr, quiet_gdal
from road_extractor_plugin.core.ground import Ground

Float64 = npt.NDArray[np.float64]

_ROAD = 1
_STRIP_PX = 512
_PIXELS = (0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
"""The geotransform of pixel coordinates themselves."""


@dataclass(frozen=True, eq=False)
class RoadPolygon:
    """A piece of road surface."""

    rings: tuple[Float64, ...]
    """Outline, then holes; each (n, 2) x, y in pixels of the grid, closed, along the edges of pixels."""
    area_m2: float
    """On the ground."""
    confidence: float
    """Mean probability of its pixels, 0..1."""


def road_polygons(mask: Path, probability: Path, grid: Grid) -> tuple[RoadPolygon, ...]:
    """Polygons of the pixels of road that touch along an edge.

    Memory is that of the polygons and of one strip.

    Args:
        mask: Raster of uint8, 1 where there is road.
        probability: Raster of uint8, 0..254 = 0..1 where there is road.
        grid: Of both.

    Raises:
        RasterUnreadableError: One of them cannot be read.
    """
    with quiet_gdal():
        try:
            outlines = _outlines(mask)
            area_m2, confidence = _pixel_statistics(outlines, probability, grid)
        except RuntimeError as error:
            raise RasterUnreadableError(mask, gdal_detail(error)) from error
    return tuple(
        RoadPolygon(_rings(feature.GetGeometryRef()), float(area_m2[index]), float(confidence[index]))
        for index, feature in enumerate(outlines.layer)
    )


def _outlines(mask: Path) -> MemoryLayer:
    """The polygons in pixel coordinates, numbered from 1."""
    view = gdal.Translate("", str(mask), format="VRT")
    view.SetGeoTransform(_PIXELS)
    band = view.GetRasterBand(1)
    regions = MemoryLayer(ogr.wkbPolygon)
    # As its own mask, the band leaves out its zeros.
    gdal.Polygonize(band, band, regions.layer, 0)
    regions.layer.SetAttributeFilter(f"number = {_ROAD}")
    roads = MemoryLayer(ogr.wkbPolygon)
    for number, region in enumerate(regions.layer, start=1):
        roads.add(region.GetGeometryRef(), number)
    return roads


def _pixel_statistics(outlines: MemoryLayer, probability: Path, grid: Grid) -> tuple[Float64, Float64]:
    """Ground area and mean probability of the pixels of each polygon, strip by strip."""
    count = outlines.layer.GetFeatureCount() + 1
    pixels, square_metres, probabilities = np.zeros((3, count))
    row_area_m2 = _pixel_areas_m2(grid)
    raster = gdal.OpenEx(str(probability), gdal.OF_RASTER)
    for top in range(0, grid.height_px, _STRIP_PX):
        strip = Window(top, 0, min(_STRIP_PX, grid.height_px - top), grid.width_px)
        numbers = outlines.burn(strip)
        rows, columns = np.nonzero(numbers)
        number = numbers[rows, columns]
        codes = raster.ReadAsArray(0, top, strip.width, strip.height)[rows, columns]
        pixels += np.bincount(number, minlength=count)
        square_metres += np.bincount(number, row_area_m2[top + rows], count)
        probabilities += np.bincount(number, codes / CERTAIN, count)
    return square_metres[1:], probabilities[1:] / pixels[1:]


def _pixel_areas_m2(grid: Grid) -> Float64:
    """Ground area of a pixel in each row, at the middle of the row."""
    x0, x_size, _, y0, _, y_size = grid.geotransform
    y = y0 + (np.arange(grid.height_px) + 0.5) * y_size
    x = np.full_like(y, x0 + x_size * grid.width_px / 2)
    return Ground.of_grid(grid).square_metres_per_unit(np.column_stack([x, y])) * abs(x_size * y_size)


def _rings(polygon: ogr.Geometry) -> tuple[Float64, ...]:
    return tuple(
        np.array(polygon.GetGeometryRef(index).GetPoints(), dtype=np.float64)[:, :2]
        for index in range(polygon.GetGeometryCount())
    )
