"""Polygons in memory, and burning them into arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.grid import Window
from road_extractor_plugin.core.gdal_binding import gdal, ogr, quiet_gdal


class MemoryLayer:
    """Polygons in pixels of a grid, each with the integer `number`.

    Args:
        geometry_type: OGR's constant for polygons or multi-polygons.
    """

    def __init__(self, geometry_type: int) -> None:
        # GDAL 3.11 made one driver, MEM, of the raster driver of this name and the vector driver Memory.
        driver = gdal.GetDriverByName("Memory") or gdal.GetDriverByName("MEM")
        self._dataset = driver.Create("", 0, 0, 0, gdal.GDT_Unknown)
        self.layer: ogr.Layer = self._dataset.CreateLayer("memory", None, geometry_type)
        self.layer.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
        self._definition = self.layer.GetLayerDefn()

    def add(self, geometry: ogr.Geometry, number: int = 1) -> None:
        """Add a copy of a polygon."""
        feature = ogr.Feature(self._definition)
        feature.SetField(0, number)
        feature.SetGeometry(geometry)
        self.layer.CreateFeature(feature)

    def burn(
        self, window: Window, shape: tuple[int, int] | None = None, *, all_touched: bool = False
    ) -> npt.NDArray[np.int32]:
        """The number of each polygon at the pixels whose centre it holds, 0 elsewhere.

        Args:
            window: Part of the grid to burn.
            shape: Height and width of the result; None is the window's own.
            all_touched: At all pixels that it touches instead.
        """
        height, width = shape or (window.height, window.width)
        raster = gdal.GetDriverByName("MEM").Create("", width, height, 1, gdal.GDT_Int32)
        raster.SetGeoTransform((window.column, window.width / width, 0.0, window.row, 0.0, window.height / height))
        right, bottom = window.column + window.width, window.row + window.height
        self.layer.SetSpatialFilterRect(window.column, window.row, right, bottom)
        with quiet_gdal():  # it warns that there is no CRS
            options = ["ATTRIBUTE=number", f"ALL_TOUCHED={all_touched}"]
            gdal.RasterizeLayer(raster, [1], self.layer, options=options)
        self.layer.SetSpatialFilter(None)
        numbers: npt.NDArray[np.int32] = raster.ReadAsArray()
        return numbers
