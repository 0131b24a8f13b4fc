"""The preview shows the image, and each line in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import Grid, TileGrid
from road_extractor_plugin.contract.model_card import InputSpec
from road_extractor_plugin.contract.road_graph import RoadEdge, RoadGraph
from road_extractor_plugin.core.gdal_binding import gdal
from road_extractor_plugin.core.preview import Picture, ShownSource, burnt_lines, write_preview
from road_extractor_plugin.core.raster_source import RasterSource

YELLOW = (255, 221, 0)
NO_ROADS = RoadGraph(np.zeros((0, 2)), ())


def road(*points: tuple[float, float]) -> RoadGraph:
    line = np.array(points, dtype=np.float64)
    return RoadGraph(line[[0, -1]], (RoadEdge(0, 1, line, 5.0, 0.9, 0.9),))


def picture_of(source: RasterSource, tile_px: int = 64, seen: int = 0) -> Picture:
    """In tiles, of which some rows are read before the picture is asked for."""
    tiles = TileGrid.plan(source.grid.height_px, source.grid.width_px, tile_px=tile_px, overlap_px=10, multiple_of=1)
    shown = ShownSource(source, tiles)
    for row in range(min(seen, len(tiles.rows.starts))):
        for window in tiles.row_windows(row):
            shown.read(window)
    shown.read_rest(SilentFeedback())
    return shown.picture()


@pytest.mark.parametrize("shape", [(300, 400), (100, 133), (60, 80)], ids=["full size", "third", "fifth"])
@pytest.mark.parametrize("bend", [(371.2, 40.4), (30.9, 290.1), (20.3, 250.0)], ids=["flat", "steep", "upright"])
@pytest.mark.parametrize("is_reversed", [False, True], ids=["forwards", "backwards"])
def test_lines_lie_within_half_a_preview_pixel(
    shape: tuple[int, int], bend: tuple[float, float], is_reversed: bool, grid: Callable[..., Grid]
) -> None:
    start, end = np.array([20.3, 31.7]), np.array(bend)
    points = (bend, tuple(start)) if is_reversed else (tuple(start), bend)
    burnt = burnt_lines(road(*points), grid(300, 400), shape)
    rows, columns = np.nonzero(burnt)
    pixel = np.array([400 / shape[1], 300 / shape[0]])
    centres = (np.column_stack([columns, rows]) + 0.5) * pixel
    along = (end - start) / np.linalg.norm(end - start)
    away = np.abs(along[0] * (centres - start)[:, 1] - along[1] * (centres - start)[:, 0])
    assert len(rows) == pytest.approx(np.abs((end - start) / pixel).max(), abs=1)
    assert away.max() <= 0.5 * pixel.max() + 1e-9


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-9, 59), st.floats(-9, 49)), min_size=2, max_size=6))
def test_lines_of_any_bends_may_leave_the_picture(points: list[tuple[float, float]]) -> None:
    place = Grid(50, 40, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), "", (1.0, 1.0))
    burnt = burnt_lines(road(*points), place, (40, 50))
    dense = np.concatenate([np.linspace(a, b, 300) for a, b in zip(points, points[1:])])
    near = {(int(y), int(x)) for x, y in np.floor(dense)}
    assert {(int(row), int(column)) for row, column in zip(*np.nonzero(burnt))} <= near | {
        (row + down, column + right) for row, column in near for down in (-1, 0, 1) for right in (-1, 0, 1)
    }


def test_the_picture_is_the_image_with_lines_and_white_nodata(
    tmp_path: Path, raster: Callable[..., Path], spec: InputSpec
) -> None:
    image = np.full((3, 60, 80), 90, dtype=np.uint8)
    image[:, :, 70:] = 0
    with RasterSource.open(raster(image, nodata=0), spec=spec) as source:
        write_preview(tmp_path / "preview.png", picture_of(source), road((10.5, 30.5), (60.5, 30.5)))
    picture = gdal.Open(str(tmp_path / "preview.png")).ReadAsArray()
    assert picture.shape == (3, 60, 80)
    assert (picture[:, 5, 5] == 90).all()
    assert (picture[:, :, 70:] == 255).all()
    assert tuple(picture[:, 30, 30]) == YELLOW
    column = (picture[:, :, 30].T == YELLOW).all(axis=1)
    assert np.nonzero(column)[0].tolist() == [29, 30, 31]
    assert (picture[:, 28, 30] < 90).all()  # the casing
    assert [path.name for path in tmp_path.iterdir() if "preview" in path.name] == ["preview.png"]


def test_a_large_image_is_reduced(tmp_path: Path, raster: Callable[..., Path], spec: InputSpec) -> None:
    image = np.zeros((3, 100, 5000), dtype=np.uint8)
    image[:, :, 2500:] = 200
    with RasterSource.open(raster(image), spec=spec) as source:
        write_preview(tmp_path / "preview.png", picture_of(source), NO_ROADS)
    picture = gdal.Open(str(tmp_path / "preview.png")).ReadAsArray()
    assert picture.shape == (3, 18, 900)
    assert (picture[:, :, :450] == 0).all()
    assert (picture[:, :, 450:] == 200).all()


def test_a_picture_averages_four_places_of_each_of_its_pixels(raster: Callable[..., Path], spec: InputSpec) -> None:
    image = np.random.default_rng(2).integers(0, 256, (3, 100, 3000), dtype=np.uint8)
    with RasterSource.open(raster(image), spec=spec) as source:
        picture = picture_of(source)
    assert picture.rgb.shape == (3, 30, 900)
    column = np.array([0, 2])
    rows = (np.array([0.25, 0.75]) * 100 / 30).astype(int)
    assert picture.rgb[:, 0, 0] == pytest.approx(image[:, rows[:, None], column].mean(axis=(1, 2)), abs=0.51)


@pytest.mark.parametrize(("tile_px", "seen"), [(64, 1), (64, 99), (200, 0), (333, 2)], ids=str)
def test_a_picture_does_not_depend_on_what_was_read_for_others(
    tile_px: int, seen: int, raster: Callable[..., Path], spec: InputSpec
) -> None:
    image = np.random.default_rng(3).integers(0, 256, (3, 310, 1290), dtype=np.uint8)
    image[:, 100:200, 300:900] = 0
    with RasterSource.open(raster(image, nodata=0), spec=spec) as source:
        expected, picture = picture_of(source), picture_of(source, tile_px, seen)
    np.testing.assert_array_equal(picture.rgb, expected.rgb)
    assert (picture.rgb[:, 75:130, 215:620] == 255).all()
    assert picture.rgb[:, :60].mean() == pytest.approx(image[:, :86].mean(), abs=1)


def test_reading_for_the_picture_is_cancelled(raster: Callable[..., Path], spec: InputSpec) -> None:
    class Impatient(SilentFeedback):
        def is_cancelled(self) -> bool:
            return True

    with RasterSource.open(raster(np.zeros((3, 50, 50), dtype=np.uint8)), spec=spec) as source:
        tiles = TileGrid.plan(50, 50, tile_px=64, overlap_px=10, multiple_of=1)
        with pytest.raises(Cancelled):
            ShownSource(source, tiles).read_rest(Impatient())


def test_places_without_imagery_do_not_darken_the_picture(raster: Callable[..., Path], spec: InputSpec) -> None:
    image = np.full((3, 20, 1800), 100, dtype=np.uint8)
    image[:, :, 1::2] = 0
    with RasterSource.open(raster(image, nodata=0), spec=spec) as source:
        assert (picture_of(source).rgb == 100).all()


@pytest.mark.parametrize("bands", [1, 4], ids=["one channel", "four channels"])
def test_networks_of_other_channels_get_a_picture_too(
    bands: int, tmp_path: Path, raster: Callable[..., Path], card_with: Callable[..., object]
) -> None:
    spec = InputSpec(
        ("a", "b", "c", "d")[:bands], (0.0, 1.0), 1.0, (0.0,) * bands, (1.0,) * bands, "mean", 1.0, (0.5, 2)
    )
    image = np.stack([np.full((30, 30), 40 * (index + 1), dtype=np.uint8) for index in range(bands)])
    with RasterSource.open(raster(image), spec=spec) as source:
        write_preview(tmp_path / "preview.png", picture_of(source), NO_ROADS)
    picture = gdal.Open(str(tmp_path / "preview.png")).ReadAsArray()
    assert picture[:, 3, 3].tolist() == ([40, 40, 40] if bands == 1 else [40, 80, 120])
