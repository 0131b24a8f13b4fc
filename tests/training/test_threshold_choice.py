"""How thresholds are chosen, and the other looks in which scenes are predicted for that."""

from __future__ import annotations

import numpy as np
import pytest

from model_training.evaluation.looks import LOOKS, Look
from model_training.evaluation.prediction import PredictedScene
from model_training.evaluation.threshold_choice import count_choices, nearly_best, network_scores
from road_extractor_plugin.contract.model_card import Thresholds

ROAD = np.zeros((200, 200), bool)
ROAD[97:104] = True
ROAD[:, 60:67] = True
"""Two streets that cross."""
IMAGE = np.random.default_rng(3).integers(0, 256, (40, 50, 3)).astype(np.uint8)


def scene(probability: np.ndarray, road: np.ndarray = ROAD) -> PredictedScene:
    return PredictedScene("one", probability.astype(np.uint8), road, np.ones(road.shape, bool))


def test_a_look_without_changes_changes_nothing() -> None:
    image = IMAGE
    assert np.array_equal(Look().of(image), image)


@pytest.mark.parametrize("name", LOOKS)
def test_each_look_is_another_picture_of_the_same_size_and_always_the_same(name: str) -> None:
    image = IMAGE
    before = image.copy()
    looked = LOOKS[name].of(image)
    assert looked.shape == image.shape
    assert looked.dtype == np.uint8
    assert np.abs(looked.astype(int) - image).mean() > 4
    assert np.array_equal(looked, LOOKS[name].of(image))
    assert np.array_equal(image, before)


def test_without_colours_all_bands_are_alike() -> None:
    grey = LOOKS["grey and hard"].of(IMAGE)
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_roads_that_fade_in_other_looks_lower_the_thresholds() -> None:
    sure = [count_choices([scene(np.where(ROAD, 230, 60))])]
    faded = [count_choices([scene(np.where(ROAD, 110, 60))])]
    assert nearly_best(sure, sure, within=0.0)[-1].high >= 0.85
    chosen = nearly_best(sure, faded, within=0.0)
    assert chosen
    assert all(60 / 254 < choice.low <= choice.high <= 110 / 254 for choice in chosen)


def test_only_choices_near_the_best_score_are_left_the_best_first() -> None:
    counts = [count_choices([scene(np.where(ROAD, 150, 20))])]
    best = nearly_best(counts, counts, within=0.0)
    assert set(best) < set(nearly_best(counts, counts, within=1.0))
    assert best[0] == nearly_best(counts, counts, within=1.0)[0]


def test_the_network_is_best_where_a_faint_stretch_still_connects() -> None:
    faint = np.where(ROAD, 220, 10)
    faint[:, 120:180] = np.where(ROAD[:, 120:180], 80, 10)
    low, high = Thresholds(high=0.6, low=0.2), Thresholds(high=0.6, low=0.6)
    scores = network_scores([scene(faint), scene(np.full(ROAD.shape, 10), np.zeros_like(ROAD))], [low, high], 1.0)
    assert scores[low] > scores[high] + 0.1
    assert scores[low] > 0.9


def test_scenes_without_roads_say_nothing_about_networks() -> None:
    empty = scene(np.full(ROAD.shape, 10), np.zeros_like(ROAD))
    assert network_scores([empty], [Thresholds(high=0.5, low=0.5)], 1.0) == {Thresholds(high=0.5, low=0.5): 0.0}
