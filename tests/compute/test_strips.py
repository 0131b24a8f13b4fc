"""What is traced in strips is exactly what is traced at once."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import skeletonize

from road_extractor_plugin.compute import raster_rows
from road_extractor_plugin.compute.network import Network
from road_extractor_plugin.compute.raster_rows import ArrayRows, KeptRows, PackedRows, Strips, framed, values_at
from road_extractor_plugin.compute.regions import Regions
from road_extractor_plugin.compute.skeleton import Thinning, thin, without_steps
from road_extractor_plugin.compute.skeleton_network import skeleton_network
from road_extractor_plugin.compute.traced import Traced
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.compute.width import FIRST_HALO_PX, local_widths
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.trace_settings import TraceSettings

SETTINGS = TraceSettings(thresholds=Thresholds(high=0.5, low=0.3))
EXAMPLE = Path(__file__).parents[2] / "examples" / "csk_01_reference.tif"

strip_rows = st.one_of(st.integers(1, 6), st.integers(7, 90))


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Blobs from dust to lakes, crossed by straight roads and rings, with some nodata: 0, 1 and 255."""
    shape = draw(st.integers(1, 90)), draw(st.integers(1, 70))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    smooth = ndimage.gaussian_filter(random.standard_normal(shape), draw(st.floats(0.0, 4.0)))
    mask = smooth > np.quantile(smooth, draw(st.floats(0.05, 1.0)))
    y, x = np.mgrid[: shape[0], : shape[1]]
    for _ in range(draw(st.integers(0, 5))):
        normal, width = random.standard_normal(2), random.uniform(0.5, 5)
        offset_y, offset_x = y - random.uniform(0, shape[0]), x - random.uniform(0, shape[1])
        mask |= np.abs(offset_x * normal[0] + offset_y * normal[1]) / np.hypot(*normal) < width
        mask |= np.abs(np.hypot(offset_y, offset_x) - random.uniform(2, 40)) < width / 2
    codes = mask.astype(np.uint8)
    if draw(st.booleans()):
        codes[random.integers(0, shape[0]) :, random.integers(0, shape[1]) :] = 255
    return codes


def assert_same_network(one: Network, other: Network) -> None:
    assert np.array_equal(one.vertices.xy, other.vertices.xy)
    for name in ("radius_px", "width_px", "at_data_edge"):
        assert np.array_equal(getattr(one.vertices.around, name), getattr(other.vertices.around, name)), name
    assert [path.tolist() for path in one.paths] == [path.tolist() for path in other.paths]
    assert np.array_equal(one.length_px, other.length_px)
    assert np.array_equal(one.width_px, other.width_px)


def assert_same(one: Traced, other: Traced) -> None:
    height = one.mask.shape[0]
    assert np.array_equal(one.mask.read(0, height), other.mask.read(0, height))
    assert np.array_equal(one.graph.nodes, other.graph.nodes)
    plain = [[{**vars(edge), "points": edge.points.tolist()} for edge in each.graph.edges] for each in (one, other)]
    assert plain[0] == plain[1]


@given(masks(), strip_rows)
@settings(max_examples=300, deadline=None)
def test_the_network_does_not_depend_on_the_strips(codes: np.ndarray, rows: int) -> None:
    mask = ArrayRows(codes)
    assert_same_network(skeleton_network(mask), skeleton_network(mask, Strips(len(codes), rows)))


