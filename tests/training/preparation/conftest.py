"""Rasters and roads written on the spot, and the command line of `prepare`."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, gdal_array, ogr, osr
from PIL import Image

from model_training.preparation.command import add_parser
from road_extractor_plugin.core.ground import spatial_reference

DEGREE_PX = 2.7e-6
VEGAS = (-115.17, DEGREE_PX, 0.0, 36.24, 0.0, -DEGREE_PX)
"""Where SpaceNet's images of Las Vegas are, with their pixels: 0.3 m from north to south, 0.24 m from west to east."""
WGS84 = osr.SRS_WKT_WGS84_LAT_LONG


@pytest.fixture
def write_raster() -> Callable[..., Path]:
    """Writes (bands, height, width) as a GeoTIFF: `write_raster(path, bands, geotransform=, crs_wkt=, nodata=)`."""

    def write(
        path: Path,
        bands: np.ndarray,
        *,
        geotransform: tuple[float, ...] | None = None,
        crs_wkt: str = "",
        nodata: float | None = None,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        count, height, width = bands.shape
        data_type = gdal_array.NumericTypeCodeToGDALTypeCode(bands.dtype)
        dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, count, data_type)
        if geotransform is not None:
            dataset.SetGeoTransform(geotransform)
            dataset.SetProjection(crs_wkt)
        if nodata is not None:
            dataset.GetRasterBand(1).SetNoDataValue(nodata)
        dataset.WriteArray(bands)
        return path

    return write


@pytest.fixture
def write_roads() -> Callable[..., Path]:
    """Writes WKT in WGS 84 as a layer `roads`: `write_roads(path, geometries, field=[values])`."""

    def write(path: Path, geometries: list[str], **fields: list[Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        driver = {".geojson": "GeoJSON", ".gpkg": "GPKG"}[path.suffix]
        dataset = gdal.GetDriverByName(driver).Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
        crs = spatial_reference(osr.SRS_WKT_WGS84_LAT_LONG)
        exact = ["COORDINATE_PRECISION=15"] if path.suffix == ".geojson" else []
        layer = dataset.CreateLayer("roads", crs, ogr.wkbUnknown, exact)
        for name, values in fields.items():
            layer.CreateField(ogr.FieldDefn(name, ogr.OFTString if isinstance(values[0], str) else ogr.OFTReal))
        for number, wkt in enumerate(geometries):
            feature = ogr.Feature(layer.GetLayerDefn())
            feature.SetGeometry(ogr.CreateGeometryFromWkt(wkt))
            for name, values in fields.items():
                if values[number] is not None:
                    feature.SetField(name, values[number])
            layer.CreateFeature(feature)
        return path

    return write


class Drawn:
    """Small images and masks, and the trees of public data sets made of them."""

    @staticmethod
    def save(path: Path, pixels: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    @staticmethod
    def image(height: int, width: int, seed: int = 0) -> np.ndarray:
        """(height, width, 3); no pixel is white or black, and rows, columns and bands differ."""
        noise = np.random.default_rng(seed).integers(0, 40, (height, width, 3))
        return (noise + 60 + 100 * np.linspace(0, 1, width)[:, None] + [0, 15, 30]).astype(np.uint8)

    @staticmethod
    def mask(height: int, width: int) -> np.ndarray:
        """(height, width) bool: one road from west to east, 8 px wide, in the upper third."""
        mask = np.zeros((height, width), bool)
        mask[height // 3 : height // 3 + 8] = True
        return mask

    @staticmethod
    def deepglobe(root: Path, count: int = 4, side: int = 96) -> Path:
        """Kaggle's tree, with names that do not sort as their numbers do."""
        for number in range(count):
            name = f"{9 + number}"
            Drawn.save(root / "train" / f"{name}_sat.jpg", Drawn.image(side, side, number))
            Drawn.save(
                root / "train" / f"{name}_mask.png", np.dstack([Drawn.mask(side, side).astype(np.uint8) * 255] * 3)
            )
        for folder in ("valid", "test"):
            Drawn.save(root / folder / f"{len(folder)}00_sat.jpg", Drawn.image(side, side))
        return root

    @staticmethod
    def massachusetts(root: Path, side: int = 150) -> Path:
        """Kaggle's tree; the second training image has a white corner."""
        for split, count in (("train", 2), ("val", 1), ("test", 1)):
            for number in range(count):
                image = Drawn.image(side, side, number)
                if split == "train" and number == 1:
                    image[:40, :70] = 255
                Drawn.save(root / "tiff" / split / f"1022{number}_{split}.tiff", image)
                label = Drawn.mask(side, side).astype(np.uint8) * 255
                Drawn.save(root / "tiff" / f"{split}_labels" / f"1022{number}_{split}.tif", label)
        return root


@pytest.fixture
def drawn() -> type[Drawn]:
    """What to draw data sets with."""
    return Drawn


def vegas_line(row: float, width_px: int) -> str:
    """A road from west to east at a row of a raster placed at `VEGAS`."""
    north = VEGAS[3] - row * DEGREE_PX
    return f"LINESTRING ({VEGAS[0]:.12f} {north:.12f}, {VEGAS[0] + width_px * DEGREE_PX:.12f} {north:.12f})"


@pytest.fixture
def spacenet_tree(tmp_path: Path, write_raster: Callable[..., Path], write_roads: Callable[..., Path]) -> Path:
    """Both generations of names: 16-bit pan-sharpened images of 8 bands, GeoJSON roads, and a test image without."""
    root = tmp_path / "raw"
    train = "AOI_2_Vegas/{}/SN3_roads_train_AOI_2_Vegas_{}_img{}"
    later = "AOI_7_Moscow/{}/SN5_roads_train_AOI_7_Moscow_{}_chip{}"
    chips = [
        (train.format("PS-MS", "PS-MS", 10), train.format("geojson_roads", "geojson_roads", 10)),
        (train.format("PS-MS", "PS-MS", 9), train.format("geojson_roads", "geojson_roads", 9)),
        (later.format("PS-MS", "PS-MS", 0), later.format("geojson_roads", "geojson_roads", 0)),
        (
            "AOI_3_Paris_Roads_Train/MUL-PanSharpen/MUL-PanSharpen_AOI_3_Paris_img9",
            "AOI_3_Paris_Roads_Train/geojson/spacenetroads/spacenetroads_AOI_3_Paris_img9",
        ),
        ("AOI_2_Vegas_Roads_Test_Public/MUL-PanSharpen/MUL-PanSharpen_AOI_2_Vegas_img77", None),
    ]
    for number, (image, roads) in enumerate(chips):
        bands = np.random.default_rng(number).integers(300, 900, (8, 130, 130)).astype(np.uint16)
        bands += (np.arange(8) * 1000).astype(np.uint16)[:, None, None]
        write_raster(root / f"{image}.tif", bands, geotransform=VEGAS, crs_wkt=WGS84)
        if roads is not None:
            write_roads(root / f"{roads}.geojson", [vegas_line(65.0, 130)])
    return root


@pytest.fixture
def prepare() -> Callable[..., list[dict[str, str]]]:
    """Runs `prepare` with options in this process: `prepare("deepglobe", folder, "-o", out)` -> manifest's rows."""

    def run(*words: object) -> list[dict[str, str]]:
        parser = argparse.ArgumentParser()
        add_parser(parser.add_subparsers(required=True))
        options = parser.parse_args(["prepare", *map(str, words), "--workers", "1"])
        options.command(options)
        manifest = options.output / "manifest.csv"
        if not manifest.exists():
            return []
        with manifest.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return run
