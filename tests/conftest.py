"""Fixtures that several folders of tests share: a model card and a small network that needs no training."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from pathlib import Path
from typing import Any, Callable

import hypothesis
import numpy as np
import pytest

from road_extractor_plugin.contract.deepness import deepness_metadata
from road_extractor_plugin.contract.model_card import (
    CARD_KEY,
    SCHEMA,
    Evaluation,
    InputSpec,
    ModelCard,
    OutputSpec,
    Producer,
    SelfTest,
    Thresholds,
    TilingSpec,
)
from road_extractor_plugin.contract.torchscript_archive import CARD_FILE

# how long an example takes says more about the machine than about the code
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

LOCAL_RADIUS_PX = 3
"""Three 3 x 3 convolutions see three pixels around."""


def pytest_configure(config: pytest.Config) -> None:
    """Hide QGIS where pytest-qgis is not loaded, so that those tests prove that the engine needs no QGIS."""
    if not config.pluginmanager.has_plugin("pytest_qgis"):
        for package in ("qgis", "PyQt5", "PyQt6"):
            sys.modules[package] = None  # type: ignore[assignment]


def make_card(**changes: Any) -> ModelCard:
    """A complete card of a network for 1 m imagery; `changes` replace its fields."""
    card = ModelCard(
        schema=SCHEMA,
        name="test network",
        version="1",
        licence="CC0-1.0",
        attributions=("Drawn by the tests.",),
        producer=Producer("tests", "none", "none", "three convolutions"),
        input=InputSpec(
            bands=("red", "green", "blue"),
            value_range=(0.0, 255.0),
            scale=1 / 255,
            mean=(0.4, 0.4, 0.4),
            std=(0.2, 0.2, 0.2),
            nodata_rule="mean",
            ground_resolution_m=1.0,
            ground_resolution_range_m=(0.5, 2.0),
        ),
        tiling=TilingSpec(tile_px=128, multiple_of=32, margin_px=8),
        outputs=(OutputSpec("road_probability", 1, 1, "probability of road", 0),),
        thresholds=Thresholds(0.5, 0.25),
        evaluation=(Evaluation("drawn", "test", "IoU", {"iou": 1.0}),),
        self_test=SelfTest(1, 64, (0, 5), (0, 5), (0.5, 0.5), 1.0),
    )
    return dataclasses.replace(card, **changes)


def write_local_network(path: Path, card: ModelCard, *, metadata: dict[str, str] | None = None) -> Path:
    """Three convolutions and a sigmoid that call bright pixels road; random enough to see the place of each pixel."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(7)
    bands = len(card.input.bands)
    kernels = [
        random.normal(1.0, 0.3, (4, bands, 3, 3)) / (9 * bands),
        random.normal(1.0, 0.3, (4, 4, 3, 3)) / 36,
        random.normal(1.0, 0.3, (1, 4, 3, 3)) / 36,
    ]
    names = ["image", "first", "second", "third"]
    nodes = [helper.make_node("Conv", [names[i], f"kernel_{i}"], [names[i + 1]], pads=[1, 1, 1, 1]) for i in range(3)]
    nodes += [
        helper.make_node("Mul", ["third", "slope"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "offset"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["road_probability"]),
    ]
    weights = {f"kernel_{i}": kernel for i, kernel in enumerate(kernels)}
    weights.update(slope=np.array(6.0), offset=np.array(6.0))
    graph = helper.make_graph(
        nodes,
        "local",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", bands, "h", "w"])],
        [helper.make_tensor_value_info("road_probability", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    entries = {CARD_KEY: card.to_json(), **deepness_metadata(card)} if metadata is None else metadata
    helper.set_model_props(model, entries)
    onnx.save(model, str(path))
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test read or write what is remembered of this machine."""
    monkeypatch.setenv("ROAD_EXTRACTOR_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def card() -> ModelCard:
    """A complete card."""
    return make_card()


@pytest.fixture
def card_with() -> Callable[..., ModelCard]:
    """A maker of cards with some fields replaced."""
    return make_card


@pytest.fixture
def network_file() -> Callable[..., Path]:
    """A maker of small ONNX networks: (path, card, metadata=None) -> path."""
    return write_local_network


@pytest.fixture
def tiny_model(tmp_path: Path, card: ModelCard) -> Path:
    """A small ONNX network with a card: bright pixels are road, at 1 m per pixel."""
    return write_local_network(tmp_path / "tiny.onnx", card)


@pytest.fixture
def torchscript_model(tmp_path: Path, card: ModelCard) -> Path:
    """A TorchScript network with a card: the sigmoid of the mean of its three bands."""
    torch = pytest.importorskip("torch")

    class Mean(torch.nn.Module):  # type: ignore[name-defined, misc]
        def forward(self, image: Any) -> Any:
            return torch.sigmoid(torch.nn.functional.conv2d(image, torch.full((1, 3, 1, 1), 1 / 3)))

    path = tmp_path / "tiny.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.trace(Mean().eval(), torch.zeros(1, 3, 32, 32))
        torch.jit.save(torch.jit.freeze(module), str(path), _extra_files={CARD_FILE: card.to_json()})
    return path