@given(masks(), strip_rows, st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_graph_and_mask_do_not_depend_on_the_strips(codes: np.ndarray, rows: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 120, codes.shape, dtype=np.uint8)
    probability = ArrayRows(np.where(codes == 255, np.uint8(255), 100 * codes + noise))
    whole, strips = (trace(probability, SETTINGS, (0.5, 0.5), strip_rows=count) for count in (None, rows))
    assert_same(whole, strips)


@given(masks(), strip_rows, st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_thinning_in_short_rounds_is_that_of_the_whole(codes: np.ndarray, rows: int, round_turns: int) -> None:
    """Rounds of a few turns, so that roads and blobs are far wider than the rows that a strip sees of the next."""
    mask = codes == 1
    thinning = Thinning(ArrayRows(codes), Strips(len(codes), rows), round_turns)
    skeleton, differs = thinning.finished()
    assert np.array_equal(skeleton.read(0, len(codes)) == 1, thin(mask))
    first, last = (raster.read(0, len(codes)) for raster in (thinning.first_round, skeleton))
    assert np.array_equal(first[~differs], last[~differs])


@given(masks())
@settings(max_examples=200, deadline=None)
def test_thinning_is_that_of_scikit_image(codes: np.ndarray) -> None:
    prepared = without_steps(np.pad(codes == 1, 1))
    expected = skeletonize(prepared) if prepared.any() else prepared
    assert np.array_equal(thin(codes == 1), expected)


@given(masks(), strip_rows, st.booleans())
@settings(max_examples=200, deadline=None)
def test_regions_are_those_of_scikit_image(codes: np.ndarray, rows: int, over_corners: bool) -> None:
    mask = codes == 1
    on_third = (np.arange(len(mask)) % 3 == 0)[:, None] & mask
    regions, parts = Regions(lambda pixels, marked: (pixels > 5) & marked, over_corners=over_corners), []
    for start, stop in Strips(len(mask), rows):
        parts += regions.add(mask[start:stop], on_third[start:stop])
    parts += regions.rest()
    labels = label(mask, connectivity=2 if over_corners else 1)
    size = np.bincount(labels.ravel())
    marked = np.isin(np.arange(size.size), labels[on_third])
    assert np.array_equal(np.concatenate(parts), mask & ((size > 5) & marked)[labels])


@pytest.mark.parametrize("radius", [10, FIRST_HALO_PX // 3, FIRST_HALO_PX, 3 * FIRST_HALO_PX])
def test_a_blob_wider_than_the_strips_and_their_halo(radius: int) -> None:
    side = 2 * radius + 40
    y, x = np.mgrid[:side, :side]
    codes = (np.hypot(y - side / 2, x - side / 2 + 7) < radius).astype(np.uint8)
    codes[side // 2 - 3 : side // 2 + 3] = 1
    mask = ArrayRows(codes)
    assert_same_network(skeleton_network(mask), skeleton_network(mask, Strips(side, 9)))


@pytest.mark.parametrize("rows", [1, 2, 100, 333])
def test_the_example(rows: int) -> None:
    """A real mask, with rows of strips that fall on junctions, along roads and between them."""
    from osgeo import gdal

    mask = gdal.Open(str(EXAMPLE)).ReadAsArray()[400:800, 300:900]
    probability = ArrayRows(np.where(mask > 0, np.uint8(254), np.uint8(0)))
    assert_same(*(trace(probability, SETTINGS, (1.0, 1.0), strip_rows=count) for count in (None, rows)))


def test_all_road_in_strips() -> None:
    mask = ArrayRows(np.ones((60, 45), dtype=np.uint8))
    assert_same_network(skeleton_network(mask), skeleton_network(mask, Strips(60, 7)))


@given(masks(), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_widths_do_not_depend_on_what_is_read(codes: np.ndarray, step: int) -> None:
    pixels = np.argwhere(codes == 1)
    whole, middles = local_widths(ArrayRows(codes), pixels)
    some, some_middles = local_widths(ArrayRows(codes), pixels[::step])
    assert np.array_equal(middles[::step], some_middles)
    for name in ("radius_px", "width_px", "at_data_edge"):
        assert np.array_equal(getattr(whole, name)[::step], getattr(some, name))


@given(masks(), strip_rows, st.data())
def test_packed_rows_give_what_was_put_in(codes: np.ndarray, rows: int, data: st.DataObject) -> None:
    packed = PackedRows(codes.shape[1])
    for start, stop in Strips(len(codes), rows):
        packed.append(codes[start:stop])
    assert packed.shape == codes.shape
    start = data.draw(st.integers(0, len(codes)))
    stop = data.draw(st.integers(start, len(codes)))
    assert np.array_equal(packed.read(start, stop), codes[start:stop])


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 49), st.integers(0, 20)), max_size=8))
def test_kept_rows_are_those_of_the_raster(height: int, windows: list[tuple[int, int]]) -> None:
    raster = ArrayRows(np.arange(height * 4, dtype=np.uint8).reshape(height, 4))
    with mock.patch.object(raster_rows, "_MIN_KEPT_ROWS", 8), mock.patch.object(raster_rows, "_KEPT_PX", 32):
        kept = KeptRows(raster)
        for start, rows in windows:
            first, last = min(start, height), min(start + rows, height)
            assert np.array_equal(kept.read(first, last), raster.read(first, last))


def test_windows_near_each_other_are_read_together() -> None:
    raster = mock.Mock(shape=(100_000, 40_000))
    raster.read.side_effect = lambda start, stop: np.zeros((stop - start, 1), dtype=np.uint8)
    kept = KeptRows(raster)
    for start in range(5_000, 5_200, 10):
        assert len(kept.read(start, start + 60)) == 60
    read = [call.args for call in raster.read.call_args_list]
    assert len(read) <= 3
    assert sum(last - first for first, last in read) <= 1000


def test_a_frame_of_nodata() -> None:
    window = framed(ArrayRows(np.array([[1, 2], [3, 4]], dtype=np.uint8)), -1, 1)
    assert window.tolist() == [[255, 255, 255, 255], [255, 1, 2, 255]]


def test_values_at_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIP_PX", "MIN_STRIP_ROWS"):
        monkeypatch.setattr(f"road_extractor_plugin.compute.raster_rows.{name}", 3)
    values = np.random.default_rng(0).integers(0, 255, (90, 30), dtype=np.uint8)
    rows, columns = np.random.default_rng(1).integers(0, 30, (2, 500))
    assert np.array_equal(values_at(ArrayRows(values), 3 * rows, columns), values[3 * rows, columns])
