"""Metres on the ground in any coordinate reference system.

A position is taken to the geocentric Cartesian system of the CRS's own ellipsoid; lengths and areas there are
those on the ground. So degrees, feet, Web Mercator and polar projections need no case of their own, and
neither do the poles and the 180th meridian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.contract.grid import Geotransform, Grid
from road_extractor_plugin.core.gdal_binding import ogr, osr

Float64 = npt.NDArray[np.float64]

_STEP_M = 50.0
"""Half the step of the numeric derivatives: long beside PROJ's noise of 1e-6 m, short beside the Earth."""
_EARTH_RADIUS_M = 6_371_000.0


class Ground:
    """Lengths and areas on the ground for coordinates of one CRS.

    Args:
        crs_wkt: WKT of a projected or geographic CRS; empty when unknown.
        flat_metres_per_unit: Size of a CRS unit where the CRS is unknown; not used otherwise.

    Raises:
        ValueError: The CRS has no place on the Earth's surface (geocentric, or WKT that cannot be read).
    """

    def __init__(self, crs_wkt: str, flat_metres_per_unit: float = 1.0) -> None:
        self._flat_metres_per_unit = flat_metres_per_unit
        self._to_geographic: osr.CoordinateTransformation | None = None
        if not crs_wkt:
            return
        crs = spatial_reference(crs_wkt)
        if crs.IsLocal():
            self._flat_metres_per_unit = crs.GetLinearUnits()
            return
        if not (crs.IsProjected() or crs.IsGeographic()):
            msg = f"'{crs.GetName()}' is neither a projected nor a geographic coordinate reference system"
            raise ValueError(msg)
        geographic = crs.CloneGeogCS()
        geographic.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        self._to_geographic = osr.CoordinateTransformation(crs, geographic)
        self._radians_per_unit = geographic.GetAngularUnits()
        self._semi_major_m = geographic.GetSemiMajor()
        self._eccentricity_squared = 1.0 - (geographic.GetSemiMinor() / self._semi_major_m) ** 2
        self._step = _STEP_M / (crs.GetLinearUnits() if crs.IsProjected() else _EARTH_RADIUS_M * self._radians_per_unit)

    @classmethod
    def of_grid(cls, grid: Grid) -> Ground:
        """The ground below a grid, whether its CRS is known or not."""
        return cls(grid.crs_wkt, grid.pixel_size_m[0] / abs(grid.geotransform[1]))

    def metres_per_unit(self, x: float, y: float) -> tuple[float, float]:
        """Ground metres of one CRS unit along x and along y at a place."""
        along_x, along_y = np.linalg.norm(self._derivatives(np.array([[x, y]])), axis=2)[0]
        return float(along_x), float(along_y)

    def pixel_size_m(self, geotransform: Geotransform, x: float, y: float) -> tuple[float, float]:
        """Ground metres from pixel to pixel along a row and along a column of a raster, rotated or not."""
        neighbours = np.array([[geotransform[1], geotransform[4]], [geotransform[2], geotransform[5]]])
        along_row, along_column = np.linalg.norm(neighbours @ self._derivatives(np.array([[x, y]]))[0], axis=1)
        return float(along_row), float(along_column)

    def square_metres_per_unit(self, xy: npt.ArrayLike) -> Float64:
        """Ground area of one square CRS unit at each of the places (n, 2)."""
        derivatives = self._derivatives(np.asarray(xy, dtype=np.float64))
        area: Float64 = np.linalg.norm(np.cross(derivatives[:, 0], derivatives[:, 1]), axis=1)
        return area

    def line_lengths_m(self, lines: Sequence[Float64]) -> Float64:
        """Ground length of each line of points (n, 2), with n >= 2.

        The chords through the ellipsoid, lengthened to arcs of a sphere: within 1e-7 of the geodesic for segments up to
        100 km.
        """
        if not lines:
            return np.zeros(0)
        places = self._geocentric(np.concatenate(lines))
        lengths: Float64 = np.linalg.norm(np.diff(places, axis=0, append=places[-1:]), axis=1)
        if self._to_geographic is not None:
            lengths = 2 * _EARTH_RADIUS_M * np.arcsin(np.minimum(lengths / (2 * _EARTH_RADIUS_M), 1.0))
        ends = np.cumsum([len(line) for line in lines])
        lengths[ends - 1] = 0.0  # from the last point of a line to the first of the next
        total: Float64 = np.add.reduceat(lengths, np.concatenate([[0], ends[:-1]]))
        return total

    def _derivatives(self, xy: Float64) -> Float64:
        """Change of the geocentric position per unit of x and of y at each place: (n, 2, 3)."""
        step = 0.5 if self._to_geographic is None else self._step
        offsets = np.array([[step, 0.0], [-step, 0.0], [0.0, step], [0.0, -step]])
        places = self._geocentric((xy[:, None, :] + offsets).reshape(-1, 2)).reshape(-1, 4, 3)
        derivatives: Float64 = (places[:, 0::2] - places[:, 1::2]) / (2 * step)
        return derivatives

    def _geocentric(self, xy: Float64) -> Float64:
        """Geocentric Cartesian coordinates in metres (n, 3); on a plane where the CRS is unknown.

        Raises:
            ValueError: A place is nowhere on the Earth.
        """
        if self._to_geographic is None:
            flat = np.zeros((len(xy), 3))
            flat[:, :2] = xy * self._flat_metres_per_unit
            return flat
        if not len(xy):
            return np.zeros((0, 3))
        longitude, latitude = self._geographic(self._to_geographic, xy)
        prime_vertical = self._semi_major_m / np.sqrt(1 - self._eccentricity_squared * np.sin(latitude) ** 2)
        return np.column_stack(
            [
                prime_vertical * np.cos(latitude) * np.cos(longitude),
                prime_vertical * np.cos(latitude) * np.sin(longitude),
                prime_vertical * (1 - self._eccentricity_squared) * np.sin(latitude),
            ]
        )

    def _geographic(self, to_geographic: osr.CoordinateTransformation, xy: Float64) -> Float64:
        """Longitudes and latitudes in radians, (2, n)."""
        try:
            degrees = _transformed(xy, to_geographic)
        except RuntimeError as error:
            msg = "coordinates lie where their coordinate reference system is not defined"
            raise ValueError(msg) from error
        radians: Float64 = (degrees * self._radians_per_unit).T
        # The step of a derivative may lead over the pole; comparing this way round also finds nan.
        if not (np.abs(radians[1]) <= np.pi / 2 + 2 * _STEP_M / _EARTH_RADIUS_M).all():
            msg = "coordinates lie beyond the poles"
            raise ValueError(msg)
        return radians


def _transformed(xy: Float64, transformation: osr.CoordinateTransformation) -> Float64:
    """Points (n, 2) in another CRS.

    As a geometry, for the transformation's own way makes a tuple of each point, and so many that Python looks through
    all that it has for garbage.
    """
    head = struct.pack("<BII", 1, ogr.wkbLineString, len(xy))
    points = ogr.CreateGeometryFromWkb(head + xy.astype("<f8").tobytes())
    points.Transform(transformation)
    transformed: Float64 = np.frombuffer(points.ExportToWkb(ogr.wkbNDR), dtype="<f8", offset=len(head)).reshape(-1, 2)
    return transformed


def spatial_reference(crs_wkt: str) -> osr.SpatialReference:
    """A CRS whose coordinates are x before y, whatever its authority says.

    Raises:
        ValueError: The WKT cannot be read.
    """
    crs = osr.SpatialReference()
    try:
        crs.ImportFromWkt(crs_wkt)
    except RuntimeError as error:
        msg = f"the coordinate reference system cannot be read ({error})"
        raise ValueError(msg) from error
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return crs
