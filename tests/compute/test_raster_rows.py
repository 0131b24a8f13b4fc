"""Rows kept in memory, compressed."""

from __future__ import annotations

import numpy as np
import pytest

from road_extractor_plugin.compute import raster_rows
from road_extractor_plugin.compute.raster_rows import PackedRows


@pytest.mark.parametrize("codes", [(0, 1), (0, 1, 255), (0,)], ids=["a mask", "a mask with nodata", "nothing"])
@pytest.mark.parametrize("loose_px", [0, 400, 10_000], ids=["compressed", "compressed from the middle on", "as bits"])
def test_packed_rows_come_back_from_any_place(
    codes: tuple[int, ...], loose_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From more blocks than are kept unpacked, in any order, some with nodata and some without."""
    monkeypatch.setattr(raster_rows, "_BLOCK_PX", 40)
    monkeypatch.setattr(raster_rows, "_LOOSE_PX", loose_px)
    random = np.random.default_rng(0)
    values = random.choice(np.array(codes, dtype=np.uint8), (60, 13))
    values[20:40] = 0
    packed = PackedRows(13)
    for start in range(0, 60, 7):
        packed.append(values[start : start + 7])
    for _ in range(50):
        start, stop = np.sort(random.integers(0, 61, 2)).tolist()
        np.testing.assert_array_equal(packed.read(start, stop), values[start:stop])


def test_packed_rows_can_be_handed_on() -> None:
    values = np.random.default_rng(0).choice(np.array([0, 1, 255], dtype=np.uint8), (30, 20))
    packed, copy = PackedRows(20), PackedRows(20)
    packed.append(values)
    for rows, block in packed.blocks():
        copy.append_block(rows, block)
    np.testing.assert_array_equal(copy.read(0, 30), values)
