"""40,000 x 40,000 pixels, mostly nodata: on two workers the files of one process, in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr

from tests.run_results import results

distributed = pytest.importorskip("distributed")

SIDE_PX = 40_000
TILE_PX = 1024
TOWNS = [
    (0, 0),
    (6_000, 30_000),
    (19_000, 9_000),
    (19_500, 20_000),
    (24_300, 33_000),
    (31_000, 1_000),
    (37_900, 37_900),
]
"""Row and column; those about the middle lie across the border of the two regions."""
TOWN_PX = 2_100


def draw(path: Path) -> None:
    """Towns with crooked streets, and a country road through all of the raster from north to south."""
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), SIDE_PX, SIDE_PX, 3, options=["SPARSE_OK=TRUE", "TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=YES"]
    )
    dataset.SetGeoTransform((500_000, 1, 0, 5_000_000, 0, -1))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32632)
    dataset.SetProjection(reference.ExportToWkt())
    for band in range(1, 4):
        dataset.GetRasterBand(band).SetNoDataValue(0)
    random = np.random.default_rng(9)
    for row, column in TOWNS:
        image = random.integers(20, 60, (3, TOWN_PX, TOWN_PX), dtype=np.uint8)
        for start in random.integers(0, TOWN_PX, 14):
            along = np.arange(TOWN_PX)
            across = (start + 40 * np.sin(along / 150 + start)).astype(int)[:, None] + np.arange(8)
            inside = (across >= 0) & (across < TOWN_PX)
            image[:, np.repeat(along, inside.sum(axis=1)), across[inside]] = 235
            image[:, across[inside], np.repeat(along, inside.sum(axis=1))] = 235
        dataset.WriteArray(image[:, : SIDE_PX - row, : SIDE_PX - column], column, row)
    road = np.full((3, 1_000, 60), 40, np.uint8)
    road[:, :, 26:34] = 235
    for row in range(0, SIDE_PX, 1_000):
        dataset.WriteArray(road, 25_000, row)


def batch(folder: Path, model: Path, name: str, *more: str) -> dict[str, float]:
    """Run the command; what it took in s and the most memory of one of its processes in MB."""
    command = [sys.executable, "-m", "road_extractor_plugin", "batch", str(folder / "in"), "-o", str(folder / name)]
    command += ["--model", str(model), "--tile", str(TILE_PX), "--device", "cpu", "--no-merge", "--quiet", *more]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_workers_make_what_one_process_makes(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "in").mkdir()
    draw(tmp_path / "in" / "huge.tif")
    one = batch(tmp_path, tiny_model, "one")
    two = batch(tmp_path, tiny_model, "two", "--workers", "2")
    reports = [json.loads((tmp_path / name / "huge_report.json").read_text()) for name in ("one", "two")]
    print("one process", one, "two workers", two, "regions", reports[1]["regions"], "roads", reports[0]["roads"])
    assert [report["regions"] for report in reports] == [1, 2]
    assert reports[0]["roads"] == reports[1]["roads"]
    assert reports[0]["roads"]["length_km"] > 100
    assert results(tmp_path / "two") == results(tmp_path / "one")
    assert max(one["peak_mb"], two["peak_mb"]) < 1_500
