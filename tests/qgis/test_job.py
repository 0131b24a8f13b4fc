"""From choices to a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from road_extractor_plugin.bridge.map_area import ChosenArea
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.request import TraceOptions
from road_extractor_plugin.gui.area_picker import AreaPicker
from road_extractor_plugin.gui.job import plan_job
from road_extractor_plugin.settings import AreaChoice, Settings


def chosen(choice: AreaChoice, layer: QgsRasterLayer, canvas: Any) -> ChosenArea:
    picker = AreaPicker()
    picker.choose(choice)
    return picker.area(layer, canvas.mapSettings())


def test_request_says_what_was_chosen(desktop: Any, add_layer: Any, card: ModelCard, tmp_path: Path) -> None:
    settings = Settings(AreaChoice.LAYER, tmp_path / "m.onnx", 0.35, "urban")
    layer = add_layer()
    job = plan_job(layer, chosen(AreaChoice.LAYER, layer, desktop.mapCanvas()), settings, card, tmp_path / "out")
    assert job.request.raster == tmp_path / "scene.tif"
    assert job.request.output_folder == tmp_path / "out"
    assert job.request.model == tmp_path / "m.onnx"
    assert job.request.trace == TraceOptions(preset="urban", threshold=0.35)
    assert job.request.area is None
    assert job.megapixels == pytest.approx(0.04, rel=0.01)


def test_visible_area_is_in_the_crs_of_the_map(desktop: Any, add_layer: Any, card: ModelCard, tmp_path: Path) -> None:
    layer, canvas = add_layer(), desktop.mapCanvas()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    canvas.setExtent(canvas.mapSettings().layerExtentToOutputExtent(layer, layer.extent()))
    job = plan_job(
        layer, chosen(AreaChoice.VISIBLE, layer, canvas), Settings(model=tmp_path / "m.onnx"), card, tmp_path
    )
    assert job.request.area is not None
    assert "Pseudo-Mercator" in job.request.area.crs_wkt
    assert job.ground_area_km2 == pytest.approx(0.04, rel=0.05), "on the ground, not in Mercator's metres"


def test_map_without_crs(desktop: Any, add_layer: Any, card: ModelCard, tmp_path: Path) -> None:
    layer, canvas = add_layer(), desktop.mapCanvas()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem())
    canvas.setExtent(layer.extent())
    job = plan_job(
        layer, chosen(AreaChoice.VISIBLE, layer, canvas), Settings(model=tmp_path / "m.onnx"), card, tmp_path
    )
    assert job.request.area is not None
    assert "UTM zone 19N" in job.request.area.crs_wkt
    assert job.ground_area_km2 == pytest.approx(0.04, rel=0.01)
