"""The configuration of a run: dataclasses with defaults, and a YAML file that overrides some of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import yaml

from model_training.datasets.augmentation import AugmentationConfig
from model_training.datasets.folders import FolderConfig
from model_training.errors import ConfigError
from model_training.network.road_network import MULTIPLE_OF, NetworkConfig
from model_training.training.losses import LossConfig
from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import InputSpec

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DataConfig:
    """What is learnt from."""

    folders: tuple[FolderConfig, ...] = ()
    """Data sets, each with its own ground resolution."""
    ground_resolution_m: float = 1.0
    """Metres per pixel at which the network sees all of them."""
    ground_resolution_range_m: tuple[float, float] = (0.5, 2.0)
    """Finest and coarsest imagery for which the card will name the network fit."""
    holdout_fraction: float = 0.1
    """Part of the scenes of each folder kept for validation."""
    crop_px: int = 256
    """Side of a training crop; a multiple of 32."""
    validation_crop_px: int = 384
    """Side of the crop from the middle of each validation scene."""
    road_share: float = 0.75
    """Part of the crops for which a place with roads is sought."""
    workers: int = 1
    """Processes that make crops; 0 makes them in the training process."""
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)

    def __post_init__(self) -> None:
        """Refuse crops that the network cannot take.

        Raises:
            RequestError: A crop's side is not a multiple of 32.
        """
        for name, side in (("crop_px", self.crop_px), ("validation_crop_px", self.validation_crop_px)):
            if side < MULTIPLE_OF or side % MULTIPLE_OF:
                raise RequestError(f"data.{name}", side, f"a multiple of {MULTIPLE_OF}")


@dataclass(frozen=True)
class ScheduleConfig:
    """Optimiser (AdamW), learning rate (warm-up, then cosine to zero) and length."""

    batch: int = 8
    accumulate: int = 1
    """Batches per step of the optimiser."""
    max_steps: int = 20_000
    """Steps of the optimiser, at most."""
    max_minutes: Optional[float] = None
    """Minutes of training, at most; the learning rate follows whichever limit is nearer. Not repeatable exactly."""
    learning_rate: float = 1e-3
    encoder_rate: float = 0.5
    """Factor on the learning rate for the encoder, whose weights are already good."""
    weight_decay: float = 0.02
    warmup: float = 0.04
    """Part of the run in which the learning rate rises from 0."""
    average_decay: float = 0.998
    """Of the moving average of weights, which is what is validated and exported."""
    gradient_norm: float = 5.0
    """Gradients are scaled down to this norm."""
    validate_every: int = 500
    """Batches between validations, each of which also writes a checkpoint."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            RequestError: A number is too small.
        """
        # Batch normalisation of the pooled 1 x 1 maps needs two images at least.
        least = {"batch": 2, "accumulate": 1, "max_steps": 1, "validate_every": 1}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise RequestError(f"schedule.{name}", getattr(self, name), f"at least {smallest}")


@dataclass(frozen=True)
class MachineConfig:
    """How the machine is used; changes speed, and rounding, but not what is learnt."""

    precision: str = "32-true"
    """Lightning's name; "bf16-mixed" is faster where the processor has bfloat16 instructions."""
    threads: Optional[int] = None
    """Threads of the CPU; None takes torch's default."""
    channels_last: bool = True
    """Memory layout; faster for networks with batch normalisation."""


@dataclass(frozen=True)
class CardConfig:
    """What the exported file says of itself that cannot be measured."""

    name: str = "road network"
    version: str = "1"
    licence: str = "unknown"
    """SPDX identifier of the weights."""
    attributions: tuple[str, ...] = ()
    """Sentences that the owners of the training data ask for."""


@dataclass(frozen=True)
class RunConfig:
    """Everything about one training run."""

    seed: int = 42
    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)
    card: CardConfig = field(default_factory=CardConfig)

    def input_spec(self) -> InputSpec:
        """How the plugin must prepare pixels for this network: RGB bytes, ImageNet mean and deviation."""
        return InputSpec(
            bands=("red", "green", "blue"),
            value_range=(0.0, 255.0),
            scale=1.0 / 255.0,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            nodata_rule="mean",
            ground_resolution_m=self.data.ground_resolution_m,
            ground_resolution_range_m=self.data.ground_resolution_range_m,
        )


def read_config(path: Path, overrides: tuple[str, ...] = ()) -> RunConfig:
    """Read a YAML file over the defaults.

    Args:
        path: The file.
        overrides: Further values, as in "schedule.max_steps=100".

    Raises:
        ConfigError: The file cannot be read, or a key or value is wrong.
    """
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(path, str(error)) from error
    for override in overrides:
        given = _merged(given, _as_tree(path, override), path, known_only=False)
    return config_from(given, path)


def config_from(given: dict[str, Any], path: Path) -> RunConfig:
    """The defaults with some values replaced.

    Raises:
        ConfigError: A key is unknown or a value of the wrong kind; `path` is named in the message.
    """
    merged = _merged(dataclasses.asdict(RunConfig()), given, path, known_only=True)
    try:
        return decode(RunConfig, merged)
    except DecodeError as error:
        raise ConfigError(path, str(error)) from error


def _as_tree(path: Path, override: str) -> dict[str, Any]:
    key, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(path, f"'{override}' is not of the form key=value")
    value: Any = yaml.safe_load(text)
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def _merged(base: dict[str, Any], over: object, path: Path, *, known_only: bool, where: str = "") -> dict[str, Any]:
    if not isinstance(over, dict):
        raise ConfigError(path, f"'{where or 'the file'}' is not a list of keys and values")
    merged = dict(base)
    for key, value in over.items():
        name = f"{where}.{key}" if where else str(key)
        if known_only and key not in base:
            raise ConfigError(path, f"'{name}' is unknown; known here are {', '.join(base)}")
        old = base.get(key)
        merged[key] = _merged(old, value, path, known_only=known_only, where=name) if isinstance(old, dict) else value
    return merged
