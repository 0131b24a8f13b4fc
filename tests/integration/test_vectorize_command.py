"""As a user I make the lines anew from a probability raster, with other settings and without the network."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, ogr

from road_extractor_plugin.contract.trace_settings import PRESETS, TraceSettings

LAYERS = ("centerlines", "nodes", "polygons")


@pytest.fixture
def crossroads(tmp_path: Path, raster: Callable[..., Path]) -> Path:
    """Two roads that cross, in 1 m pixels."""
    image = np.full((3, 256, 320), 30, dtype=np.uint8)
    image[:, 100:109, :] = 235
    image[:, :, 150:159] = 235
    image[:, 200:, 250:] = 0
    return raster(tmp_path / "town.tif", image, nodata=0)


@pytest.fixture
def extracted(tmp_path: Path, crossroads: Path, command: Any, tiny_model: Path) -> Path:
    """A folder with the results of `extract`."""
    run = command("extract", crossroads, "-o", tmp_path / "first", "--model", tiny_model)
    assert run.status == 0, run.err
    return tmp_path / "first"


@pytest.fixture
def vectorize(tmp_path: Path, command: Any, tiny_model: Path) -> Callable[..., Any]:
    """Call `vectorize` with the small model's thresholds, results in tmp_path/out."""

    def run(*arguments: object) -> Any:
        return command("vectorize", *arguments, "-o", tmp_path / "out", "--model", tiny_model, "--json")

    return run


@pytest.fixture
def mask(tmp_path: Path, raster: Callable[..., Path]) -> Callable[..., Path]:
    """Write a mask with a road from west to east, 9 m wide: (name, value of road, value of the rest)."""

    def write(name: str, road: int = 1, other: int = 0, **options: Any) -> Path:
        values = np.full((1, 200, 300), other, dtype=np.uint8)
        values[:, 90:99] = road
        return raster(tmp_path / name, values, **options)

    return write


def rows_of(path: Path, layer: str) -> list[tuple[Any, ...]]:
    dataset = ogr.Open(str(path))
    return [
        (feature.GetGeometryRef().ExportToWkt(), *feature.items().values()) for feature in dataset.GetLayerByName(layer)
    ]


def values(path: Path) -> np.ndarray:
    return np.asarray(gdal.Open(str(path)).ReadAsArray())


def test_the_same_settings_give_the_same_results(tmp_path: Path, extracted: Path, vectorize: Any) -> None:
    run = vectorize(extracted / "town_probability.tif")
    assert run.status == 0, run.err
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"town_mask.tif", "town_roads.gpkg", "town_report.json"}
    assert json.loads((out / "town_report.json").read_text()) == run.report
    assert (out / "town_mask.tif").read_bytes() == (extracted / "town_mask.tif").read_bytes()
    for layer in LAYERS:
        assert rows_of(out / "town_roads.gpkg", layer) == rows_of(extracted / "town_roads.gpkg", layer)
    before = json.loads((extracted / "town_report.json").read_text())
    for name in ("roads", "valid_fraction", "area_km2", "grid_ground_resolution_m", "width_px", "height_px"):
        assert run.report[name] == pytest.approx(before[name])
    assert run.report["request"]["trace"] == before["request"]["trace"]


def test_another_threshold_is_that_of_extract(
    tmp_path: Path, crossroads: Path, extracted: Path, command: Any, vectorize: Any, tiny_model: Path
) -> None:
    assert vectorize(extracted / "town_probability.tif", "--threshold", "0.9", "--min-spur", "3").status == 0
    other = tmp_path / "other"
    command("extract", crossroads, "-o", other, "--model", tiny_model, "--threshold", "0.9", "--min-spur", "3")
    expected = values(other / "town_mask.tif")
    assert np.array_equal(values(tmp_path / "out" / "town_mask.tif"), expected)
    assert (expected == 1).sum() < (values(extracted / "town_mask.tif") == 1).sum()
    for layer in LAYERS:
        assert rows_of(tmp_path / "out" / "town_roads.gpkg", layer) == rows_of(other / "town_roads.gpkg", layer)


