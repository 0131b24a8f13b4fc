from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from PIL import Image

from model_training.errors import DatasetError
from model_training.preparation.borders import empty_areas, has_dark_frame, has_white_frame
from model_training.preparation.pictures import read_mask, read_picture, resample, resample_mask
from model_training.preparation.settings import Imagery

WriteRaster = Callable[..., Path]
ROAD = np.zeros((60, 80), bool)
ROAD[20:29] = True


def grey(height: int = 100, width: int = 120) -> np.ndarray:
    return np.random.default_rng(0).integers(60, 200, (3, height, width)).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("mask.png", ROAD.astype(np.uint8), id="0/1"),
        pytest.param("mask.png", ROAD.astype(np.uint8) * 255, id="0/255"),
        pytest.param("mask.jpg", ROAD.astype(np.uint8) * 255, id="JPEG noise"),
        pytest.param("mask.png", np.dstack([ROAD * 255, ROAD * 0, ROAD * 0]).astype(np.uint8), id="red on black"),
        pytest.param("mask.tif", ROAD.astype(np.uint16) * 65535, id="16-bit"),
        pytest.param("mask.tif", ROAD.astype(np.float32), id="float"),
        pytest.param("mask.png", np.dstack([*[ROAD * 255] * 3, ROAD * 0 + 255]).astype(np.uint8), id="with alpha"),
    ],
)
def test_masks_read_alike_however_they_are_stored(tmp_path: Path, name: str, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / name)
    assert (read_mask(tmp_path / name) == ROAD).all()


def test_eight_bit_colours_are_read_as_they_are(tmp_path: Path, write_raster: WriteRaster) -> None:
    image = grey()
    picture = read_picture(write_raster(tmp_path / "image.tif", image), Imagery())
    assert (picture.image == image).all()
    assert picture.valid.all()


def test_bands_are_taken_in_the_order_asked_for(tmp_path: Path, write_raster: WriteRaster) -> None:
    bands = np.stack([np.full((50, 50), 10 * i, np.uint8) for i in range(1, 9)])
    picture = read_picture(write_raster(tmp_path / "eight.tif", bands), Imagery(bands=(5, 3, 2)))
    assert picture.image[:, 0, 0].tolist() == [50, 30, 20]


def test_sixteen_bits_are_stretched_between_the_percentiles_of_pixels_with_imagery(
    tmp_path: Path, write_raster: WriteRaster
) -> None:
    raw = np.random.default_rng(1).integers(200, 2000, (3, 80, 90)).astype(np.uint16)
    raw[:, :, :30] = 0
    picture = read_picture(write_raster(tmp_path / "deep.tif", raw), Imagery())
    assert (picture.valid == (raw[0] != 0)).all()
    for band, stretched in zip(raw, picture.image):
        low, high = np.percentile(band[band != 0], (2, 98))
        expected = np.rint(np.clip((band.astype(float) - low) / (high - low), 0, 1) * 255)
        assert np.abs(stretched[picture.valid] - expected[picture.valid]).max() <= 1


def test_eight_bits_are_stretched_on_demand(tmp_path: Path, write_raster: WriteRaster) -> None:
    path = write_raster(tmp_path / "image.tif", grey())
    always = read_picture(path, Imagery(stretch="always")).image
    assert (always.min(), always.max()) == (0, 255)
    assert read_picture(path, Imagery(stretch="auto")).image.max() < 200


def test_nodata_is_invalid(tmp_path: Path, write_raster: WriteRaster) -> None:
    image = grey()
    image[:, :10] = 7
    picture = read_picture(write_raster(tmp_path / "image.tif", image, nodata=7), Imagery())
    assert (picture.valid == (np.arange(100) >= 10)[:, None]).all()


def test_alpha_is_invalid_where_transparent(tmp_path: Path) -> None:
    alpha = np.full((100, 120), 255, np.uint8)
    alpha[:, :40] = 0
    Image.fromarray(np.dstack([*grey(), alpha])).save(tmp_path / "image.png")
    picture = read_picture(tmp_path / "image.png", Imagery())
    assert (picture.valid == (alpha > 0)).all()
    assert picture.image.shape[0] == 3


@pytest.mark.parametrize("name", ["image.jpg", "image.png", "image.tif"])
def test_a_damaged_image_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(grey(300, 300).transpose(1, 2, 0)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match=rf"{name}' cannot be read as an image"):
        read_picture(path, Imagery())


def filled(value: int, rows: slice, columns: slice) -> np.ndarray:
    image = grey()
    image[:, rows, columns] = value
    return image


def test_white_and_black_at_the_edge_are_empty_and_grown_over_the_bleed() -> None:
    for value in (250, 0):
        empty = empty_areas(filled(value, slice(0, 100), slice(0, 20)), white=True)
        assert empty[:, :23].all()
        assert not empty[:, 24:].any()


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(filled(255, slice(40, 70), slice(40, 70)), id="a white roof inside"),
        pytest.param(filled(255, slice(0, 20), slice(0, 20)), id="a small roof at the edge"),
        pytest.param(filled(3, slice(0, 50), slice(0, 50)), id="a dark lake at the edge"),
    ],
)
def test_roofs_and_lakes_are_not_empty(image: np.ndarray) -> None:
    assert not empty_areas(image, white=True).any()


def test_white_is_imagery_unless_told_otherwise() -> None:
    assert not empty_areas(filled(255, slice(0, 100), slice(0, 20)), white=False).any()


@pytest.mark.parametrize("count", [8, 9])
def test_the_papers_white_frame_starts_above_a_thousandth(count: int) -> None:
    image = grey(100, 120)  # its frame has 100 * 120 - 40 * 60 = 9600 pixels, 1000 of them black here
    image[:, 0, :], image[:, 1:9, :110] = 0, 0  # 120 + 880
    image[:, 99, :count] = 255
    assert has_white_frame(image) is (count > 8.6)


@pytest.mark.parametrize(("black", "is_dark"), [(2400, False), (2401, True)])
def test_the_papers_dark_frame_starts_above_a_quarter(black: int, is_dark: bool) -> None:
    image = grey(100, 120)
    image[1].reshape(-1)[:black] = 0  # the upper 30 rows are frame: 3600 pixels
    assert has_dark_frame(image) is is_dark


def test_resampling_averages_when_shrinking_and_keeps_masks_binary() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    assert (resample(image, 4, 4, "average")[0] == np.rint(image[0].reshape(4, 2, 4, 2).mean(axis=(1, 3)) + 1e-6)).all()
    mask = np.zeros((8, 8), bool)
    mask[:, :3] = True
    assert (resample_mask(mask, 4, 4, "average") == np.array([True, True, False, False])).all()
