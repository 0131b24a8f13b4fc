"""The panel by itself: choices in, choices out."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QFileDialog, QWidget

from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.gui import model_combo
from road_extractor_plugin.gui.dock import RoadExtractorDock
from road_extractor_plugin.gui.run_panel import RunPanel
from road_extractor_plugin.settings import AreaChoice, Settings


@pytest.fixture
def dock(monkeypatch: pytest.MonkeyPatch) -> Iterator[RoadExtractorDock]:
    """A dock of an installation without models."""
    monkeypatch.setattr(model_combo, "bundled_models", lambda: ())
    dock = RoadExtractorDock()
    yield dock
    dock.deleteLater()


def test_settings_round_trip(dock: RoadExtractorDock, tiny_model: Path, tmp_path: Path) -> None:
    settings = Settings(AreaChoice.LAYER, tiny_model, 0.35, "rural", tmp_path)
    dock.form.show_settings(settings)
    assert dock.form.settings() == settings
    dock.form.show_settings(Settings())
    assert dock.form.settings() == dataclasses.replace(Settings(), model=tiny_model)


def test_lowest_threshold_is_the_models_own(dock: RoadExtractorDock) -> None:
    assert dock.form.threshold_box.text() == "Model's default"
    assert dock.form.settings().threshold is None


def test_without_models(dock: RoadExtractorDock) -> None:
    assert dock.form.model_combo.count() == 1
    assert dock.form.settings().model is None
    assert dock.form.model_combo.card() is None


def test_model_is_described_by_its_card(dock: RoadExtractorDock, tiny_model: Path) -> None:
    combo = dock.form.model_combo
    combo.choose(tiny_model)
    assert combo.currentText() == "test network 1 · 1 m/px"
    assert "Drawn by the tests." in combo.itemData(0, Qt.ItemDataRole.ToolTipRole)
    combo.choose(tiny_model)
    assert combo.count() == 2, "a known model is not listed twice"


def test_torchscript_files_can_be_chosen(
    dock: RoadExtractorDock, card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without torch: only the card is read."""
    path, offered = tmp_path / "model.pt", []
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/code/net.py", "")
        archive.writestr("m/extra/model_card.json", card.to_json())

    def choose(*arguments: Any) -> tuple[str, str]:
        offered.append(arguments[-1])
        return str(path), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    combo = dock.form.model_combo
    combo.setCurrentIndex(combo.count() - 1)
    combo.activated.emit(combo.count() - 1)
    assert offered == ["Road Extractor models (*.onnx *.pt *.torchscript)"]
    assert combo.model() == path
    assert combo.card() == card


def test_bundled_models_are_listed(
    monkeypatch: pytest.MonkeyPatch, card_with: Any, network_file: Any, tmp_path: Path
) -> None:
    files = [network_file(tmp_path / f"{name}.onnx", card_with(name=name)) for name in ("first", "second")]
    monkeypatch.setattr(model_combo, "bundled_models", lambda: tuple(files))
    combo = model_combo.ModelCombo()
    assert [combo.itemText(i) for i in range(3)] == ["first 1 · 1 m/px", "second 1 · 1 m/px", "Choose a file…"]
    assert combo.model() == files[0]


@pytest.mark.parametrize("content", [b"no model", b""], ids=["text", "empty"])
def test_refused_file_keeps_the_choice(
    content: bytes, dock: RoadExtractorDock, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    combo, refusals = dock.form.model_combo, []
    combo.refused.connect(refusals.append)
    combo.choose(tiny_model)
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(content)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(bad), ""))
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert combo.model() == tiny_model
    assert len(refusals) == 1
    assert str(bad) in refusals[0]


def test_dialog_left_empty_keeps_the_choice(
    dock: RoadExtractorDock, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    combo = dock.form.model_combo
    combo.choose(tiny_model)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert combo.model() == tiny_model


def test_model_that_is_gone_is_left_out(dock: RoadExtractorDock, tmp_path: Path) -> None:
    dock.form.show_settings(Settings(model=tmp_path / "gone.onnx"))
    assert dock.form.settings().model is None


def test_every_input_has_a_name_and_a_place_in_the_tab_order(dock: RoadExtractorDock) -> None:
    form, panel = dock.form, dock.run_panel
    wanted = [form.layer_combo, form.area_combo, form.model_combo, form.model_picker.card_button]
    wanted += [form.threshold_box, form.preset_combo, form.folder_widget]
    assert all(widget.accessibleName() and widget.objectName() for widget in wanted)
    order: list[QWidget] = [form.layer_combo]
    while (following := order[-1].nextInFocusChain()) is not form.layer_combo:
        order.append(following)
    places = [order.index(widget) for widget in [*wanted, panel.run_button, panel.cancel_button]]
    assert places == sorted(places)


@pytest.mark.parametrize(("elapsed_s", "text"), [(10, "about 30 s left"), (600, "about 30 min left")], ids=["s", "min"])
def test_time_left(elapsed_s: float, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    panel = RunPanel()
    panel.show_started()
    now_s += elapsed_s
    panel.show_stage("network")
    panel.show_progress(25)
    assert panel.stage_label.text() == f"network · {text}"


def test_text_of_errors_is_not_markup(dock: RoadExtractorDock) -> None:
    dock.run_panel.show_message("<b>a & b</b>")
    assert "&lt;b&gt;" in dock.run_panel.result_label.text()
