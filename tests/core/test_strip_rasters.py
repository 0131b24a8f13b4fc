"""Rasters that are written and read strip by strip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.contract.errors import Cancelled, RasterUnreadableError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import Grid
from road_extractor_plugin.core.geotiff import MASK, RasterReader, write_strips

VALUES = np.random.default_rng(0).integers(0, 256, (1300, 70), dtype=np.uint8)
GRID = Grid(70, 1300, (0, 1, 0, 0, 0, -1), "", (1.0, 1.0))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A raster of three rows of blocks."""
    write_strips(tmp_path / "rows.tif", ArrayRows(VALUES), GRID, MASK, SilentFeedback())
    return tmp_path / "rows.tif"


@pytest.mark.parametrize(("start", "stop"), [(0, 1300), (0, 1), (500, 520), (1299, 1300), (7, 7)])
def test_rows_come_back(written: Path, start: int, stop: int) -> None:
    reader = RasterReader(written)
    assert reader.shape == VALUES.shape
    assert np.array_equal(reader.read(start, stop), VALUES[start:stop])


def test_a_raster_that_breaks_off(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:60_000])
    with pytest.raises(RasterUnreadableError, match=r"rows\.tif"):
        RasterReader(written).read(0, 1300)


def test_writing_can_be_cancelled(tmp_path: Path) -> None:
    class Impatient(SilentFeedback):
        def is_cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        write_strips(tmp_path / "rows.tif", ArrayRows(VALUES), GRID, MASK, Impatient())
