"""The algorithms of the toolbox, run as the toolbox and the model builder run them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from road_extractor_plugin.engine.worker_pool import WorkerChoice, WorkerPool
from road_extractor_plugin.processing.provider import RoadExtractorProvider
from road_extractor_plugin.settings import save_worker_choice

sys.path.append("/usr/share/qgis/python/plugins")

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def toolbox(qgis_processing: None) -> Iterator[RoadExtractorProvider]:
    """The provider, registered."""
    workers = WorkerPool()
    provider = RoadExtractorProvider(workers)
    QgsApplication.processingRegistry().addProvider(provider)
    yield provider
    QgsApplication.processingRegistry().removeProvider(provider)
    workers.close()


@pytest.fixture
def run(toolbox: RoadExtractorProvider, tiny_model: Path) -> Run:
    """Run an algorithm with the small model: (name, **parameters) -> outputs."""
    import processing

    def call(name: str, feedback: Any = None, **parameters: Any) -> dict[str, Any]:
        if name != "evaluate":
            parameters.setdefault("MODEL", str(tiny_model))
        outputs: dict[str, Any] = processing.run(f"road_extractor:{name}", parameters, feedback=feedback)
        return outputs

    return call


@pytest.fixture
def scene(add_layer: Callable[..., QgsRasterLayer]) -> QgsRasterLayer:
    """A road of 200 m from west to east."""
    return add_layer()


def lines(destination: Any) -> list[QgsFeature]:
    layer = destination if isinstance(destination, QgsVectorLayer) else QgsVectorLayer(str(destination), "lines", "ogr")
    assert layer.isValid()
    return list(layer.getFeatures())


def test_all_algorithms_are_complete(toolbox: RoadExtractorProvider) -> None:
    algorithms = toolbox.algorithms()
    assert sorted(one.name() for one in algorithms) == ["batch", "evaluate", "extract", "vectorize"]
    for one in algorithms:
        assert one.displayName()
        assert len(one.shortHelpString()) > 100
        assert "road" in one.tags()
        assert not one.icon().isNull()
        assert all(definition.description() for definition in one.parameterDefinitions())


def test_extract_into_layers_in_memory(run: Run, scene: QgsRasterLayer, tmp_path: Path) -> None:
    outputs = run(
        "extract",
        INPUT=scene,
        CENTERLINES="memory:",
        NODES="memory:",
        POLYGONS="memory:",
        PROBABILITY=str(tmp_path / "p.tif"),
        MASK=str(tmp_path / "m.tif"),
    )
    roads = lines(outputs["CENTERLINES"])
    assert [road["origin"] for road in roads] == ["detected"]
    assert roads[0]["length_m"] == pytest.approx(200, rel=0.02)
    assert outputs["LENGTH_KM"] == pytest.approx(0.2, rel=0.02)
    assert sorted(node["degree"] for node in lines(outputs["NODES"])) == [1, 1]
    assert len(lines(outputs["POLYGONS"])) == 1
    mask = gdal.Open(str(tmp_path / "m.tif")).ReadAsArray()
    assert mask[100, 100] == 1
    assert mask[20, 20] == 0


def test_only_what_is_asked_for_is_made(run: Run, scene: QgsRasterLayer, tmp_path: Path) -> None:
    outputs = run("extract", INPUT=scene, CENTERLINES=str(tmp_path / "lines.gpkg"), PROBABILITY=None)
    assert set(outputs) == {"CENTERLINES", "LENGTH_KM", "COMPONENTS"}
    assert len(lines(outputs["CENTERLINES"])) == 1


def test_only_in_an_extent(run: Run, scene: QgsRasterLayer) -> None:
    west, north = scene.extent().xMinimum(), scene.extent().yMaximum()
    extent = f"{west},{west + 120},{north - 200},{north} [EPSG:32619]"
    outputs = run("extract", INPUT=scene, EXTENT=extent, CENTERLINES="memory:")
    assert outputs["LENGTH_KM"] == pytest.approx(0.12, rel=0.02)


def test_only_in_polygons(run: Run, scene: QgsRasterLayer) -> None:
    """Of a layer with two of them one is selected."""
    areas = QgsVectorLayer("Polygon?crs=EPSG:32619", "areas", "memory")
    extent = scene.extent()
    for share in (0.25, 1.0):
        part = QgsFeature()
        right = extent.xMinimum() + share * extent.width()
        rectangle = f"{extent.xMinimum()} {extent.yMinimum()}, {right} {extent.yMinimum()}, {right} {extent.yMaximum()}"
        rectangle += f", {extent.xMinimum()} {extent.yMaximum()}, {extent.xMinimum()} {extent.yMinimum()}"
        part.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({rectangle}))"))
        areas.dataProvider().addFeature(part)
    areas.selectByIds([1])
    QgsProject.instance().addMapLayer(areas)
    from qgis.core import QgsProcessingFeatureSourceDefinition

    selected = QgsProcessingFeatureSourceDefinition(areas.id(), selectedFeaturesOnly=True)
    outputs = run("extract", INPUT=scene, AREA=selected, CENTERLINES="memory:")
    assert outputs["LENGTH_KM"] == pytest.approx(0.05, rel=0.05)


def test_a_raster_without_crs(run: Run, add_layer: Callable[..., QgsRasterLayer]) -> None:
    layer = add_layer(epsg=None)
    with pytest.raises(QgsProcessingException, match="no coordinate reference system"):
        run("extract", INPUT=layer, CENTERLINES="memory:")
    outputs = run("extract", INPUT=layer, GROUND_RESOLUTION=1.0, CENTERLINES="memory:")
    assert outputs["LENGTH_KM"] == pytest.approx(0.2, rel=0.02)


def test_a_preset_and_a_gap(run: Run, scene: QgsRasterLayer) -> None:
    outputs = run("extract", INPUT=scene, CENTERLINES="memory:", PRESET=1, MIN_COMPONENT=500.0)
    assert outputs["LENGTH_KM"] == pytest.approx(0.2, rel=0.02)  # it reaches the edge of the data, so it may go on


def test_cancelled(run: Run, scene: QgsRasterLayer) -> None:
    feedback = QgsProcessingFeedback()
    feedback.cancel()
    outputs = run("extract", feedback=feedback, INPUT=scene, CENTERLINES="memory:")
    assert "LENGTH_KM" not in outputs


def test_vectorize_with_another_threshold(run: Run, scene: QgsRasterLayer, tmp_path: Path) -> None:
    probability = str(tmp_path / "p.tif")
    first = run("extract", INPUT=scene, CENTERLINES="memory:", PROBABILITY=probability)
    same = run("vectorize", INPUT=probability, CENTERLINES="memory:")
    assert same["LENGTH_KM"] == first["LENGTH_KM"]
    dataset = gdal.Open(probability, gdal.GA_Update)
    dataset.GetRasterBand(1).WriteArray(np.minimum(dataset.ReadAsArray(), 200))
    del dataset
    nothing = run("vectorize", INPUT=probability, THRESHOLD=0.9, CENTERLINES="memory:", MASK=str(tmp_path / "m.tif"))
    assert nothing["LENGTH_KM"] == 0
    assert not (gdal.Open(str(tmp_path / "m.tif")).ReadAsArray() == 1).any()


def test_batch(run: Run, scene: QgsRasterLayer, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    gdal.Translate(str(folder / "a.tif"), scene.source(), srcWin=[0, 0, 120, 200])
    gdal.Translate(str(folder / "b.tif"), scene.source(), srcWin=[80, 0, 120, 200])
    (folder / "c.tif").write_text("no raster")
    outputs = run("batch", FOLDER=str(folder), OUTPUT_FOLDER=str(tmp_path / "out"))
    assert (outputs["DONE"], outputs["FAILED"]) == (2, 1)
    assert "c.tif,failed" in Path(outputs["TABLE"]).read_text(encoding="utf-8")
    merged = QgsVectorLayer(outputs["MERGED_ROADS"], "merged", "ogr")
    assert sum(road["length_m"] for road in merged.getFeatures()) == pytest.approx(200, rel=0.02)


def test_evaluate_a_network_against_itself(run: Run, scene: QgsRasterLayer, tmp_path: Path) -> None:
    roads = run("extract", INPUT=scene, CENTERLINES=str(tmp_path / "lines.gpkg"))["CENTERLINES"]
    outputs = run("evaluate", PREDICTION=roads, REFERENCE=roads, OUTPUT=str(tmp_path / "figures.json"))
    comparison = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    values = [value for figures in comparison["figures"] for value in figures["values"].values()]
    assert len(values) >= 4
    assert min(values) == pytest.approx(1.0, abs=1e-6)
    assert outputs["OUTPUT"] == str(tmp_path / "figures.json")


def test_evaluate_masks(run: Run, tmp_path: Path, scene: QgsRasterLayer) -> None:
    mask = str(tmp_path / "m.tif")
    run("extract", INPUT=scene, CENTERLINES="memory:", MASK=mask)
    outputs = run("evaluate", PREDICTION=mask, REFERENCE=mask)
    assert outputs["iou"] == 1.0


def test_evaluate_computes_in_the_worker(
    run: Run, tmp_path: Path, scene: QgsRasterLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python of QGIS may lack scipy."""
    mask, roads = str(tmp_path / "m.tif"), str(tmp_path / "lines.gpkg")
    run("extract", INPUT=scene, CENTERLINES=roads, MASK=mask)
    save_worker_choice(WorkerChoice(interpreter=Path(sys.executable)))
    for name in [name for name in sys.modules if ".compute.metrics" in name]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("scipy", "skimage"):
        monkeypatch.setitem(sys.modules, name, None)
    feedback, told = QgsProcessingFeedback(), []
    feedback.progressChanged.connect(told.append)
    assert run("evaluate", PREDICTION=mask, REFERENCE=mask)["iou"] == 1.0
    assert run("evaluate", feedback=feedback, PREDICTION=roads, REFERENCE=roads)["f1"] == pytest.approx(1.0)
    assert sorted(set(told)) == [25, 50, 75], "one protocol after another"


