"""The card: complete or refused."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from road_extractor_plugin.contract.errors import ModelCardError
from road_extractor_plugin.contract.model_card import InputSpec, ModelCard, Thresholds, TilingSpec


def paths_of(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key of nested objects, but not those of the free table of figures."""
    if not isinstance(value, dict) or path[-1:] == ("figures",):
        return []
    return [found for key, item in value.items() for found in [(*path, key), *paths_of(item, (*path, key))]]


def test_round_trip(card: ModelCard) -> None:
    assert ModelCard.from_json(card.to_json()) == card


def test_card_without_self_test_round_trips(card_with: Callable[..., ModelCard]) -> None:
    card = card_with(self_test=None)
    assert ModelCard.from_json(card.to_json()) == card


def test_every_missing_field_is_named(card: ModelCard) -> None:
    whole = json.loads(card.to_json())
    paths = [path for path in paths_of(whole) if path != ("schema",)]
    assert len(paths) > 25
    for path in paths:
        damaged: Any = json.loads(card.to_json())
        parent = damaged
        for key in path[:-1]:
            parent = parent[key]
        del parent[path[-1]]
        with pytest.raises(ModelCardError, match=f"'{'.'.join(path)}' is missing"):
            ModelCard.from_json(json.dumps(damaged))


def test_unknown_keys_are_left_out(card: ModelCard) -> None:
    value = json.loads(card.to_json())
    value["later_addition"] = 1
    assert ModelCard.from_json(json.dumps(value)) == card


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "not valid JSON", id="cut short"),
        pytest.param("[]", "schema None", id="a list"),
        pytest.param('{"schema": 99}', "schema 99", id="from the future"),
    ],
)
def test_no_card(text: str, message: str) -> None:
    with pytest.raises(ModelCardError, match=message):
        ModelCard.from_json(text)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param("name", 5, "'name' is 5, not of type str", id="number for text"),
        pytest.param("attributions", "one", "'attributions' is not a list", id="text for list"),
        pytest.param("thresholds", [], "'thresholds' is not an object", id="list for object"),
        pytest.param("schema", True, "not of type int", id="true is no integer"),
    ],
)
def test_wrong_kind(card: ModelCard, key: str, value: object, message: str) -> None:
    damaged = json.loads(card.to_json())
    damaged[key] = value
    with pytest.raises(ModelCardError, match=message):
        ModelCard.from_json(json.dumps(damaged))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"tiling": TilingSpec(100, 32, 8)}, "100 px is not a multiple of 32", id="tile"),
        pytest.param({"tiling": TilingSpec(64, 32, 32)}, "margin of 32 px leaves nothing", id="margin"),
        pytest.param({"thresholds": Thresholds(0.2, 0.4)}, "low 0.4, high 0.2", id="thresholds"),
        pytest.param({"outputs": ()}, "no road channel", id="no output"),
    ],
)
def test_contradictions(card_with: Callable[..., ModelCard], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelCardError, match=message):
        card_with(**changes)


def test_bands_and_means_agree(card: ModelCard, card_with: Callable[..., ModelCard]) -> None:
    spec = InputSpec(("grey",), (0, 255), 1 / 255, (0.5, 0.5), (0.5,), "mean", 1.0, (0.5, 2.0))
    with pytest.raises(ModelCardError, match="1 bands, 2 means"):
        card_with(input=spec)
