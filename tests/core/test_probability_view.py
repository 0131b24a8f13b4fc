"""Parts of a stored probability raster for the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.contract.errors import RasterUnusableError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.core.geotiff import MASK, PROBABILITY, write_cog
from road_extractor_plugin.core.probability_view import ProbabilityView, quick_mask
from road_extractor_plugin.core.raster_grid import Bounds

VALUES = np.random.default_rng(5).integers(0, 256, (300, 400), dtype=np.uint8)
WEST, NORTH = 500_000.0, 6_000_000.0


def bounds(left: float, top: float, right: float, bottom: float) -> Bounds:
    """A rectangle by pixels of the raster, which has 1 m."""
    return Bounds(WEST + left, NORTH - bottom, WEST + right, NORTH - top)


@pytest.fixture
def store(tmp_path: Path, grid: Callable[..., Grid]) -> Callable[..., Path]:
    """Store a probability raster as a run does."""

    def make(values: np.ndarray, kind: Any = PROBABILITY) -> Path:
        place = grid(*values.shape)
        write_cog(tmp_path / "p.tif", ArrayRows(values), place, kind, SilentFeedback())
        return tmp_path / "p.tif"

    return make


def test_full_detail(store: Callable[..., Path]) -> None:
    part = ProbabilityView(store(VALUES)).read(bounds(20.2, 30.7, 119.9, 80.1), 2000)
    assert part is not None
    assert np.array_equal(part.values, VALUES[30:81, 20:120])
    assert part.geotransform == (WEST + 20, 1.0, 0.0, NORTH - 30, 0.0, -1.0)
    assert part.reduction == 1
    assert part.pixel_size_m == pytest.approx((1.0, 1.0), rel=1e-3)


def test_beyond_the_edges(store: Callable[..., Path]) -> None:
    view = ProbabilityView(store(VALUES))
    part = view.read(bounds(-50, -20, 900, 900), 2000)
    assert part is not None
    assert np.array_equal(part.values, VALUES)
    assert view.read(bounds(500, 0, 900, 100), 2000) is None


def test_larger_parts_are_averaged(store: Callable[..., Path]) -> None:
    values = np.repeat(np.repeat(np.arange(0, 240, 2, dtype=np.uint8).reshape(10, 12), 40, axis=0), 50, axis=1)
    part = ProbabilityView(store(values)).read(bounds(0, 0, 600, 400), 60)
    assert part is not None
    assert part.values.shape == (40, 60)
    assert part.reduction == pytest.approx(10)
    assert part.pixel_size_m == pytest.approx((10, 10), rel=1e-3)
    assert np.abs(part.values[2::4, 2::5].astype(int) - values[20::40, 25::50]).max() <= 1


def test_the_mask_at_once(store: Callable[..., Path]) -> None:
    part = ProbabilityView(store(VALUES)).read(bounds(0, 0, 400, 300), 2000)
    assert part is not None
    assert np.array_equal(quick_mask(part, 0.5), (VALUES >= 127) & (VALUES != 255))


def test_other_rasters_are_refused(store: Callable[..., Path]) -> None:
    with pytest.raises(RasterUnusableError, match=r"_probability\.tif"):
        ProbabilityView(store(VALUES % 2, MASK))
