from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import expit

from model_training.datasets.crops import Batch
from model_training.datasets.orientation import orientation_label
from model_training.network.road_network import RoadOutputs
from model_training.training.losses import (
    LossConfig,
    cl_dice_loss,
    shrink,
    soft_iou_loss,
    soft_skeleton,
    total_loss,
    weighted_cross_entropy,
)
from model_training.training.orientation_loss import (
    BACKGROUND_CLASS,
    IGNORED,
    class_loss,
    orientation_classes,
    vector_loss,
)

RANDOM = np.random.default_rng(5)


def arrays(*shape: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, road and valid."""
    return RANDOM.normal(size=shape), (RANDOM.random(shape) < 0.3) * 1.0, (RANDOM.random(shape) < 0.8) * 1.0


def tensors(*values: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(value) for value in values]


def make_batch(road: np.ndarray, valid: np.ndarray) -> Batch:
    """A batch from masks (n, height, width)."""
    labels = [orientation_label((r * v).astype(np.uint8), v.astype(np.uint8)) for r, v in zip(road, valid)]
    count = road.shape[0]
    return Batch(
        torch.zeros(count, 3, *road.shape[1:]),
        torch.from_numpy(road * valid)[:, None].float(),
        torch.from_numpy(valid)[:, None].float(),
        torch.from_numpy(np.stack([label.vector for label in labels])),
        torch.from_numpy(np.stack([label.weight for label in labels])),
        torch.zeros(count, dtype=torch.int64),
    )


def test_cross_entropy_is_the_weighted_mean_over_valid_pixels() -> None:
    logits, road, valid = arrays(2, 1, 5, 6)
    p = expit(logits)
    pixelwise = -(3.0 * road * np.log(p) + (1 - road) * np.log(1 - p))
    expected = (pixelwise * valid).sum() / valid.sum()
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


def test_invalid_pixels_have_no_part_in_any_loss() -> None:
    road = np.zeros((2, 32, 32))
    road[:, 12:19] = 1
    valid = np.ones((2, 32, 32))
    valid[:, :, 16:] = 0
    batch = make_batch(road, valid)
    config = LossConfig(cl_dice=0.5)
    generator = torch.Generator().manual_seed(1)
    sizes = {"quarter": (2, 1, 8, 8), "full": (2, 1, 32, 32), "vector": (2, 2, 8, 8)}
    maps = {name: torch.randn(*size, generator=generator, requires_grad=True) for name, size in sizes.items()}
    parts = total_loss(RoadOutputs([maps["quarter"], maps["full"]], [maps["vector"]]), batch, config)
    assert set(parts) == {"road", "road_coarse_0", "cl_dice", "orientation"}
    sum(parts.values()).backward()
    for name, tensor in maps.items():
        half = tensor.shape[-1] // 2
        assert (tensor.grad[..., half:] == 0).all(), name
        assert (tensor.grad[..., :half] != 0).any(), name


def test_coarse_labels_are_shares_and_valid_only_where_all_pixels_are() -> None:
    road, valid = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    road[..., :2, :4] = 1
    valid[..., 7, 7] = 0
    share, known = shrink(road, valid, torch.zeros(1, 1, 2, 2))
    assert share.tolist() == [[[[0.5, 0.0], [0.0, 0.0]]]]
    assert known.tolist() == [[[[1.0, 1.0], [1.0, 0.0]]]]


def test_vector_loss_counts_only_cells_with_a_direction() -> None:
    vector, label = torch.zeros(1, 2, 1, 2), torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    assert vector_loss(vector, label, torch.tensor([[[[1.0, 0.0]]]])).item() == 1.0
    assert vector_loss(vector, label, torch.zeros(1, 1, 1, 2)).item() == 0.0


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(0, 18), (45, 22), (90, 27)],
    ids=["horizontal leads west", "diagonal leads north-west", "vertical leads north"],
)
def test_orientation_classes_lead_towards_the_origin(degrees: float, expected: int) -> None:
    angle = math.radians(degrees + 0.5)  # Off the limit between two bins.
    y, x = np.mgrid[:64, :64] - 31.5
    road = (np.abs(x * math.sin(angle) - y * math.cos(angle)) < 4)[None] * 1.0
    valid = np.ones((1, 64, 64))
    valid[:, 60:, :4] = 0
    classes = orientation_classes(make_batch(road, valid))[0, 0]
    assert classes[8, 8] == expected
    assert classes[15, 0] == IGNORED
    corner = classes[0, 15]
    assert corner == BACKGROUND_CLASS


def test_class_loss_leaves_out_ignored_pixels() -> None:
    logits = torch.zeros(1, 37, 2, 2)
    target = torch.tensor([[[[5.0, IGNORED], [36.0, IGNORED]]]])
    assert class_loss(logits, target).item() == pytest.approx(math.log(37))
    assert class_loss(logits, torch.full((1, 1, 2, 2), float(IGNORED))).item() == 0.0


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
