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
from model_training.training.distillation import DistilConfig
from model_training.training.losses import LossConfig
from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.errors import RequestError
from road_extractor_plugin.contract.model_card import InputSpec

OPTIMISERS, RATES = ("adamw", "sgd"), ("cosine", "steps")
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
    """Part of the scenes kept for validation, of each folder that has no `validation` from `prepare` beside it."""
    leave_out: tuple[str, ...] = ()
    """Scenes that are not used, as "<folder>/<stem>": those that show a place of the test images."""
    crop_px: int = 256
    """Side of a training crop; a multiple of 32."""
    validation_crop_px: int = 384
    """Side of the crop from the middle of each validation scene."""
    road_share: float = 0.75
    """Part of the crops for which a place with roads is sought."""
    workers: int = 1
    """Processes that make crops; 0 makes them in the training process."""
    memory_gb: float = 4.0
    """Decoded scenes that each training process keeps, in 10^9 bytes; the others are read anew for each crop."""
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)

    def __post_init__(self) -> None:
        """Refuse crops that the network cannot take, and a ground resolution that no card can name.

        Raises:
            RequestError: A crop's side is not a multiple of 32, or the ground resolution is outside its range.
        """
        for name, side in (("crop_px", self.crop_px), ("validation_crop_px", self.validation_crop_px)):
            if side < MULTIPLE_OF or side % MULTIPLE_OF:
                raise RequestError(f"data.{name}", side, f"a multiple of {MULTIPLE_OF}")
        finest, coarsest = self.ground_resolution_range_m
        if not 0 < finest <= self.ground_resolution_m <= coarsest:
            expected = f"within data.ground_resolution_range_m, {finest} to {coarsest} m"
            raise RequestError("data.ground_resolution_m", self.ground_resolution_m, expected)


@dataclass(frozen=True)
class ScheduleConfig:
    """Optimiser, learning rate and length."""

    batch: int = 8
    """Crops per process and batch."""
    accumulate: int = 1
    """Batches per step of the optimiser."""
    max_steps: int = 20_000
    """Steps of the optimiser, at most."""
    max_minutes: Optional[float] = None
    """Minutes of training, at most; the learning rate follows whichever limit is nearer. Not repeatable exactly."""
    optimiser: str = "adamw"
    """"adamw", or "sgd" with momentum, as in the paper."""
    momentum: float = 0.9
    """Of "sgd"."""
    learning_rate: float = 1e-3
    encoder_rate: float = 0.5
    """Factor on the learning rate for the encoder, whose weights are already good."""
    weight_decay: float = 0.02
    decay_norms: bool = False
    """Whether weight decay shrinks norms and biases too."""
    rate: str = "cosine"
    """Course of the learning rate after the warm-up: half a "cosine" to zero, or "steps" down."""
    milestones: tuple[float, ...] = (5 / 12, 9 / 12, 11 / 12)
    """Parts of the run after which "steps" goes down; these are the paper's epochs 50, 90 and 110 of 120."""
    milestone_factor: float = 0.1
    """Factor on the learning rate at each milestone."""
    warmup: float = 0.04
    """Part of the run in which the learning rate rises from 0."""
    average_decay: float = 0.998
    """Of the moving average of weights, which is what is validated and exported; 0 takes the weights themselves."""
    gradient_norm: Optional[float] = 5.0
    """Gradients are scaled down to this norm; None leaves them."""
    validate_every: int = 500
    """Steps of the optimiser between validations, each of which also writes a checkpoint."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            RequestError: A number is too small, or a choice unknown.
        """
        # Batch normalisation of the pooled 1 x 1 maps needs two images at least.
        least = {"batch": 2, "accumulate": 1, "max_steps": 1, "validate_every": 1}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise RequestError(f"schedule.{name}", getattr(self, name), f"at least {smallest}")
        for name, choices in (("optimiser", OPTIMISERS), ("rate", RATES)):
            if getattr(self, name) not in choices:
                raise RequestError(f"schedule.{name}", getattr(self, name), f"one of {', '.join(choices)}")


@dataclass(frozen=True)
class StartConfig:
    """Fine-tuning: a run that starts from the weights of another."""

    weights: Optional[str] = None
    """A checkpoint of `train`; only its weights are taken. None starts from those of the encoder."""
    reset_heads: bool = False
    """Start the heads anew, as for other labels or other heads."""
    freeze_encoder_steps: int = 0
    """Steps of the optimiser in which the encoder stays as it is, its statistics too."""

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            RequestError: Heads are reset that are new anyway, or the number of steps is negative.
        """
        if self.reset_heads and self.weights is None:
            raise RequestError("start.reset_heads", self.reset_heads, "false without start.weights (--finetune)")
        if self.freeze_encoder_steps < 0:
            raise RequestError("start.freeze_encoder_steps", self.freeze_encoder_steps, "0 or more")


@dataclass(frozen=True)
class MachineConfig:
    """How the machine is used; changes speed, and rounding, but not what is learnt."""

    precision: str = "32-true"
    """Lightning's name, or "auto": "bf16-mixed" where the GPU or the processor has bfloat16 instructions."""
    threads: Optional[int] = None
    """Threads of the CPU; None takes torch's default."""
    channels_last: bool = True
    """Memory layout; faster for networks with batch normalisation."""
    accelerator: str = "auto"
    """Lightning's name: "auto" takes a GPU when there is one, "cpu" does not."""
    devices: Optional[int] = None
    """Processes on this machine, one per GPU; None takes all GPUs, or one process without any."""
    nodes: int = 1
    """Machines; start `train` by torchrun on each."""
    synchronise_norms: bool = False
    """Batch normalisation over the images of all processes, which small batches per GPU need."""
    deterministic: bool = False
    """Only algorithms that repeat bit for bit; slower on a GPU. A CPU repeats anyway."""


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
    distil: DistilConfig = field(default_factory=DistilConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    start: StartConfig = field(default_factory=StartConfig)
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
