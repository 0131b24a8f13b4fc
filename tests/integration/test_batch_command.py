"""As a user with a folder of rasters I get the roads of all that can be read, a table, and one network."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest
from osgeo import gdal, ogr

Batch = Callable[..., Any]
UTM = (500_000.0, 1.0, 0.0, 5_000_000.0, 0.0, -1.0)


@pytest.fixture(scope="module")
def town() -> npt.NDArray[np.uint8]:
    """Three streets from west to east and two from north to south, 9 px wide."""
    image = np.full((3, 400, 600), 30, dtype=np.uint8)
    for row in (80, 200, 320):
        image[:, row : row + 9, :] = 235
    for column in (150, 430):
        image[:, :, column : column + 9] = 235
    return image


@pytest.fixture
def folder(tmp_path: Path, raster: Callable[..., Path], town: npt.NDArray[np.uint8]) -> Path:
    """Two halves that overlap by a third, the second in a folder below."""
    place = tmp_path / "in"
    (place / "below").mkdir(parents=True)
    raster(place / "west.tif", town[:, :, :400])
    east = (UTM[0] + 200, *UTM[1:])
    raster(place / "below" / "east.tif", town[:, :, 200:], geotransform=east)
    return place


@pytest.fixture
def batch(tmp_path: Path, command: Any, tiny_model: Path) -> Batch:
    """Call `batch` with the small model, results in tmp_path/out."""

    def run(*arguments: object) -> Any:
        return command("batch", *arguments, "-o", tmp_path / "out", "--model", tiny_model)

    return run


def table(tmp_path: Path) -> dict[str, dict[str, str]]:
    with (tmp_path / "out" / "batch_report.csv").open(encoding="utf-8") as file:
        return {row["raster"]: row for row in csv.DictReader(file)}


def length_m(path: Path) -> float:
    dataset = ogr.Open(str(path))
    return sum(feature["length_m"] for feature in dataset.GetLayerByName("centerlines"))


def test_the_tree_of_folders_is_kept(tmp_path: Path, folder: Path, batch: Batch) -> None:
    run = batch(folder)
    assert run.status == 0, run.err
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.gpkg")}
    assert made == {"west_roads.gpkg", "below/east_roads.gpkg", "merged_roads.gpkg"}
    assert {name: row["status"] for name, row in table(tmp_path).items()} == {
        "west.tif": "done",
        "below/east.tif": "done",
    }


def test_what_is_wrong_with_one_is_said_in_its_row(
    tmp_path: Path, folder: Path, raster: Callable[..., Path], town: npt.NDArray[np.uint8], batch: Batch
) -> None:
    (folder / "broken.tif").write_text("no raster")
    raster(folder / "nowhere.tif", town, epsg=None, geotransform=None)
    raster(folder / "empty.tif", np.zeros_like(town), nodata=0)
    run = batch(folder)
    rows = table(tmp_path)
    assert run.status == 2
    assert "3 of 5 rasters failed" in run.err
    assert {name for name, row in rows.items() if row["status"] == "failed"} == {
        "broken.tif",
        "nowhere.tif",
        "empty.tif",
    }
    assert "not recognized" in rows["broken.tif"]["message"] or "no raster format" in rows["broken.tif"]["message"]
    assert "no coordinate reference system" in rows["nowhere.tif"]["message"]
    assert "all pixels are nodata" in rows["empty.tif"]["message"]
    assert float(rows["west.tif"]["length_km"]) > 1


def test_overlapping_rasters_give_the_network_of_the_whole(
    tmp_path: Path,
    folder: Path,
    raster: Callable[..., Path],
    town: npt.NDArray[np.uint8],
    batch: Batch,
    command: Any,
    tiny_model: Path,
) -> None:
    batch(folder)
    whole = raster(tmp_path / "whole.tif", town)
    assert command("extract", whole, "-o", tmp_path / "one", "--model", tiny_model).status == 0
    expected = length_m(tmp_path / "one" / "whole_roads.gpkg")
    assert length_m(tmp_path / "out" / "merged_roads.gpkg") == pytest.approx(expected, rel=0.01)
    separate = length_m(tmp_path / "out" / "west_roads.gpkg") + length_m(tmp_path / "out" / "below" / "east_roads.gpkg")
    assert separate > 1.2 * expected


def test_going_on_gives_the_same_as_in_one_go(tmp_path: Path, folder: Path, batch: Batch) -> None:
    batch(folder)
    at_once = length_m(tmp_path / "out" / "merged_roads.gpkg")
    (tmp_path / "out" / "merged_roads.gpkg").unlink()
    for path in (tmp_path / "out").glob("west_*"):
        path.unlink()
    kept = (tmp_path / "out" / "below" / "east_roads.gpkg").stat().st_mtime_ns
    assert batch(folder, "--skip-existing").status == 0
    assert {name: row["status"] for name, row in table(tmp_path).items()} == {
        "west.tif": "done",
        "below/east.tif": "skipped",
    }
    assert (tmp_path / "out" / "below" / "east_roads.gpkg").stat().st_mtime_ns == kept
    assert length_m(tmp_path / "out" / "merged_roads.gpkg") == at_once


def test_results_among_the_rasters_are_no_rasters(tmp_path: Path, folder: Path, command: Any, tiny_model: Path) -> None:
    arguments = ("batch", folder, "-o", folder, "--model", tiny_model, "--overwrite")
    assert command(*arguments).status == 0
    assert command(*arguments).status == 0
    with (folder / "batch_report.csv").open(encoding="utf-8") as file:
        assert [row["raster"] for row in csv.DictReader(file)] == ["below/east.tif", "west.tif"]


def test_equal_names_in_one_folder(tmp_path: Path, folder: Path, batch: Batch) -> None:
    shutil.copy(folder / "west.tif", folder / "west.tiff")
    run = batch(folder)
    assert run.status == 2
    assert "same names as those of 'west.tif'" in table(tmp_path)["west.tiff"]["message"]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--not-recursive",), {"west.tif"}),
        (("--pattern", "EAST*"), {"below/east.tif"}),
        (("--pattern", "w*.tif", "--pattern", "e*.tif"), {"west.tif", "below/east.tif"}),
    ],
    ids=["this folder only", "a pattern, in any case", "two patterns"],
)
def test_which_rasters_are_taken(
    tmp_path: Path, folder: Path, batch: Batch, arguments: tuple[str, ...], found: set[str]
) -> None:
    assert batch(folder, "--no-merge", *arguments).status == 0
    assert set(table(tmp_path)) == found
    assert not (tmp_path / "out" / "merged_roads.gpkg").exists()


def test_a_folder_without_rasters(tmp_path: Path, batch: Batch) -> None:
    run = batch(tmp_path, "--pattern", "*.jp2")
    assert run.status == 2
    assert "no file is named *.jp2" in run.err


def test_rasters_in_two_zones_make_one_network(
    tmp_path: Path, raster: Callable[..., Path], town: npt.NDArray[np.uint8], batch: Batch
) -> None:
    """The eastern half is given in the neighbouring UTM zone; streets go on across the seam, and nothing is doubled."""
    folder = tmp_path / "in"
    folder.mkdir()
    here = (700_000.0, 1.0, 0.0, 5_000_000.0, 0.0, -1.0)
    raster(folder / "a.tif", town[:, :, :350], geotransform=here)
    other = raster(tmp_path / "other.tif", town[:, :, 250:], geotransform=(here[0] + 250, *here[1:]))
    gdal.Warp(str(folder / "b.tif"), str(other), dstSRS="EPSG:32633", dstNodata=0, resampleAlg="bilinear")
    assert batch(folder).status == 0
    dataset = ogr.Open(str(tmp_path / "out" / "merged_roads.gpkg"))
    layer = dataset.GetLayerByName("centerlines")
    assert layer.GetSpatialRef().GetAuthorityCode(None) == "32632"
    assert {feature["component_id"] for feature in layer} == {1}
    assert sum(feature["length_m"] for feature in layer) == pytest.approx(3 * 600 + 2 * 400, rel=0.03)


def test_distant_rasters_keep_their_numbers_apart(
    tmp_path: Path, raster: Callable[..., Path], town: npt.NDArray[np.uint8], batch: Batch, features: Any
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    raster(folder / "a.tif", town)
    raster(folder / "b.tif", town, geotransform=(UTM[0] + 50_000, *UTM[1:]))
    assert batch(folder).status == 0
    merged = tmp_path / "out" / "merged_roads.gpkg"
    roads, nodes = features(merged), {node["node_id"]: node for node in features(merged, "nodes")}
    assert len({road["road_id"] for road in roads}) == len(roads)
    assert {road["component_id"] for road in roads} == {1, 2}
    for road in roads:
        for end, point in ((road["from_node"], road.points[0]), (road["to_node"], road.points[-1])):
            assert np.allclose(nodes[end].points[0], point, atol=1e-6)


def test_twelve_rasters_of_all_kinds(
    tmp_path: Path, raster: Callable[..., Path], town: npt.NDArray[np.uint8], batch: Batch
) -> None:
    """Nine that can be read and three that cannot; each has its own place on the ground."""
    folder, small = tmp_path / "in", town[:, :200, :200]
    folder.mkdir()
    degree = 1 / 111_320
    grey, alpha = small[:1], np.concatenate([small, np.full_like(small[:1], 255)])
    angle = np.radians(20)
    turned = (500_000.0, np.cos(angle), np.sin(angle), 5_090_000.0, np.sin(angle), -np.cos(angle))

    def place(number: int) -> tuple[float, ...]:
        return (UTM[0], 1.0, 0.0, UTM[3] + 10_000 * number, 0.0, -1.0)

    raster(folder / "01_plain.tif", small, geotransform=place(1))
    raster(folder / "02_grey.tif", grey, geotransform=place(2))
    raster(folder / "03_alpha.tif", alpha, geotransform=place(3))
    raster(folder / "04_16_bit.tif", small.astype(np.uint16) * 200, geotransform=place(4), gdal_type=gdal.GDT_UInt16)
    with_nan = small.astype(np.float32)
    with_nan[:, :20, :20] = np.nan
    raster(folder / "05_float.tif", with_nan, geotransform=place(5), gdal_type=gdal.GDT_Float32)
    raster(folder / "06_degrees.tif", small, epsg=4326, geotransform=(9, degree, 0, 0.5, 0, -degree))
    raster(folder / "07_mercator.tif", small, epsg=3857, geotransform=(1e6, 1.2, 0, 5e6, 0, -1.2))
    raster(folder / "08_turned.tif", small, geotransform=turned)
    raster(folder / "09_half_nodata.tif", np.where(np.arange(200) < 100, small, 0), geotransform=place(9), nodata=0)
    (folder / "10_broken.tif").write_bytes((folder / "01_plain.tif").read_bytes()[:300])
    raster(folder / "11_nowhere.tif", small, epsg=None, geotransform=None)
    raster(folder / "12_empty.tif", np.zeros_like(small), geotransform=place(12), nodata=0)
    assert batch(folder).status == 2
    rows = table(tmp_path)
    assert [name for name, row in rows.items() if row["status"] == "failed"] == [
        "10_broken.tif",
        "11_nowhere.tif",
        "12_empty.tif",
    ]
    assert all(float(row["length_km"]) > 0.09 for row in rows.values() if row["status"] == "done")
    assert (tmp_path / "out" / "merged_roads.gpkg").exists()
