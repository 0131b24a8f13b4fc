"""The metadata keys of the Deepness plugin: our models load there, and its models load here.

Each value is a JSON text. Resolution is in centimetres per pixel, overlap in percent of the tile, means and
standard deviations in units of 0..1 pixel values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

from road_extractor_plugin.contract.errors import ModelContractMissingError
from road_extractor_plugin.contract.model_card import (
    SCHEMA,
    InputSpec,
    ModelCard,
    OutputSpec,
    Producer,
    Thresholds,
    TilingSpec,
)
from road_extractor_plugin.contract.request import ModelOptions

_RGB = ("red", "green", "blue")
_EIGHT_BIT = (0.0, 255.0)
_GROUND_RESOLUTION_TOLERANCE = 2.0
"""A road looks different at half or twice the resolution; a model without a card does not say how far it goes."""


def deepness_metadata(card: ModelCard) -> dict[str, str]:
    """The keys that make a model with this card load in Deepness."""
    overlap = 100 * 2 * card.tiling.margin_px / card.tiling.tile_px
    per_unit = card.input.scale * (card.input.value_range[1] - card.input.value_range[0])
    values: dict[str, object] = {
        "model_type": "Segmentor",
        "class_names": {"0": "_background", "1": "road"},
        "resolution": round(card.input.ground_resolution_m * 100, 3),
        "tile_size": card.tiling.tile_px,
        "tiles_overlap": round(overlap, 1),
        "standardization_mean": [mean / per_unit for mean in card.input.mean],
        "standardization_std": [std / per_unit for std in card.input.std],
        "seg_thresh": card.thresholds.high,
    }
    return {key: json.dumps(value) for key, value in values.items()}


def card_from_deepness(path: Path, metadata: dict[str, str], options: ModelOptions) -> ModelCard:
    """Make a card from Deepness' keys and from what the user adds; the user's word goes first.

    Raises:
        ModelContractMissingError: Something that cannot be guessed is in neither.
    """
    keys = _parse(metadata)
    resolution_cm = _number(keys.get("resolution"))
    resolution_m = options.ground_resolution_m or (resolution_cm / 100 if resolution_cm else None)
    tile_px = options.tile_px or int(_number(keys.get("tile_size")) or 0)
    classes = _class_names(keys)
    road = options.road_class if options.road_class is not None else _road_channel(classes)
    needs = {
        "ground resolution (--model-resolution)": resolution_m,
        "tile size (--model-tile)": tile_px or None,
        "the class that is road (--road-class)": road,
        "a model_type of Segmentor": None if keys.get("model_type", "Segmentor") != "Segmentor" else True,
    }
    missing = tuple(name for name, value in needs.items() if value is None)
    if missing or resolution_m is None or road is None:
        raise ModelContractMissingError(path, missing)
    return ModelCard(
        schema=SCHEMA,
        name=path.stem,
        version="unknown",
        licence="unknown",
        attributions=(),
        producer=Producer("unknown", "unknown", "unknown", "unknown"),
        input=_input_spec(keys, options, resolution_m),
        # Many such models take tiles of just this size.
        tiling=TilingSpec(tile_px, tile_px, _margin_px(keys, options, tile_px)),
        outputs=(OutputSpec("", max(len(classes), road + 1), 1, "class scores", road),),
        thresholds=_thresholds(keys, options),
        evaluation=(),
        self_test=None,
    )


def _parse(metadata: dict[str, str]) -> dict[str, object]:
    return {key: _json_or_text(text) for key, text in metadata.items()}


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _number(value: object) -> Optional[float]:
    return float(value) if isinstance(value, (int, float)) else None


def _numbers(value: object, default: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(item) for item in value) if isinstance(value, list) and value else default


def _class_names(keys: dict[str, object]) -> tuple[str, ...]:
    names = keys.get("class_names")
    return tuple(str(name).lower() for name in names.values()) if isinstance(names, dict) else ()


def _road_channel(classes: tuple[str, ...]) -> Optional[int]:
    named = [index for index, name in enumerate(classes) if name in {"road", "roads"}]
    return named[0] if len(named) == 1 else None


def _input_spec(keys: dict[str, object], options: ModelOptions, resolution_m: float) -> InputSpec:
    # Deepness' documentation: without these keys pixels are only divided by 255.
    mean = options.mean or _numbers(keys.get("standardization_mean"), (0.0, 0.0, 0.0))
    std = options.std or _numbers(keys.get("standardization_std"), (1.0,) * len(mean))
    bands = options.bands or (_RGB if len(mean) == len(_RGB) else tuple(f"band {i + 1}" for i in range(len(mean))))
    return InputSpec(
        bands=bands,
        value_range=_EIGHT_BIT,
        scale=options.scale if options.scale is not None else 1 / 255,
        mean=mean,
        std=std,
        nodata_rule="mean",
        ground_resolution_m=resolution_m,
        ground_resolution_range_m=(
            resolution_m / _GROUND_RESOLUTION_TOLERANCE,
            resolution_m * _GROUND_RESOLUTION_TOLERANCE,
        ),
    )


def _margin_px(keys: dict[str, object], options: ModelOptions, tile_px: int) -> int:
    if options.margin_px is not None:
        return options.margin_px
    overlap_percent = _number(keys.get("tiles_overlap"))
    # A quarter of the tile as overlap is common practice where nothing is known.
    share = 0.125 if overlap_percent is None else overlap_percent / 200
    return min(int(tile_px * share), (tile_px - 1) // 2)


def _thresholds(keys: dict[str, object], options: ModelOptions) -> Thresholds:
    high = options.threshold if options.threshold is not None else _number(keys.get("seg_thresh"))
    high = 0.5 if high is None else high
    return Thresholds(high, high / 2)
