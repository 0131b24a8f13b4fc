"""Rasters with a road drawn at a known place, and the command line as a user calls it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
from osgeo import gdal, ogr, osr

from road_extractor_plugin.cli.main import main

ROAD_WIDTH_M = 9.0


@dataclass(frozen=True)
class DrawnRoad:
    """A raster and the road that was drawn into it."""

    path: Path
    line: tuple[tuple[float, float], tuple[float, float]]
    """Its ends, in the raster's coordinate reference system."""
    metres_per_unit: tuple[float, float]
    """Ground metres of one unit along x and y."""


@dataclass(frozen=True)
class Run:
    """What a command gave."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Run the command line in this process."""

    def run(*arguments: object) -> Run:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return Run(status, captured.out, captured.err)

    return run


def write_raster(
    path: Path,
    image: npt.NDArray[Any],
    *,
    epsg: int | None = 32632,
    geotransform: tuple[float, ...] | None = (500000, 1, 0, 5000000, 0, -1),
    nodata: float | None = None,
    gdal_type: int = gdal.GDT_Byte,
) -> Path:
    """Write (bands, height, width) as a GeoTIFF."""
    bands, height, width = image.shape
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, gdal_type)
    if geotransform is not None:
        dataset.SetGeoTransform(geotransform)
    if epsg is not None:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(epsg)
        dataset.SetProjection(reference.ExportToWkt())
    for index, band in enumerate(image, start=1):
        dataset.GetRasterBand(index).WriteArray(band)
        if nodata is not None:
            dataset.GetRasterBand(index).SetNoDataValue(nodata)
    dataset.FlushCache()
    del dataset
    return path


@pytest.fixture
def raster() -> Callable[..., Path]:
    """A maker of GeoTIFFs: (path, image, epsg, geotransform, nodata, gdal_type) -> path."""
    return write_raster


@pytest.fixture
def drawn_road(tmp_path: Path) -> Callable[..., DrawnRoad]:
    """A maker of rasters with one straight road from west to east, slightly inclined."""

    def draw(name: str, epsg: int, geotransform: tuple[float, ...], metres: tuple[float, float]) -> DrawnRoad:
        size = 320
        gt = geotransform
        # The road's ends are given in pixels and mapped, so that it lies within the raster whatever its rotation.
        ends = [
            (gt[0] + c * gt[1] + r * gt[2], gt[3] + c * gt[4] + r * gt[5]) for c, r in ((40.0, 120.0), (280.0, 200.0))
        ]
        columns, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
        x = gt[0] + columns * gt[1] + rows * gt[2]
        y = gt[3] + columns * gt[4] + rows * gt[5]
        places = np.stack([x, y], axis=-1)
        beside_m, beyond_m = distance_to_line_m(places, ends, metres), beyond_ends_m(places, ends, metres)
        image = np.where((beside_m <= ROAD_WIDTH_M / 2) & (beyond_m <= 0), 235, 30).astype(np.uint8)
        path = write_raster(tmp_path / f"{name}.tif", np.stack([image] * 3), epsg=epsg, geotransform=gt)
        return DrawnRoad(path, (ends[0], ends[1]), metres)

    return draw


def distance_to_line_m(
    points: npt.NDArray[np.float64], line: Any, metres_per_unit: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Distance of points (..., 2) from a straight piece of line, in metres."""
    scale = np.array(metres_per_unit)
    start, end = np.array(line[0]) * scale, np.array(line[1]) * scale
    along = end - start
    offsets = points * scale - start
    share = np.clip(offsets @ along / (along @ along), 0, 1)
    distances: npt.NDArray[np.float64] = np.linalg.norm(offsets - share[..., None] * along, axis=-1)
    return distances


def beyond_ends_m(
    points: npt.NDArray[np.float64], line: Any, metres_per_unit: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """How far points (..., 2) lie beyond the nearer end of a straight line, along it; negative between the ends."""
    scale = np.array(metres_per_unit)
    start, end = np.array(line[0]) * scale, np.array(line[1]) * scale
    length_m = np.linalg.norm(end - start)
    along_m: npt.NDArray[np.float64] = (points * scale - start) @ (end - start) / length_m
    return np.maximum(-along_m, along_m - length_m)


@dataclass(frozen=True)
class Scene:
    """How the pixels of a raster lie on the ground."""

    name: str
    epsg: int
    geotransform: tuple[float, ...]
    metres_per_unit: tuple[float, float]


def scenes() -> list[Scene]:
    """A UTM, a Web Mercator (rotated) and a geographic raster, each of about 1 m per pixel on the ground at 52 N.

    Metres per unit by the formulas of the ellipsoid (GRS 80 / WGS 84), independent of the code under test.
    """
    latitude = math.radians(52.0)
    a, e2 = 6378137.0, 0.00669437999
    prime = a / math.sqrt(1 - e2 * math.sin(latitude) ** 2)
    meridian = a * (1 - e2) / (1 - e2 * math.sin(latitude) ** 2) ** 1.5
    degree = (math.radians(1) * prime * math.cos(latitude), math.radians(1) * meridian)
    mercator = (prime * math.cos(latitude) / a, meridian * math.cos(latitude) / a)
    angle, pixel = math.radians(25), 1 / mercator[0]
    x0, y0 = 1001875.0, 6800125.0
    rotated = (
        x0,
        pixel * math.cos(angle),
        pixel * math.sin(angle),
        y0,
        pixel * math.sin(angle),
        -pixel * math.cos(angle),
    )
    geographic = (9.0, 1 / degree[0], 0, 52.0, 0, -1 / degree[1])
    return [
        Scene("utm", 32632, (500000, 1, 0, 5761000, 0, -1), (1 / 0.9996, 1 / 0.9996)),
        Scene("mercator_rotated", 3857, rotated, mercator),
        Scene("geographic", 4326, geographic, degree),
    ]


@pytest.fixture(params=scenes(), ids=lambda scene: scene.name)
def scene(request: pytest.FixtureRequest) -> Scene:
    """Each scene in turn."""
    found: Scene = request.param
    return found


@dataclass(frozen=True)
class Feature:
    """A feature as plain values: GDAL's own must not outlive their file."""

    values: dict[str, Any]
    points: npt.NDArray[np.float64]
    """(n, 2) of the geometry, or of a polygon's outline."""
    epsg: str | None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def read_features(path: Path, layer: str = "centerlines") -> list[Feature]:
    """All features of a layer of a GeoPackage."""
    dataset = ogr.Open(str(path))
    found = []
    for feature in dataset.GetLayerByName(layer):
        geometry = feature.GetGeometryRef()
        ring = geometry.GetGeometryRef(0) if geometry.GetGeometryCount() else geometry
        epsg = geometry.GetSpatialReference().GetAuthorityCode(None) if geometry.GetSpatialReference() else None
        found.append(Feature(feature.items(), np.array(ring.GetPoints())[:, :2], epsg))
    return found


@pytest.fixture
def features() -> Callable[..., list[Feature]]:
    """Reads (path, layer) -> features."""
    return read_features


@pytest.fixture
def distance_m() -> Callable[..., npt.NDArray[np.float64]]:
    """(points, line, metres per unit) -> distances."""
    return distance_to_line_m