def test_the_report_tells_the_preset_and_every_setting(extracted: Path, vectorize: Any) -> None:
    run = vectorize(extracted / "town_probability.tif", "--preset", "rural", "--min-spur", "7")
    used = run.report["request"]["trace"]
    names = {field.name for field in dataclasses.fields(TraceSettings)}
    assert used.keys() == names | {"preset"}
    assert (used["preset"], used["min_spur_m"], used["max_gap_m"]) == ("rural", 7.0, PRESETS["rural"]["max_gap_m"])
    first = json.loads((extracted / "town_report.json").read_text())["request"]["trace"]
    assert first.keys() == used.keys()
    assert first["preset"] is None


def test_in_place_only_with_overwrite_and_without_touching_the_rest(
    extracted: Path, command: Any, tiny_model: Path
) -> None:
    arguments = (
        "vectorize",
        extracted / "town_probability.tif",
        "-o",
        extracted,
        "--model",
        tiny_model,
        "--threshold",
        "0.8",
    )
    before = {path.name: path.read_bytes() for path in extracted.iterdir()}
    refused = command(*arguments)
    assert refused.status == 2
    assert "town_roads.gpkg" in refused.err
    assert "town_probability.tif" not in refused.err.split("already holds")[1]
    assert {path.name: path.read_bytes() for path in extracted.iterdir()} == before
    assert command(*arguments, "--overwrite").status == 0
    after = {path.name: path.read_bytes() for path in extracted.iterdir()}
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert (
        {"town_roads.gpkg", "town_report.json"} <= changed <= {"town_roads.gpkg", "town_report.json", "town_mask.tif"}
    )


def test_beside_its_raster_when_nothing_else_is_there(extracted: Path, command: Any, tiny_model: Path) -> None:
    for name in ("mask.tif", "roads.gpkg", "report.json", "preview.png"):
        (extracted / f"town_{name}").unlink()
    arguments = (extracted / "town_probability.tif", "-o", extracted, "--model", tiny_model)
    assert command("vectorize", *arguments).status == 0


@pytest.mark.parametrize(
    ("road", "options"),
    [
        pytest.param(1, {}, id="0 and 1"),
        pytest.param(255, {}, id="0 and 255"),
        pytest.param(1, {"nodata": 255}, id="0 and 1 with nodata 255"),
        pytest.param(1, {"epsg": 4326, "geotransform": (9, 1e-5, 0, 45, 0, -1e-5)}, id="in degrees"),
    ],
)
def test_a_plain_mask(
    tmp_path: Path, mask: Callable[..., Path], vectorize: Any, features: Any, road: int, options: dict[str, Any]
) -> None:
    run = vectorize(mask("streets.tif", road, **options))
    assert run.status == 0, run.err
    (line,) = features(tmp_path / "out" / "streets_roads.gpkg")
    metres = 1.0 if "epsg" not in options else 0.79
    assert line["length_m"] == pytest.approx(300 * metres, rel=0.01)
    assert line["confidence"] == 1.0
    assert (values(tmp_path / "out" / "streets_mask.tif") == 1).sum() == 9 * 300


def test_a_mask_with_nodata(tmp_path: Path, raster: Callable[..., Path], vectorize: Any) -> None:
    coded = np.zeros((1, 100, 200), dtype=np.uint8)
    coded[:, 40:50] = 1
    coded[:, :, 150:] = 7
    run = vectorize(raster(tmp_path / "part.tif", coded, nodata=7))
    assert run.status == 0, run.err
    assert run.report["valid_fraction"] == pytest.approx(0.75)
    assert (values(tmp_path / "out" / "part_mask.tif")[:, 150:] == 255).all()


