"""Drawn scenes, raw data sets in miniature and a small configuration: training is tested in seconds, without data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
import yaml
from osgeo import gdal, gdal_array, ogr, osr
from PIL import Image, ImageDraw

from model_training import torchvision_schemas  # noqa: F401  (before timm and lightning)
from model_training.network.road_network import DeployedNetwork, NetworkConfig, RoadNetwork
from road_extractor_plugin.core.ground import spatial_reference

SMALL_CONFIG: dict[str, Any] = {
    "seed": 3,
    "network": {"encoder": "test_efficientnet", "encoder_weights": "none", "pyramid_channels": 8, "road_channels": 8},
    "data": {
        "folders": [{"path": "drawn", "ground_resolution_m": 1.0, "share": 1.0}],
        "holdout_fraction": 0.34,
        "crop_px": 64,
        "validation_crop_px": 64,
        "workers": 0,
    },
    "schedule": {"batch": 2, "max_steps": 6, "validate_every": 100, "learning_rate": 0.01},
    "machine": {"threads": 1, "channels_last": False, "accelerator": "cpu"},
    "card": {"name": "drawn roads", "version": "1", "licence": "CC0-1.0", "attributions": ["Drawn by a test."]},
}

DEGREE_PX = 2.7e-6
VEGAS = (-115.17, DEGREE_PX, 0.0, 36.24, 0.0, -DEGREE_PX)
"""Where SpaceNet's images of Las Vegas are, with their pixels: 0.3 m from north to south, 0.24 m from west to east."""
WGS84 = osr.SRS_WKT_WGS84_LAT_LONG


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Small tensors gain nothing from more, and a test must not slow down its neighbours."""
    torch.set_num_threads(1)


def draw_scene(seed: int, size: tuple[int, int] = (96, 128)) -> tuple[np.ndarray, np.ndarray]:
    """Grey straight roads of 7 px on noisy green: image (height, width, 3) and mask (height, width), 0 or 1."""
    rng = np.random.default_rng(seed)
    height, width = size
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for _ in range(3):
        draw.line([tuple(rng.uniform(0, (width, height))) for _ in range(2)], fill=1, width=7)
    road = np.asarray(mask)
    ground = np.array([60, 100, 50]) + rng.normal(0, 15, (height, width, 3))
    image = np.where(road[..., None] > 0, 170 + rng.normal(0, 8, (height, width, 1)), ground)
    return image.clip(0, 255).astype(np.uint8), road


def write_scenes(folder: Path, count: int = 3, size: tuple[int, int] = (96, 128)) -> Path:
    """A data folder of drawn scenes; every other one has a valid mask."""
    for name in ("images", "masks", "valid"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, road = draw_scene(number, size)
        Image.fromarray(image).save(folder / "images" / f"s{number}.png")
        Image.fromarray(road * 255).save(folder / "masks" / f"s{number}.png")
        if number % 2:
            valid = np.full(road.shape, 255, np.uint8)
            valid[:, :10] = 0
            Image.fromarray(valid).save(folder / "valid" / f"s{number}.png")
    return folder


@pytest.fixture(scope="session")
def write_folder() -> Callable[..., Path]:
    """`write_scenes`."""
    return write_scenes


@pytest.fixture(scope="session")
def small_settings() -> dict[str, Any]:
    """The content of `small_config`."""
    return SMALL_CONFIG


@pytest.fixture
def data_root(tmp_path: Path, write_folder: Callable[..., Path]) -> Path:
    """A data root with the folder `drawn` of six scenes."""
    write_folder(tmp_path / "data" / "drawn", 6)
    return tmp_path / "data"


@pytest.fixture
def small_config(tmp_path: Path) -> Path:
    """A YAML file of a network that trains in seconds."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL_CONFIG), encoding="utf-8")
    return path


@pytest.fixture
def deployed() -> Callable[..., DeployedNetwork]:
    """A maker of untrained networks whose normalisation has seen some data, so that no output is degenerate."""

    def make(*, with_orientation: bool = False, **changes: Any) -> DeployedNetwork:
        torch.manual_seed(0)
        options = {"encoder": "test_efficientnet", "encoder_weights": "none", "pyramid_channels": 8, **changes}
        network = RoadNetwork(NetworkConfig(**options))
        with torch.no_grad():
            network.train()(torch.randn(4, 3, 64, 64))
        return DeployedNetwork(network.eval(), with_orientation=with_orientation).eval()

    return make


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
    root = tmp_path / "spacenet"
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
def geo_tree(tmp_path: Path, write_raster: Callable[..., Path], write_roads: Callable[..., Path]) -> Path:
    """Somebody's own data: `rasters/` side by side, and one road through all of them in `roads.gpkg`."""
    root, side = tmp_path / "geo", 130
    for number, name in enumerate("abcd"):
        west = VEGAS[0] + number * side * DEGREE_PX
        bands = Drawn.image(side, side, number).transpose(2, 0, 1)
        write_raster(root / "rasters" / f"{name}.tif", bands, geotransform=(west, *VEGAS[1:]), crs_wkt=WGS84)
    write_roads(root / "roads.gpkg", [vegas_line(65.0, 4 * side)], width=[8.0])
    return root