def test_evaluate_is_cancelled(run: Run, tmp_path: Path, scene: QgsRasterLayer) -> None:
    mask = str(tmp_path / "m.tif")
    run("extract", INPUT=scene, CENTERLINES="memory:", MASK=mask)
    feedback = QgsProcessingFeedback()
    feedback.progressChanged.connect(lambda _: feedback.cancel())
    assert run("evaluate", feedback=feedback, PREDICTION=mask, REFERENCE=mask) == {}


def test_in_a_model_with_a_buffer(toolbox: RoadExtractorProvider, scene: QgsRasterLayer, tiny_model: Path) -> None:
    """Extract, then 10 m around what it found."""
    model = QgsProcessingModelAlgorithm("roads and their surroundings", "test")
    model.addModelParameter(QgsProcessingParameterRasterLayer("IMAGE"), QgsProcessingModelParameter("IMAGE"))
    static, of_input = (
        QgsProcessingModelChildParameterSource.fromStaticValue,
        QgsProcessingModelChildParameterSource.fromModelParameter,
    )
    extract = QgsProcessingModelChildAlgorithm("road_extractor:extract")
    extract.setChildId("extract")
    extract.addParameterSources("INPUT", [of_input("IMAGE")])
    extract.addParameterSources("MODEL", [static(str(tiny_model))])
    model.addChildAlgorithm(extract)
    buffer = QgsProcessingModelChildAlgorithm("native:buffer")
    buffer.setChildId("buffer")
    found = QgsProcessingModelChildParameterSource.fromChildOutput("extract", "CENTERLINES")
    buffer.addParameterSources("INPUT", [found])
    buffer.addParameterSources("DISTANCE", [static(10)])
    from qgis.core import QgsProcessingModelOutput

    output = QgsProcessingModelOutput("around")
    output.setChildOutputName("OUTPUT")
    output.setChildId("buffer")
    buffer.setModelOutputs({"around": output})
    model.addChildAlgorithm(buffer)
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    parameters = {"IMAGE": scene.id(), "buffer:around": "memory:"}
    outputs, succeeded = model.run(parameters, context, QgsProcessingFeedback())
    assert succeeded
    around = context.takeResultLayer(outputs["buffer:around"])
    area_m2 = sum(feature.geometry().area() for feature in around.getFeatures())
    assert area_m2 == pytest.approx(200 * 20 + np.pi * 100, rel=0.05)


def test_basemap_by_its_address(run: Run, tile_service: Any, imagery_folders: Callable[[], int]) -> None:
    def road(zoom: int, column: int, row: int, tile_px: int) -> Any:
        """White from west to east in the middle of one row of tiles."""
        rows = np.arange(tile_px)
        is_road = (np.abs(rows - tile_px / 2) < 5) & (row == 2**zoom // 2)
        return np.broadcast_to(np.where(is_road, 255, 40)[None, :, None], (3, tile_px, tile_px)).astype(np.uint8)

    tile_service.paint = road
    outputs = run(
        "extract",
        INPUT=f"wms://type=xyz&url={tile_service.template}&zmin=0&zmax=17",
        EXTENT="1000,1400,-400,100 [EPSG:3857]",
        CENTERLINES="memory:",
    )
    assert outputs["LENGTH_KM"] == pytest.approx(0.4, abs=0.02)
    assert imagery_folders() == 0


def test_all_of_a_basemap(run: Run, tile_service: Any) -> None:
    with pytest.raises(QgsProcessingException, match="the limit is"):
        run("extract", INPUT=f"wms://type=xyz&url={tile_service.template}&zmax=19", CENTERLINES="memory:")