def test_no_roads_is_a_result_too(tmp_path: Path, mask: Callable[..., Path], vectorize: Any, features: Any) -> None:
    run = vectorize(mask("field.tif", 0))
    assert run.status == 0, run.err
    assert [features(tmp_path / "out" / "field_roads.gpkg", layer) for layer in LAYERS] == [[], [], []]


def test_without_a_crs_when_the_resolution_is_given(mask: Callable[..., Path], vectorize: Any) -> None:
    run = vectorize(mask("plain.tif", epsg=None, geotransform=None), "--ground-resolution", "0.5")
    assert run.status == 0, run.err
    assert run.report["roads"]["length_km"] == pytest.approx(0.15, rel=0.01)


class TestBadInput:
    """Each in one plain sentence, with nothing left behind."""

    @staticmethod
    def check(tmp_path: Path, run: Any, *parts: str) -> None:
        assert run.status == 2
        assert run.out == ""
        (line,) = run.err.strip().splitlines()
        for part in parts:
            assert part in line
        assert not (tmp_path / "out").exists()

    def test_missing_file(self, tmp_path: Path, vectorize: Any) -> None:
        self.check(tmp_path, vectorize(tmp_path / "missing.tif"), "missing.tif", "no such file")

    def test_an_image(self, tmp_path: Path, crossroads: Path, vectorize: Any) -> None:
        self.check(tmp_path, vectorize(crossroads), "3 bands", "extract")

    def test_other_pixels(self, tmp_path: Path, raster: Callable[..., Path], vectorize: Any) -> None:
        path = raster(tmp_path / "real.tif", np.full((1, 9, 9), 0.5), gdal_type=gdal.GDT_Float32)
        self.check(tmp_path, vectorize(path), "Float32", "Byte")

    def test_values_that_are_no_mask(self, tmp_path: Path, mask: Callable[..., Path], vectorize: Any) -> None:
        self.check(tmp_path, vectorize(mask("classes.tif", 4, 2)), "from 2 to 4")

    def test_a_mask_that_calls_the_rest_nodata(self, tmp_path: Path, mask: Callable[..., Path], vectorize: Any) -> None:
        self.check(tmp_path, vectorize(mask("roads.tif", 1, nodata=0)), "calls 0 nodata")

    def test_no_data_at_all(self, tmp_path: Path, mask: Callable[..., Path], vectorize: Any) -> None:
        self.check(tmp_path, vectorize(mask("empty.tif", 5, 5, nodata=5)), "no pixel with data")

    def test_rotated(self, tmp_path: Path, mask: Callable[..., Path], vectorize: Any) -> None:
        path = mask("turned.tif", geotransform=(500000, 0.8, 0.6, 5000000, 0.6, -0.8))
        self.check(tmp_path, vectorize(path), "north-up", "gdalwarp")

    def test_no_crs(self, tmp_path: Path, mask: Callable[..., Path], vectorize: Any) -> None:
        self.check(tmp_path, vectorize(mask("plain.tif", epsg=None, geotransform=None)), "--ground-resolution")

    @pytest.mark.parametrize(
        ("option", "value"),
        [("--threshold", "1.5"), ("--min-spur", "-1"), ("--ground-resolution", "0"), ("--max-hole", "nan")],
    )
    def test_settings_out_of_range(
        self, tmp_path: Path, mask: Callable[..., Path], vectorize: Any, option: str, value: str
    ) -> None:
        self.check(tmp_path, vectorize(mask("streets.tif"), option, value), "must be")

    def test_a_raster_that_breaks_off(self, tmp_path: Path, raster: Callable[..., Path], vectorize: Any) -> None:
        noise = np.random.default_rng(0).integers(0, 2, (1, 900, 900), dtype=np.uint8)
        path = raster(tmp_path / "cut.tif", noise)
        path.write_bytes(path.read_bytes()[:400_000])
        self.check(tmp_path, vectorize(path), "cut.tif")
