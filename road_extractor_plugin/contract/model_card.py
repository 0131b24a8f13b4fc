"""The model contract: what a program must know to run a road network on imagery it has never seen.

The card travels inside the model file as one JSON string (`CARD_KEY`). The training subproject fills it at
export, the plugin obeys it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Optional

from road_extractor_plugin.contract.decode import DecodeError, decode
from road_extractor_plugin.contract.errors import ModelCardError

CARD_KEY = "road_extractor.model_card"
"""Key of the card's JSON in the `metadata_props` of an ONNX file."""

SCHEMA = 1
"""The only schema that this version reads and writes."""


@dataclass(frozen=True)
class InputSpec:
    """How pixels become the tensor `image`, float32 (n, bands, h, w): `(pixels * scale - mean) / std`."""

    bands: tuple[str, ...]
    """Meaning of the channels in order, as in ("red", "green", "blue")."""
    value_range: tuple[float, float]
    """Smallest and largest pixel value before scaling; imagery of other types is stretched to it."""
    scale: float
    """Factor applied to a pixel value first, as in 1/255."""
    mean: tuple[float, ...]
    """Subtracted after scaling, one per band."""
    std: tuple[float, ...]
    """Divided by after that, one per band."""
    nodata_rule: str
    """What invalid pixels become: "mean" is the only rule known, it makes them 0 after normalisation."""
    ground_resolution_m: float
    """Metres on the ground per pixel at which the network was trained and is run, m/px."""
    ground_resolution_range_m: tuple[float, float]
    """Finest and coarsest imagery for which the network is thought to work, m/px."""


@dataclass(frozen=True)
class TilingSpec:
    """How large rasters are cut into tiles for the network."""

    tile_px: int
    """Side of the square tile at which the figures in the card were measured."""
    multiple_of: int
    """Height and width of any tile must be multiples of this."""
    margin_px: int
    """Border of a tile whose predictions are not used, where a neighbour has them better."""


@dataclass(frozen=True)
class OutputSpec:
    """One output tensor, float32 (n, channels, h / stride, w / stride)."""

    name: str
    """Name in the graph; empty for the graph's first output."""
    channels: int
    stride: int
    meaning: str
    road_channel: int
    """Channel that is the road probability; -1 for an output that has none."""


@dataclass(frozen=True)
class Thresholds:
    """Hysteresis: road is what is >= `low` and connected to something >= `high`; both 0..1."""

    high: float
    low: float


@dataclass(frozen=True)
class Evaluation:
    """Figures measured on one data set under one protocol."""

    data: str
    split: str
    protocol: str
    figures: dict[str, float]


@dataclass(frozen=True)
class SelfTest:
    """A prediction that any correct installation repeats; see `compute.self_test`."""

    seed: int
    tile_px: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    expected: tuple[float, ...]
    """Road probability at (rows[i], columns[i])."""
    tolerance: float


@dataclass(frozen=True)
class Producer:
    """Who made the file, and of what."""

    name: str
    commit: str
    encoder: str
    architecture: str


@dataclass(frozen=True)
class ModelCard:
    """Everything above, for one model file."""

    schema: int
    name: str
    version: str
    licence: str
    """SPDX identifier of the weights."""
    attributions: tuple[str, ...]
    """Sentences that the training data's owners ask for."""
    producer: Producer
    input: InputSpec
    tiling: TilingSpec
    outputs: tuple[OutputSpec, ...]
    """The road probability first."""
    thresholds: Thresholds
    evaluation: tuple[Evaluation, ...]
    """Empty when the producer gave none."""
    self_test: Optional[SelfTest]
    """None when the producer gave none."""

    def __post_init__(self) -> None:
        """Refuse values that contradict each other.

        Raises:
            ModelCardError: They do; the message names the numbers.
        """
        for broken, problem in self._rules():
            if broken:
                raise ModelCardError(f"The model card is wrong: {problem}.")

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        bands, tiling, high, low = (
            len(self.input.bands),
            self.tiling,
            self.thresholds.high,
            self.thresholds.low,
        )
        finest, coarsest = self.input.ground_resolution_range_m
        return (
            (self.schema != SCHEMA, f"schema {self.schema} is unknown, this version reads schema {SCHEMA}"),
            (bands == 0, "input has no bands"),
            (
                len(self.input.mean) != bands or len(self.input.std) != bands,
                f"{bands} bands, {len(self.input.mean)} means, {len(self.input.std)} standard deviations",
            ),
            (
                min(self.input.std, default=1.0) <= 0,
                f"standard deviations {self.input.std} are not all positive",
            ),
            (
                not 0 < finest <= self.input.ground_resolution_m <= coarsest,
                f"ground resolution {self.input.ground_resolution_m} m is outside {finest}..{coarsest} m",
            ),
            (
                tiling.multiple_of < 1 or tiling.tile_px < 1 or tiling.tile_px % tiling.multiple_of != 0,
                f"tile of {tiling.tile_px} px is not a multiple of {tiling.multiple_of} px",
            ),
            (
                not 0 <= 2 * tiling.margin_px < tiling.tile_px,
                f"a margin of {tiling.margin_px} px leaves nothing of a tile of {tiling.tile_px} px",
            ),
            (
                not 0 <= low <= high <= 1,
                f"thresholds low {low}, high {high} are not in 0 <= low <= high <= 1",
            ),
            (
                not self.outputs or not 0 <= self.outputs[0].road_channel < self.outputs[0].channels,
                "its first output has no road channel",
            ),
            (self.input.nodata_rule != "mean", f"nodata rule '{self.input.nodata_rule}' is unknown"),
        )

    def to_json(self) -> str:
        """The card as one line of JSON, keys in the order of the fields."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read a card.

        Raises:
            ModelCardError: Not JSON, an unknown schema, or a field missing or of the wrong kind.
        """
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            msg = f"The model card is not valid JSON ({error.msg} at character {error.pos})."
            raise ModelCardError(msg) from error
        schema = value.get("schema") if isinstance(value, dict) else None
        if schema != SCHEMA:
            msg = f"The model card has schema {schema!r}, this version reads schema {SCHEMA}."
            raise ModelCardError(msg)
        try:
            return decode(cls, value)
        except DecodeError as error:
            msg = f"The model card is incomplete: {error}."
            raise ModelCardError(msg) from error
