"""As a user of the command line I get exactly the promised files, or one plain sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, ogr

from road_extractor_plugin.core.strip_store import StripStore

FILES = {"probability.tif", "mask.tif", "roads.gpkg", "preview.png", "report.json"}
CENTERLINE_FIELDS = [
    "road_id", "from_node", "to_node", "length_m", "width_m", "confidence", "min_confidence", "origin", "component_id",
    "crossing",
]  # fmt: skip


@pytest.fixture
def crossroads(tmp_path: Path, raster: Callable[..., Path]) -> Path:
    """Two roads that cross, in 1 m pixels."""
    image = np.full((3, 256, 320), 30, dtype=np.uint8)
    image[:, 100:109, :] = 235
    image[:, :, 150:159] = 235
    return raster(tmp_path / "town.tif", image)


@pytest.fixture
def extract(tmp_path: Path, command: Any, tiny_model: Path) -> Callable[..., Any]:
    """Call `extract` with the small model, results in tmp_path/out."""

    def run(*arguments: object) -> Any:
        return command("extract", *arguments, "-o", tmp_path / "out", "--model", tiny_model, "--json")

    return run


def test_exactly_the_promised_files(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    run = extract(crossroads)
    assert run.status == 0, run.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"town_{name}" for name in FILES}
    assert json.loads((tmp_path / "out" / "town_report.json").read_text()) == run.report


def test_layers_and_fields(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    extract(crossroads)
    dataset = ogr.Open(str(tmp_path / "out" / "town_roads.gpkg"))
    expected = {
        "centerlines": (ogr.wkbLineString, CENTERLINE_FIELDS),
        "nodes": (ogr.wkbPoint, ["node_id", "degree"]),
        "polygons": (ogr.wkbPolygon, ["area_m2", "confidence"]),
    }
    for name, (kind, fields) in expected.items():
        layer = dataset.GetLayerByName(name)
        assert layer.GetGeomType() == kind
        assert [field.name for field in layer.schema] == fields
        assert layer.GetFeatureCount() > 0


def test_a_crossing_is_one_node_of_four_roads(tmp_path: Path, crossroads: Path, extract: Any, features: Any) -> None:
    run = extract(crossroads)
    gpkg = tmp_path / "out" / "town_roads.gpkg"
    assert sorted(node["degree"] for node in features(gpkg, "nodes")) == [1, 1, 1, 1, 4]
    assert len(features(gpkg)) == run.report["roads"]["centerlines"] == 4
    assert run.report["roads"]["length_km"] == pytest.approx(0.576, rel=0.02)


def test_probability_coding(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    extract(crossroads)
    dataset = gdal.Open(str(tmp_path / "out" / "town_probability.tif"))
    band = dataset.GetRasterBand(1)
    assert band.DataType == gdal.GDT_Byte
    assert band.GetScale() == pytest.approx(1 / 254)
    assert band.GetNoDataValue() == 255
    assert band.GetOverviewCount() > 0 or band.XSize <= 512
    values = band.ReadAsArray()
    assert values[104, 20] > 127 > values[20, 20]


def test_threshold_changes_the_mask(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    areas = []
    for threshold in ("0.2", "0.9"):
        assert extract(crossroads, "--threshold", threshold, "--overwrite").status == 0
        areas.append((gdal.Open(str(tmp_path / "out" / "town_mask.tif")).ReadAsArray() == 1).sum())
    assert areas[0] > areas[1] > 0


def test_vectors_only(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    assert extract(crossroads, "--vectors-only").status == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"town_roads.gpkg", "town_report.json"}


def test_area_of_interest(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    aoi = tmp_path / "aoi.geojson"
    # Given in degrees, west of the north-south road.
    aoi.write_text(_geojson_of_pixels(10, 60, 110, 200))
    run = extract(crossroads, "--aoi", aoi)
    assert run.status == 0, run.err
    assert run.report["roads"]["centerlines"] == 1
    assert run.report["roads"]["length_km"] == pytest.approx(0.1, rel=0.05)
    assert run.report["area_km2"] == pytest.approx(0.014, rel=0.03)


def _geojson_of_pixels(left: float, top: float, right: float, bottom: float) -> str:
    from osgeo import osr

    utm, degrees = osr.SpatialReference(), osr.SpatialReference()
    utm.ImportFromEPSG(32632)
    degrees.ImportFromEPSG(4326)
    for reference in (utm, degrees):
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    ring = [osr.CoordinateTransformation(utm, degrees).TransformPoint(500000 + x, 5000000 - y)[:2] for x, y in corners]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": {}, "geometry": geometry}],
        }
    )


def test_no_roads_is_a_result_too(tmp_path: Path, raster: Callable[..., Path], extract: Any, features: Any) -> None:
    run = extract(raster(tmp_path / "field.tif", np.full((3, 100, 100), 30, dtype=np.uint8)))
    assert run.status == 0, run.err
    assert run.report["roads"]["centerlines"] == 0
    for layer in ("centerlines", "nodes", "polygons"):
        assert features(tmp_path / "out" / "field_roads.gpkg", layer) == []


@pytest.mark.parametrize(
    ("bands", "pixel"),
    [
        pytest.param(3, (gdal.GDT_UInt16, 40), id="16-bit"),
        pytest.param(3, (gdal.GDT_Float64, 1 / 255), id="float in 0..1"),
        pytest.param(1, (gdal.GDT_Byte, 1), id="one band"),
        pytest.param(4, (gdal.GDT_Byte, 1), id="four bands"),
    ],
)
def test_other_kinds_of_pixels(
    tmp_path: Path, raster: Callable[..., Path], extract: Any, bands: int, pixel: tuple[int, float]
) -> None:
    image = np.full((bands, 200, 200), 30.0)
    image[:, 90:99, :] = 235.0
    path = raster(tmp_path / "other.tif", image * pixel[1], gdal_type=pixel[0])
    run = extract(path)
    assert run.status == 0, run.err
    assert run.report["roads"]["length_km"] == pytest.approx(0.2, rel=0.05)


def test_nodata_is_nodata_in_the_results(tmp_path: Path, raster: Callable[..., Path], extract: Any) -> None:
    image = np.full((3, 200, 200), 30, dtype=np.uint8)
    image[:, 90:99, :] = 235
    image[:, :, 120:] = 0
    run = extract(raster(tmp_path / "half.tif", image, nodata=0))
    assert run.status == 0, run.err
    for name in ("half_probability.tif", "half_mask.tif"):
        values = gdal.Open(str(tmp_path / "out" / name)).ReadAsArray()
        assert (values[:, 120:] == 255).all()
        assert (values[:, :120] != 255).all()
    assert run.report["valid_fraction"] == pytest.approx(0.6)


def test_without_a_crs_when_the_resolution_is_given(tmp_path: Path, raster: Callable[..., Path], extract: Any) -> None:
    image = np.full((3, 200, 200), 30, dtype=np.uint8)
    image[:, 90:99, :] = 235
    run = extract(raster(tmp_path / "plain.tif", image, epsg=None, geotransform=None), "--ground-resolution", "1.0")
    assert run.status == 0, run.err
    assert run.report["roads"]["length_km"] == pytest.approx(0.2, rel=0.02)
    assert any("coordinate reference system" in warning for warning in run.report["warnings"])


def test_a_model_with_deepness_keys_only(
    tmp_path: Path, crossroads: Path, command: Any, card: Any, network_file: Callable[..., Path]
) -> None:
    keys = {"model_type": '"Segmentor"', "class_names": '{"0": "road"}', "tile_size": "128"}
    model = network_file(tmp_path / "keys.onnx", card, metadata=keys)
    bare = command("extract", crossroads, "-o", tmp_path / "out", "--model", model)
    assert bare.status == 2
    assert "--model-resolution" in bare.err
    options = ["--model-resolution", "1", "--model-mean", "0.4,0.4,0.4", "--model-std", "0.2,0.2,0.2"]
    run = command("extract", crossroads, "-o", tmp_path / "out", "--model", model, "--json", *options)
    assert run.status == 0, run.err
    assert run.report["roads"]["centerlines"] == 4


def test_a_raster_that_breaks_off(tmp_path: Path, raster: Callable[..., Path], extract: Any) -> None:
    path = raster(tmp_path / "cut.tif", np.random.default_rng(0).integers(0, 255, (3, 400, 400), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    run = extract(path)
    assert run.status == 2
    assert run.err.startswith("error: Cannot read")
    assert "cut.tif" in run.err
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == [".cut_unfinished"]


def test_ctrl_c_says_what_is_kept_and_the_same_command_goes_on(
    tmp_path: Path, raster: Callable[..., Path], extract: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = raster(tmp_path / "field.tif", np.full((3, 500, 100), 30, dtype=np.uint8))
    stop_after = iter([False] * 3)
    with monkeypatch.context() as patch:

        def interrupt(*_: object) -> None:
            if next(stop_after, True):
                raise KeyboardInterrupt

        patch.setattr(StripStore, "_sync_now_and_then", interrupt)
        run = extract(path)
    assert run.status == 2
    assert run.err == "error: Cancelled. 80% is kept; the same command goes on from there.\n"
    run = extract(path)
    assert run.status == 0
    assert "4 of 5 strips are finished" in run.err


def test_beginning_anew_by_wish(tmp_path: Path, raster: Callable[..., Path], extract: Any) -> None:
    image = np.random.default_rng(0).integers(0, 255, (3, 400, 400), dtype=np.uint8)
    path = raster(tmp_path / "cut.tif", image)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert extract(path).status == 2
    path.write_bytes(whole)
    assert "imagery: 2" in extract(path).err  # it is another now
    path.write_bytes(whole[: len(whole) // 2])
    assert extract(path, "--overwrite").status == 2
    run = extract(path, "--anew", "--overwrite")
    assert "warning" not in run.err
    assert "error: Cannot read" in run.err


class TestBadInput:
    """One line on stderr, exit status 2, and nothing left behind."""

    @pytest.fixture(autouse=True)
    def nothing_left(self, tmp_path: Path) -> Any:
        yield
        assert not (tmp_path / "out").exists()

    def check(self, run: Any, *parts: str) -> None:
        assert run.status == 2
        lines = [line for line in run.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1
        assert "Traceback" not in run.err
        for part in parts:
            assert part in lines[0]

    def test_missing_file(self, tmp_path: Path, extract: Any) -> None:
        self.check(extract(tmp_path / "missing.tif"), "missing.tif")

    def test_text_file_named_tif(self, tmp_path: Path, extract: Any) -> None:
        (tmp_path / "text.tif").write_text("not a raster")
        self.check(extract(tmp_path / "text.tif"), "text.tif")

    def test_no_crs(self, tmp_path: Path, raster: Callable[..., Path], extract: Any) -> None:
        path = raster(tmp_path / "plain.tif", np.zeros((3, 64, 64), dtype=np.uint8), epsg=None, geotransform=None)
        self.check(extract(path), "plain.tif", "--ground-resolution")

    def test_aoi_elsewhere(self, tmp_path: Path, crossroads: Path, extract: Any) -> None:
        (tmp_path / "far.geojson").write_text(_geojson_of_pixels(5000, 5000, 5100, 5100))
        self.check(extract(crossroads, "--aoi", tmp_path / "far.geojson"), "area")

    def test_all_nodata(self, tmp_path: Path, raster: Callable[..., Path], extract: Any) -> None:
        path = raster(tmp_path / "empty.tif", np.zeros((3, 64, 64), dtype=np.uint8), nodata=0)
        self.check(extract(path), "empty.tif")

    def test_model_without_card(
        self, tmp_path: Path, crossroads: Path, command: Any, card: Any, network_file: Any
    ) -> None:
        model = network_file(tmp_path / "bare.onnx", card, metadata={})
        self.check(command("extract", crossroads, "-o", tmp_path / "out", "--model", model), "bare.onnx", "missing:")

    def test_model_that_is_no_model(self, tmp_path: Path, crossroads: Path, command: Any) -> None:
        (tmp_path / "text.onnx").write_text("no network")
        run = command("extract", crossroads, "-o", tmp_path / "out", "--model", tmp_path / "text.onnx")
        self.check(run, "text.onnx")

    @pytest.mark.parametrize("threshold", ["-0.1", "1.5", "nan"])
    def test_threshold_out_of_range(self, crossroads: Path, extract: Any, threshold: str) -> None:
        self.check(extract(crossroads, "--threshold", threshold), "threshold")

    def test_band_that_is_not_there(self, crossroads: Path, extract: Any) -> None:
        self.check(extract(crossroads, "--bands", "1,2,7"), "7")

    def test_unknown_device(self, crossroads: Path, extract: Any) -> None:
        self.check(extract(crossroads, "--device", "abacus"), "abacus", "cpu")

    def test_output_is_a_file(self, tmp_path: Path, crossroads: Path, command: Any, tiny_model: Path) -> None:
        (tmp_path / "taken").write_text("")
        run = command("extract", crossroads, "-o", tmp_path / "taken" / "out", "--model", tiny_model)
        self.check(run, "taken")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
    def test_output_not_writable(self, tmp_path: Path, crossroads: Path, command: Any, tiny_model: Path) -> None:
        (tmp_path / "locked").mkdir(mode=0o555)
        run = command("extract", crossroads, "-o", tmp_path / "locked" / "out", "--model", tiny_model)
        self.check(run, "locked")


def test_results_in_the_way_are_kept(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    assert extract(crossroads).status == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    run = extract(crossroads)
    assert run.status == 2
    assert "--overwrite" in run.err
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert extract(crossroads, "--overwrite").status == 0


def test_same_results_twice(tmp_path: Path, crossroads: Path, extract: Any) -> None:
    extract(crossroads)
    first = (tmp_path / "out" / "town_probability.tif").read_bytes()
    extract(crossroads, "--overwrite")
    assert (tmp_path / "out" / "town_probability.tif").read_bytes() == first


def test_model_prints_the_card(command: Any, tiny_model: Path, card: Any) -> None:
    run = command("model", tiny_model)
    assert run.status == 0
    assert "test network 1" in run.out
    assert "1 m/px (0.5 to 2)" in run.out
    assert json.loads(command("model", tiny_model, "--json").out) == json.loads(card.to_json())


def test_help_needs_no_model(command: Any) -> None:
    run = command("extract", "--help")
    assert run.status == 0
    assert "--threshold" in run.out


def test_several_views_of_each_tile(crossroads: Path, extract: Any) -> None:
    plain = extract(crossroads).report
    run = extract(crossroads, "--tta", "d4", "--scales", "1,1.5", "--overwrite")
    assert run.status == 0, run.err
    assert run.report["request"]["views"] == {"symmetries": "d4", "scales": [1.0, 1.5]}
    assert plain["request"]["views"] == {"symmetries": "none", "scales": [1.0]}
    assert run.report["roads"]["length_km"] == pytest.approx(plain["roads"]["length_km"], rel=0.05)


def test_views_out_of_range_are_told(crossroads: Path, extract: Any) -> None:
    run = extract(crossroads, "--scales", "1,9")
    assert run.status == 2
    assert "scales is (1.0, 9.0), but must be numbers between 0.25 and 4.0" in run.err
