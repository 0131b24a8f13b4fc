from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import expit

from model_training.datasets.crops import Batch, orientation_labels
from model_training.datasets.orientation_classes import IGNORED
from model_training.network.road_network import RoadOutputs
from model_training.training.losses import (
    LossConfig,
    cl_dice_loss,
    dice_loss,
    published_soft_iou_loss,
    shrink,
    soft_iou_loss,
    soft_skeleton,
    total_loss,
    weighted_cross_entropy,
)
from model_training.training.orientation_loss import class_loss, vector_loss
from road_extractor_plugin.contract.errors import RequestError

RANDOM = np.random.default_rng(5)


def arrays(*shape: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, road and valid."""
    return RANDOM.normal(size=shape), (RANDOM.random(shape) < 0.3) * 1.0, (RANDOM.random(shape) < 0.8) * 1.0


def tensors(*values: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(value) for value in values]


def make_batch(road: np.ndarray, valid: np.ndarray, orientation: str = "vector") -> Batch:
    """A batch from masks (n, height, width); what `road` has where nothing is valid stays in it."""
    count = road.shape[0]
    labels = [
        orientation_labels((r * v).astype(np.uint8), v.astype(np.uint8), orientation) for r, v in zip(road, valid)
    ]
    return Batch(
        torch.zeros(count, 3, *road.shape[1:]),
        torch.from_numpy(road)[:, None].float(),
        torch.from_numpy(valid)[:, None].float(),
        [torch.stack(label) for label in zip(*labels)],
        torch.zeros(count, dtype=torch.int64),
    )


def make_outputs(side: int, orientation: str, count: int = 2, seed: int = 1) -> RoadOutputs:
    """Random outputs of heads F for square crops."""
    generator = torch.Generator().manual_seed(seed)
    sides = (side // 4, side // 2, side)

    def maps(channels: int, wanted: tuple[int, ...]) -> list[torch.Tensor]:
        return [torch.randn(count, channels, s, s, generator=generator, requires_grad=True) for s in wanted]

    directions = {"vector": (2, sides[:1]), "classes": (37, sides), "none": (1, ())}
    return RoadOutputs(maps(1, sides), maps(*directions[orientation]))


ALL_LOSSES = LossConfig(soft_iou_published=0.7, dice=0.5, cl_dice=0.5, coarse_labels="nearest")


def test_cross_entropy_is_the_weighted_mean_over_valid_pixels() -> None:
    logits, road, valid = arrays(2, 1, 5, 6)
    p = expit(logits)
    pixelwise = -(3.0 * road * np.log(p) + (1 - road) * np.log(1 - p))
    expected = ((pixelwise * valid).sum(axis=(1, 2, 3)) / valid.sum(axis=(1, 2, 3))).mean()
    assert weighted_cross_entropy(*tensors(logits, road, valid), 3.0).item() == pytest.approx(expected)


def test_soft_iou_is_the_mean_over_images_of_the_smoothed_ratio() -> None:
    logits, road, valid = arrays(3, 1, 5, 6)
    p = expit(logits)
    ratios = []
    for pi, yi, vi in zip(p, road, valid):
        both = (pi * yi * vi).sum()
        ratios.append((both + 2.0) / ((pi * vi).sum() + (yi * vi).sum() - both + 2.0))
    assert soft_iou_loss(*tensors(p, road, valid), 2.0).item() == pytest.approx(1 - np.mean(ratios))


def test_a_crop_without_roads_still_pushes_predictions_down() -> None:
    logits = torch.zeros(1, 1, 8, 8, requires_grad=True)
    empty, valid = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    soft_iou_loss(torch.sigmoid(logits), empty, valid, 100.0).backward()
    assert (logits.grad > 0).all()


def test_dice_is_the_mean_over_images_of_the_smoothed_ratio() -> None:
    logits, road, valid = arrays(3, 1, 5, 6)
    p = expit(logits)
    ratios = [
        (2 * (pi * yi * vi).sum() + 2.0) / ((pi * vi).sum() + (yi * vi).sum() + 2.0)
        for pi, yi, vi in zip(p, road, valid)
    ]
    assert dice_loss(*tensors(p, road, valid), 2.0).item() == pytest.approx(1 - np.mean(ratios))


def test_the_published_soft_iou_is_the_paper_s_formula_over_a_softmax() -> None:
    scores = RANDOM.normal(size=(3, 2, 5, 6))
    road = (RANDOM.random((3, 5, 6)) < 0.3).astype(int)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    y = np.stack([1 - road, road], axis=1)
    both = (p * y).sum(axis=(2, 3))
    expected = -(both / (p.sum(axis=(2, 3)) + y.sum(axis=(2, 3)) - both + 1e-8)).mean()
    logit = scores[:, 1:] - scores[:, :1]
    result = published_soft_iou_loss(*tensors(expit(logit), road[:, None] * 1.0, np.ones((3, 1, 5, 6))))
    assert result.item() == pytest.approx(expected)
    assert -1 <= result.item() <= 0


def test_the_published_soft_iou_of_a_perfect_answer_is_minus_1() -> None:
    road, valid = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    road[..., 1] = 1
    assert published_soft_iou_loss(road, road, valid).item() == pytest.approx(-1.0)


@pytest.mark.parametrize("orientation", ["vector", "classes"])
def test_invalid_pixels_have_no_part_in_any_loss(orientation: str) -> None:
    road = np.zeros((2, 32, 32))
    road[:, 12:19] = 1
    valid = np.ones((2, 32, 32))
    valid[:, :, 16:] = 0
    outputs = make_outputs(32, orientation)
    parts = total_loss(outputs, make_batch(road, valid, orientation), ALL_LOSSES, 1.0)
    assert set(parts) == {"road", "road_coarse_0", "road_coarse_1", "cl_dice", "orientation"}
    sum(parts.values()).backward()
    for tensor in (*outputs.roads, *outputs.orientation):
        half = tensor.shape[-1] // 2
        assert (tensor.grad[..., half:] == 0).all(), tensor.shape
        assert (tensor.grad[..., :half] != 0).any(), tensor.shape


@pytest.mark.parametrize("orientation", ["vector", "classes"])
@pytest.mark.parametrize("coarse_labels", ["share", "nearest"])
def test_no_loss_changes_with_what_lies_under_invalid_pixels(orientation: str, coarse_labels: str) -> None:
    rng = np.random.default_rng(3)
    road, valid = rng.integers(0, 2, (2, 32, 32)) * 1.0, np.ones((2, 32, 32))
    valid[:, 5:11, 3:20] = 0
    config = LossConfig(soft_iou_published=0.7, dice=0.5, cl_dice=0.5, coarse_labels=coarse_labels)
    other = np.where(valid > 0, road, 1 - road)
    batches = [make_batch(labels, valid, orientation) for labels in (road, other)]
    first, second = (total_loss(make_outputs(32, orientation), batch, config, 1.0) for batch in batches)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


@pytest.mark.parametrize("orientation", ["vector", "classes"])
def test_the_loss_of_a_batch_is_the_mean_of_those_of_its_images(orientation: str) -> None:
    rng = np.random.default_rng(3)
    road, valid = rng.integers(0, 2, (4, 32, 32)) * 1.0, (rng.random((4, 32, 32)) < 0.97) * 1.0
    outputs = make_outputs(32, orientation, count=4)
    whole = total_loss(outputs, make_batch(road, valid, orientation), ALL_LOSSES, 1.0)
    singles = []
    for i in range(4):
        one = RoadOutputs(*([tensor[i : i + 1] for tensor in maps] for maps in outputs))
        singles.append(total_loss(one, make_batch(road[i : i + 1], valid[i : i + 1], orientation), ALL_LOSSES, 1.0))
    for name, value in whole.items():
        torch.testing.assert_close(value, torch.stack([parts[name] for parts in singles]).mean())


def test_cl_dice_comes_in_at_its_part_of_the_run() -> None:
    batch = make_batch(np.ones((1, 32, 32)), np.ones((1, 32, 32)), "none")
    config = LossConfig(cl_dice=1.0, cl_dice_start=0.4)
    names = [set(total_loss(make_outputs(32, "none", count=1), batch, config, done)) for done in (0.39, 0.4)]
    assert [("cl_dice" in part) for part in names] == [False, True]


def test_heads_but_the_finest_have_the_weight_of_coarse_heads() -> None:
    batch = make_batch(np.eye(32)[None], np.ones((1, 32, 32)), "classes")
    results = [
        total_loss(make_outputs(32, "classes", count=1), batch, LossConfig(coarse_heads=weight), 1.0)
        for weight in (0.0, 1.0, 0.25)
    ]
    none, full, quarter = results
    for name in ("road_coarse_0", "road_coarse_1", "orientation"):
        torch.testing.assert_close(quarter[name] - none[name], 0.25 * (full[name] - none[name]))
    assert none["road_coarse_0"] == 0
    assert none["orientation"] > 0


@pytest.mark.parametrize(
    "wrong",
    [{"coarse_labels": "mean"}, {"dice": -1.0}, {"cross_entropy": 0.0, "soft_iou": 0.0}],
    ids=["unknown choice", "negative", "nothing left"],
)
def test_losses_that_teach_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="but must be"):
        LossConfig(**wrong)  # type: ignore[arg-type]


def test_coarse_labels_are_shares_and_valid_only_where_all_pixels_are() -> None:
    road, valid = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    road[..., :2, :4] = 1
    valid[..., 7, 7] = 0
    share, known = shrink(road, valid, torch.zeros(1, 1, 2, 2))
    assert share.tolist() == [[[[0.5, 0.0], [0.0, 0.0]]]]
    assert known.tolist() == [[[[1.0, 1.0], [1.0, 0.0]]]]
    nearest, known = shrink(road, valid, torch.zeros(1, 1, 2, 2), nearest=True)
    assert nearest.tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]
    assert known.tolist() == [[[[1.0, 1.0], [1.0, 0.0]]]]


def test_vector_loss_counts_only_cells_with_a_direction() -> None:
    vector, label = torch.zeros(1, 2, 1, 2), torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    assert vector_loss(vector, label, torch.tensor([[[[1.0, 0.0]]]])).item() == 1.0
    assert vector_loss(vector, label, torch.zeros(1, 1, 1, 2)).item() == 0.0


def test_class_loss_leaves_out_ignored_pixels() -> None:
    logits = torch.zeros(1, 37, 2, 2)
    target = torch.tensor([[[5, IGNORED], [36, IGNORED]]], dtype=torch.uint8)
    assert class_loss(logits, target).item() == pytest.approx(math.log(37))
    assert class_loss(logits, torch.full((1, 2, 2), IGNORED, dtype=torch.uint8)).item() == 0.0


def test_soft_skeleton_of_a_bar_is_its_middle_line() -> None:
    bar = torch.zeros(1, 1, 21, 40)
    bar[..., 8:13, :] = 1
    skeleton = soft_skeleton(bar, 5)[0, 0]
    assert (skeleton[10, 5:-5] > 0.9).all()
    assert skeleton[[8, 9, 11, 12], 5:-5].abs().max() < 0.1


def test_cl_dice_is_0_for_the_same_mask_and_grows_with_a_gap() -> None:
    road = torch.zeros(1, 1, 32, 64)
    road[..., 14:19, :] = 1
    gap = road.clone()
    gap[..., 20:40] = 0
    same, broken = (cl_dice_loss(p, road, 5, 1e-3).item() for p in (road, gap))
    assert same == pytest.approx(0.0, abs=1e-3)
    assert broken > 0.15
