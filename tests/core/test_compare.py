"""Two files compared, as rasters and as lines, in every coding and place that they come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal, ogr, osr

from road_extractor_plugin.compute.metrics.meter import LocalMeter
from road_extractor_plugin.contract.comparison import Comparison
from road_extractor_plugin.contract.errors import ComparisonError, RasterUnreadableError, RoadExtractorError
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.core import compare as comparing

UTM = 32633
PLACE = (500_000.0, 5_500_000.0)
STREETS = (
    [(0, 0), (300, 0), (600, 20)],
    [(300, 0), (300, 400)],
    [(0, 200), (300, 400), (600, 400)],
)
SHIFTED = tuple([(x + 1, y + 1) for x, y in street] for street in STREETS[:2])


def compare(prediction: Path, reference: Path, valid: Path | None = None) -> Comparison:
    return comparing.compare(prediction, reference, valid, LocalMeter(), SilentFeedback())


def reference_system(epsg: int) -> osr.SpatialReference:
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(epsg)
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return crs


@pytest.fixture
def road() -> np.ndarray:
    """A road and a branch, 200 x 200 px."""
    mask = np.zeros((200, 200), dtype=np.uint8)
    mask[95:105, 10:190] = 1
    mask[20:95, 100:108] = 1
    return mask


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(
        name: str,
        pixels: np.ndarray,
        *,
        epsg: int | None = UTM,
        pixel_m: float = 1.0,
        nodata: float | None = None,
        scale: float | None = None,
    ) -> Path:
        path = tmp_path / name
        kinds = {"uint8": gdal.GDT_Byte, "float32": gdal.GDT_Float32, "int16": gdal.GDT_Int16}
        height, width = pixels.shape
        dataset = gdal.GetDriverByName("GTiff").Create(str(path), width, height, 1, kinds[str(pixels.dtype)])
        if epsg is not None:
            dataset.SetGeoTransform((PLACE[0], pixel_m, 0, PLACE[1], 0, -pixel_m))
            dataset.SetSpatialRef(reference_system(epsg))
        band = dataset.GetRasterBand(1)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        if scale is not None:
            band.SetScale(scale)
        band.WriteArray(pixels)
        return path

    return write


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Path]:
    """Write a layer of lines, given in metres from `PLACE`, in any coordinate reference system."""

    def write(name: str, lines: Any, *, epsg: int | None = UTM, layer: str = "roads", driver: str = "GPKG") -> Path:
        path = tmp_path / name
        target = reference_system(epsg or UTM)
        move = osr.CoordinateTransformation(reference_system(UTM), target)
        exists = path.exists()
        dataset = ogr.Open(str(path), update=1) if exists else ogr.GetDriverByName(driver).CreateDataSource(str(path))
        sheet = dataset.CreateLayer(layer, target if epsg else None, ogr.wkbUnknown)
        for points in lines:
            geometry = ogr.Geometry(ogr.wkbLineString)
            for x, y in points:
                geometry.AddPoint_2D(PLACE[0] + x, PLACE[1] + y)
            geometry.Transform(move)
            feature = ogr.Feature(sheet.GetLayerDefn())
            feature.SetGeometry(geometry)
            sheet.CreateFeature(feature)
        return path

    return write


def values(comparison: Comparison, protocol: str) -> dict[str, float]:
    found = [figures.values for figures in comparison.figures if figures.protocol.startswith(protocol)]
    assert len(found) == 1, [figures.protocol for figures in comparison.figures]
    return found[0]


def test_a_raster_against_itself_is_perfect(save: Any, road: np.ndarray) -> None:
    path = save("road.tif", road)
    comparison = compare(path, path)
    assert {value for figures in comparison.figures for value in figures.values.values()} == {1.0}
    assert comparison.amount["compared_px"] == road.size


@pytest.mark.parametrize(
    "coded",
    [
        pytest.param(lambda road: (road * 255, {}), id="0 and 255"),
        pytest.param(
            lambda road: ((road * 200 + np.arange(200) % 40).astype(np.uint8), {}), id="0 and 255 with JPEG noise"
        ),
        pytest.param(lambda road: (np.where(road, 0.51, 0.49).astype(np.float32), {}), id="probabilities"),
        pytest.param(
            lambda road: (np.where(road, 127, 126).astype(np.uint8), {"scale": 1 / 254, "nodata": 255}),
            id="stored probabilities",
        ),
        pytest.param(lambda road: (road.astype(np.int16), {"nodata": -9999}), id="16-bit with nodata"),
        pytest.param(lambda road: (road, {"epsg": None}), id="the same size, without a place"),
    ],
)
def test_codings_of_one_mask_are_the_same(save: Any, road: np.ndarray, coded: Any) -> None:
    pixels, options = coded(road)
    comparison = compare(save("prediction.tif", pixels, **options), save("reference.tif", road))
    assert values(comparison, "pixels")["iou"] == 1


def test_figures_are_counted_by_their_protocol(save: Any, road: np.ndarray) -> None:
    reference = np.zeros_like(road)
    reference[99:100, 10:190] = 1
    prediction = np.zeros_like(road)
    prediction[102:103, 10:100] = 1
    comparison = compare(save("prediction.tif", prediction), save("reference.tif", reference))
    assert values(comparison, "pixels") == {"iou": 0, "precision": 0, "recall": 0, "f1": 0}
    masks, skeletons = values(comparison, "relaxed, masks"), values(comparison, "relaxed, skeletons")
    assert masks["precision"] == 1
    assert masks["recall"] == pytest.approx(90 / 180)
    assert masks["quality"] == pytest.approx(0.5)
    assert skeletons["recall"] > masks["recall"]


def test_the_reference_is_brought_onto_the_predictions_grid(save: Any, road: np.ndarray, tmp_path: Path) -> None:
    prediction = save("prediction.tif", road)
    fine = save("fine.tif", np.kron(road, np.ones((4, 4), dtype=np.uint8)), pixel_m=0.25)
    assert values(compare(prediction, fine), "pixels")["iou"] == 1
    mercator = str(tmp_path / "mercator.tif")
    gdal.Warp(mercator, str(fine), dstSRS="EPSG:3857", dstAlpha=True)
    assert values(compare(prediction, Path(mercator)), "pixels")["iou"] > 0.95


def test_nodata_and_invalid_pixels_count_nowhere(save: Any, road: np.ndarray) -> None:
    wrong = road.copy()
    wrong[:, :50] = 1 - road[:, :50]
    with_nodata = wrong.copy()
    with_nodata[:, :50] = 9
    valid = np.zeros_like(road)
    valid[:, 50:] = 255
    reference = save("reference.tif", road)
    assert values(compare(save("wrong.tif", wrong), reference), "pixels")["iou"] < 0.5
    comparison = compare(save("nodata.tif", with_nodata, nodata=9), reference)
    assert values(comparison, "pixels")["iou"] == 1
    assert comparison.amount["compared_px"] == 200 * 150
    masked = compare(save("wrong.tif", wrong), reference, save("valid.tif", valid))
    assert values(masked, "pixels")["iou"] == 1
    part = compare(reference, save("part.tif", road[:100]))
    assert part.amount["compared_px"] == 100 * 200


@pytest.mark.parametrize(("epsg", "driver"), [(UTM, "GPKG"), (4326, "GeoJSON"), (3857, "ESRI Shapefile")])
def test_lines_against_themselves_are_perfect_in_any_reference_system(draw: Any, epsg: int, driver: str) -> None:
    suffix = {"GPKG": "gpkg", "GeoJSON": "geojson", "ESRI Shapefile": "shp"}[driver]
    other = draw(f"reference.{suffix}", STREETS, epsg=epsg, driver=driver, layer="reference")
    comparison = compare(draw("prediction.gpkg", STREETS), other)
    for protocol in ("APLS, CosmiQ", "APLS, Sat2Graph", "TOPO", "length"):
        assert min(values(comparison, protocol).values()) == pytest.approx(1, abs=2e-3), protocol
    expected = sum(np.hypot(*np.diff(street, axis=0).T).sum() for street in map(np.array, STREETS)) / 1000
    assert comparison.amount["reference_km"] == pytest.approx(expected / 0.9996, rel=1e-4)


def test_missing_roads_lower_one_direction_and_invented_roads_the_other(draw: Any) -> None:
    whole, part = draw("whole.gpkg", STREETS), draw("part.gpkg", SHIFTED)
    missing, invented = compare(part, whole), compare(whole, part)
    assert values(missing, "APLS, CosmiQ")["reference_to_prediction"] < 0.7
    assert values(missing, "APLS, CosmiQ")["prediction_to_reference"] > 0.95
    assert values(missing, "length")["completeness"] < 0.7
    assert values(missing, "length")["correctness"] == 1
    assert values(missing, "TOPO")["recall"] < values(missing, "TOPO")["precision"]
    assert values(invented, "TOPO")["recall"] > values(invented, "TOPO")["precision"]


def test_our_layer_is_taken_among_several(draw: Any) -> None:
    draw("roads.gpkg", [[(0, 0), (900, 900)]], layer="other")
    path = draw("roads.gpkg", STREETS, layer="centerlines")
    assert values(compare(path, draw("streets.gpkg", STREETS)), "APLS, CosmiQ")["score"] == pytest.approx(1)


def test_no_roads_are_a_result_and_not_an_error(draw: Any) -> None:
    nothing = draw("nothing.gpkg", [], layer="centerlines")
    assert values(compare(nothing, draw("streets.gpkg", STREETS)), "APLS, CosmiQ")["score"] == 0
    assert values(compare(nothing, nothing), "TOPO")["f1"] == 1


def test_multilines_and_curves_are_lines(draw: Any, tmp_path: Path) -> None:
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {},
                "geometry": {
                    "type": "MultiLineString",
                    "coordinates": [[[15, 50], [15.01, 50]], [[15.01, 50], [15.01, 50.01, 3]]],
                },
            },
            {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [15, 50]}},
            {"type": "Feature", "properties": {}, "geometry": None},
        ],
    }
    path = tmp_path / "multi.geojson"
    path.write_text(json.dumps(collection), encoding="utf-8")
    comparison = compare(path, path)
    assert comparison.amount["reference_km"] == pytest.approx(0.717 + 1.112, abs=0.003)
    assert values(comparison, "APLS, CosmiQ")["score"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("error", "words", "make"),
    [
        pytest.param(
            RasterUnreadableError, "no such file", lambda s, d, r: (Path("missing.tif"), s("a.tif", r)), id="missing"
        ),
        pytest.param(
            ComparisonError, "holds lines and", lambda s, d, r: (s("a.tif", r), d("a.gpkg", STREETS)), id="mixed"
        ),
        pytest.param(
            ComparisonError, "values from 0 to 7", lambda s, d, r: (s("a.tif", r * 7), s("b.tif", r)), id="classes"
        ),
        pytest.param(
            ComparisonError,
            "differ in size",
            lambda s, d, r: (s("a.tif", r, epsg=None), s("b.tif", r[:100], epsg=None)),
            id="sizes without a place",
        ),
        pytest.param(
            ComparisonError,
            "calls 0 nodata",
            lambda s, d, r: (s("a.tif", r), s("b.tif", r, nodata=0)),
            id="background is nodata",
        ),
        pytest.param(
            ComparisonError,
            "no pixel in common",
            lambda s, d, r: (s("a.tif", r), s("b.tif", r, epsg=32634)),
            id="elsewhere",
        ),
        pytest.param(
            ComparisonError,
            "leaves no pixel",
            lambda s, d, r: (s("a.tif", r), s("b.tif", r), s("v.tif", r * 0)),
            id="nothing valid",
        ),
        pytest.param(
            ComparisonError,
            "no coordinate reference system",
            lambda s, d, r: (d("a.gpkg", STREETS), d("b.shp", STREETS, epsg=None, driver="ESRI Shapefile")),
            id="lines without a place",
        ),
        pytest.param(
            ComparisonError,
            "goes with rasters",
            lambda s, d, r: (d("a.gpkg", STREETS), d("b.gpkg", STREETS), s("v.tif", r)),
            id="valid mask for lines",
        ),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_sentence(
    save: Any, draw: Any, road: np.ndarray, error: type[RoadExtractorError], words: str, make: Any
) -> None:
    with pytest.raises(error, match=words) as caught:
        compare(*make(save, draw, road))
    assert "\n" not in str(caught.value)


def test_polygons_are_no_lines(draw: Any, tmp_path: Path) -> None:
    path = tmp_path / "area.geojson"
    ring = [[15, 50], [15.01, 50], [15.01, 50.01], [15, 50]]
    polygon = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    path.write_text(json.dumps(polygon), encoding="utf-8")
    with pytest.raises(ComparisonError, match="has no lines"):
        compare(path, draw("streets.gpkg", STREETS))
