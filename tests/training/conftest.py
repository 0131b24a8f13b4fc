"""Drawn scenes and a small configuration, so that training can be tested in seconds and without data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageDraw

from model_training import torchvision_schemas  # noqa: F401  (before timm and lightning)
from model_training.network.road_network import DeployedNetwork, NetworkConfig, RoadNetwork

SMALL_CONFIG: dict[str, Any] = {
    "seed": 3,
    "network": {"encoder": "test_efficientnet", "encoder_weights": "none", "pyramid_channels": 8, "road_channels": 8},
    "data": {
        "folders": [{"path": "drawn", "ground_resolution_m": 1.0, "share": 1.0}],
        "holdout_fraction": 0.34,
        "crop_px": 64,
        "validation_crop_px": 64,
        "workers": 0,
    },
    "schedule": {"batch": 2, "max_steps": 6, "validate_every": 100, "learning_rate": 0.01},
    "machine": {"threads": 1, "channels_last": False, "accelerator": "cpu"},
    "card": {"name": "drawn roads", "version": "1", "licence": "CC0-1.0", "attributions": ["Drawn by a test."]},
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Small tensors gain nothing from more, and a test must not slow down its neighbours."""
    torch.set_num_threads(1)


def draw_scene(seed: int, size: tuple[int, int] = (96, 128)) -> tuple[np.ndarray, np.ndarray]:
    """Grey straight roads of 7 px on noisy green: image (height, width, 3) and mask (height, width), 0 or 1."""
    rng = np.random.default_rng(seed)
    height, width = size
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for _ in range(3):
        draw.line([tuple(rng.uniform(0, (width, height))) for _ in range(2)], fill=1, width=7)
    road = np.asarray(mask)
    ground = np.array([60, 100, 50]) + rng.normal(0, 15, (height, width, 3))
    image = np.where(road[..., None] > 0, 170 + rng.normal(0, 8, (height, width, 1)), ground)
    return image.clip(0, 255).astype(np.uint8), road


def write_scenes(folder: Path, count: int = 3, size: tuple[int, int] = (96, 128)) -> Path:
    """A data folder of drawn scenes; every other one has a valid mask."""
    for name in ("images", "masks", "valid"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, road = draw_scene(number, size)
        Image.fromarray(image).save(folder / "images" / f"s{number}.png")
        Image.fromarray(road * 255).save(folder / "masks" / f"s{number}.png")
        if number % 2:
            valid = np.full(road.shape, 255, np.uint8)
            valid[:, :10] = 0
            Image.fromarray(valid).save(folder / "valid" / f"s{number}.png")
    return folder


@pytest.fixture(scope="session")
def write_folder() -> Callable[..., Path]:
    """`write_scenes`."""
    return write_scenes


@pytest.fixture(scope="session")
def small_settings() -> dict[str, Any]:
    """The content of `small_config`."""
    return SMALL_CONFIG


@pytest.fixture
def data_root(tmp_path: Path, write_folder: Callable[..., Path]) -> Path:
    """A data root with the folder `drawn` of six scenes."""
    write_folder(tmp_path / "data" / "drawn", 6)
    return tmp_path / "data"


@pytest.fixture
def small_config(tmp_path: Path) -> Path:
    """A YAML file of a network that trains in seconds."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL_CONFIG), encoding="utf-8")
    return path


@pytest.fixture
def deployed() -> Callable[..., DeployedNetwork]:
    """A maker of untrained networks whose normalisation has seen some data, so that no output is degenerate."""

    def make(*, with_orientation: bool = False, **changes: Any) -> DeployedNetwork:
        torch.manual_seed(0)
        options = {"encoder": "test_efficientnet", "encoder_weights": "none", "pyramid_channels": 8, **changes}
        network = RoadNetwork(NetworkConfig(**options))
        with torch.no_grad():
            network.train()(torch.randn(4, 3, 64, 64))
        return DeployedNetwork(network.eval(), with_orientation=with_orientation).eval()

    return make
