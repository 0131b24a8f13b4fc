"""Deepness' keys: ours load there, theirs load here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

from road_extractor_plugin.contract.deepness import deepness_metadata
from road_extractor_plugin.contract.errors import ModelContractMissingError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ModelOptions

KEYS: dict[str, Any] = {
    "model_type": "Segmentor",
    "class_names": {"0": "not_road", "1": "street"},
    "resolution": 21,
    "tile_size": 512,
    "tiles_overlap": 15,
}


@pytest.fixture
def keyed_model(tmp_path: Path, card: ModelCard, network_file: Callable[..., Path]) -> Callable[..., Path]:
    """A maker of models that carry only the given keys."""

    def make(keys: dict[str, Any]) -> Path:
        metadata = {key: json.dumps(value) for key, value in keys.items()}
        return network_file(tmp_path / "keyed.onnx", card, metadata=metadata)

    return make


def test_our_card_survives_the_keys(card: ModelCard, keyed_model: Callable[..., Path]) -> None:
    keys = {key: json.loads(text) for key, text in deepness_metadata(card).items()}
    again = read_card(keyed_model(keys))
    assert again.input.ground_resolution_m == card.input.ground_resolution_m
    assert again.input.mean == pytest.approx(card.input.mean)
    assert again.input.std == pytest.approx(card.input.std)
    assert again.tiling.tile_px == card.tiling.tile_px
    assert again.tiling.margin_px == card.tiling.margin_px
    assert again.thresholds.high == card.thresholds.high


def test_what_is_missing_is_asked_for(keyed_model: Callable[..., Path]) -> None:
    with pytest.raises(ModelContractMissingError) as caught:
        read_card(keyed_model(KEYS))
    assert caught.value.missing == ("the class that is road (--road-class)",)


def test_options_complete_the_keys(keyed_model: Callable[..., Path]) -> None:
    card = read_card(keyed_model(KEYS), ModelOptions(road_class=1))
    assert card.input.ground_resolution_m == 0.21
    assert (card.tiling.tile_px, card.tiling.margin_px) == (512, 38)
    assert (card.outputs[0].channels, card.outputs[0].road_channel) == (2, 1)
    assert (card.input.mean, card.input.std) == ((0.0,) * 3, (1.0,) * 3)


def test_the_users_word_goes_first(keyed_model: Callable[..., Path]) -> None:
    options = ModelOptions(ground_resolution_m=0.5, tile_px=256, margin_px=20, threshold=0.4, road_class=1)
    card = read_card(keyed_model(KEYS), options)
    assert card.input.ground_resolution_m == 0.5
    assert (card.tiling.tile_px, card.tiling.margin_px) == (256, 20)
    assert (card.thresholds.high, card.thresholds.low) == (0.4, 0.2)


def test_a_model_without_any_key_names_all_that_is_missing(keyed_model: Callable[..., Path]) -> None:
    with pytest.raises(ModelContractMissingError, match=r"--model-resolution.*--model-tile.*--road-class"):
        read_card(keyed_model({}))


def test_a_detector_is_refused(keyed_model: Callable[..., Path]) -> None:
    with pytest.raises(ModelContractMissingError, match="model_type of Segmentor"):
        read_card(keyed_model({**KEYS, "model_type": "Detector"}), ModelOptions(road_class=1))
