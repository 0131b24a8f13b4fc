"""A raster computed region by region is the raster computed at once, bit for bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.contract.errors import Cancelled, ComputeError, OutputExistsError, RasterUnusableError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import AxisTiles, TileGrid
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import ExtractRequest, Views
from road_extractor_plugin.core.pipeline import extract
from road_extractor_plugin.core.regions import FinishedRegion, compute_region, share_out, tiles_to_share
from tests.core.conftest import write_raster
from tests.run_results import results

SILENT = SilentFeedback()


class AtOnce(SilentFeedback):
    """Cancels at the first chance."""

    def is_cancelled(self) -> bool:
        return True


def with_holes(seed: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Bright streets on noise, and rectangles of nodata (0)."""
    random = np.random.default_rng(seed)
    image = random.integers(1, 90, (3, height, width), dtype=np.uint8)
    image[:, :, width // 3 : width // 3 + 7] = 235
    image[:, height // 2 : height // 2 + 7, :] = 235
    for _ in range(random.integers(0, 4)):
        row, column = random.integers(1, height), random.integers(1, width)
        image[:, row : row + random.integers(1, 200), column : column + random.integers(1, 200)] = 0
    return image


def in_regions(
    request: ExtractRequest, compute: LocalCompute, folder: Path, most_tiles: int = 1, workers: int = 1
) -> list[FinishedRegion]:
    """Computed from the last to the first; none where the raster is not worth it."""
    tiles = tiles_to_share(request, compute, most_tiles)
    if tiles is None:
        return []
    folder.mkdir()
    shares = share_out(tiles, most_tiles, workers)
    return [compute_region(request, compute, rows, folder, SILENT) for rows in reversed(shares)][::-1]


@pytest.fixture
def request_(tmp_path: Path, tiny_model: Path) -> ExtractRequest:
    """A raster of 10 rows of tiles."""
    path = write_raster(tmp_path / "scene.tif", with_holes(3, 400, 100), nodata=0)
    return ExtractRequest(raster=path, output_folder=tmp_path / "out", model=tiny_model, device="cpu", tile_px=64)


@pytest.fixture
def compute(tiny_model: Path, card: ModelCard) -> LocalCompute:
    return LocalCompute(tiny_model, card, device="cpu")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(40, 600),
    width=st.integers(33, 150),
    margin_px=st.sampled_from([0, 3, 8, 20]),
    tile_px=st.sampled_from([64, 96, 128]),
    most_tiles=st.integers(1, 12),
    workers=st.integers(1, 5),
    seed=st.integers(0, 999),
)
def test_joined_is_whole(
    tmp_path_factory: pytest.TempPathFactory, network_file: Any, card: ModelCard, **drawn: Any
) -> None:
    """Files byte by byte; a margin of 20 px makes tiles of 64 px overlap by more than half."""
    folder = tmp_path_factory.mktemp("drawn")
    raster = write_raster(folder / "scene.tif", with_holes(drawn["seed"], drawn["height"], drawn["width"]), nodata=0)
    card = dataclasses.replace(card, tiling=dataclasses.replace(card.tiling, margin_px=drawn["margin_px"]))
    model = network_file(folder / "net.onnx", card)
    compute = LocalCompute(model, card, device="cpu")
    whole = ExtractRequest(raster, folder / "whole", model, device="cpu", tile_px=drawn["tile_px"])
    joined = dataclasses.replace(whole, output_folder=folder / "joined")
    regions = in_regions(joined, compute, folder / "regions", drawn["most_tiles"], drawn["workers"])
    at_once = extract(whole, compute, SILENT).report
    report = extract(joined, compute, SILENT, regions=regions).report
    assert results(folder / "joined") == results(folder / "whole")
    assert report.tiles_skipped == at_once.tiles_skipped
    assert report.valid_fraction == at_once.valid_fraction
    assert report.regions == max(len(regions), 1)
    assert report.seconds["total"] > sum(region.seconds["total"] for region in regions)


@pytest.mark.parametrize("views", [Views("flips")], ids=["mirrored"])
@pytest.mark.parametrize("pixel_m", [0.4, 1.7], ids=["finer", "coarser"])
def test_warped_and_seen_in_several_ways(
    request_: ExtractRequest, compute: LocalCompute, tmp_path: Path, views: Views, pixel_m: float
) -> None:
    image = with_holes(5, 500, 300).astype(np.uint16) * 9
    path = write_raster(tmp_path / "fine.tif", image, geotransform=(5e5, pixel_m, 0, 5e6, 0, -pixel_m), nodata=0)
    whole = dataclasses.replace(request_, raster=path, views=views)
    joined = dataclasses.replace(whole, output_folder=tmp_path / "joined")
    regions = in_regions(joined, compute, tmp_path / "regions", workers=2)
    assert len(regions) > 1
    extract(whole, compute, SILENT)
    extract(joined, compute, SILENT, regions=regions)
    assert results(tmp_path / "joined") == results(tmp_path / "out")


def test_a_raster_that_changed_meanwhile(request_: ExtractRequest, compute: LocalCompute, tmp_path: Path) -> None:
    regions = in_regions(request_, compute, tmp_path / "regions")
    write_raster(request_.raster, with_holes(3, 410, 100), nodata=0)
    with pytest.raises(RasterUnusableError, match="410 rows of 100 pixels now, its regions have 400 of 100"):
        extract(request_, compute, SILENT, regions=regions)
    assert not request_.output_folder.exists()


def test_a_cancelled_region_leaves_nothing(request_: ExtractRequest, compute: LocalCompute, tmp_path: Path) -> None:
    (tmp_path / "regions").mkdir()
    with pytest.raises(Cancelled):
        compute_region(request_, compute, range(2, 4), tmp_path / "regions", AtOnce())
    assert not list((tmp_path / "regions").iterdir())


class Breaking(LocalCompute):
    """Counts tiles, which it gets one by one; its device is lost at one of them."""

    def __init__(self, path: Path, card: ModelCard, lost_at: int = 10**9) -> None:
        super().__init__(path, card, device="cpu", threads=1)
        self.tiles = 0
        self._lost_at = lost_at

    def predict(self, tiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        self.tiles += 1
        if self.tiles > self._lost_at:
            raise ComputeError("The device is lost", "Try again")
        return super().predict(tiles)


def test_a_region_goes_on_and_a_finished_one_is_taken_over(
    request_: ExtractRequest, tiny_model: Path, card: ModelCard, tmp_path: Path
) -> None:
    folder, rows = tmp_path / "regions", range(5, 10)
    folder.mkdir()
    columns = 3
    with pytest.raises(ComputeError):
        compute_region(request_, Breaking(tiny_model, card, 3 * columns + 1), rows, folder, SILENT)
    compute = Breaking(tiny_model, card)
    region = compute_region(request_, compute, rows, folder, SILENT)
    assert compute.tiles == (1 + 3) * columns  # two rows of five were finished, and the second is computed again
    assert region.coverage.tiles_run == 5 * columns
    stored = {path.name: path.read_bytes() for path in region.path.parent.iterdir()}
    compute = Breaking(tiny_model, card)
    again = compute_region(request_, compute, rows, folder, SILENT)
    assert compute.tiles == 0
    assert (again.path, again.coverage.tiles_run) == (region.path, region.coverage.tiles_run)
    assert {path.name: path.read_bytes() for path in region.path.parent.iterdir()} == stored
    write_raster(request_.raster, with_holes(4, 400, 100))
    compute = Breaking(tiny_model, card)
    compute_region(request_, compute, rows, folder, SILENT)
    assert compute.tiles == (1 + 5) * columns
    assert [path.name for path in folder.iterdir()] == ["rows_5_10"]


def test_results_in_the_way(request_: ExtractRequest, compute: LocalCompute) -> None:
    extract(request_, compute, SILENT)
    with pytest.raises(OutputExistsError):
        tiles_to_share(request_, compute, 1)
    assert tiles_to_share(dataclasses.replace(request_, overwrite=True), compute, 1)
    assert tiles_to_share(request_, compute, 10_000) is None


@pytest.mark.parametrize(
    ("rows", "most_tiles", "workers", "lengths"),
    [
        pytest.param(100, 2000, 1, [20] * 5, id="so many tiles each"),
        pytest.param(100, 2000, 2, [16, 17, 17, 16, 17, 17], id="a multiple of the workers"),
        pytest.param(100, 2000, 200, [2] * 50, id="not less than two rows"),
        pytest.param(3, 1, 4, [3], id="too few rows"),
        pytest.param(100, 10_000, 1, [100], id="few tiles"),
    ],
)
def test_shares(rows: int, most_tiles: int, workers: int, lengths: list[int]) -> None:
    tiles = TileGrid(AxisTiles(rows * 10, 10, 0), AxisTiles(1000, 10, 0))
    shares = share_out(tiles, most_tiles, workers)
    assert [len(share) for share in shares] == lengths
    assert [row for share in shares for row in share] == list(range(rows))
