from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import default_collate

from model_training.configuration import RunConfig
from model_training.datasets.augmentation import AugmentationConfig, Warp, cut, recolour
from model_training.datasets.crops import CropNumbers, CropRecipe, Source, TrainingCrops, ValidationCrops
from model_training.datasets.folders import Scene
from model_training.datasets.orientation import orientation_label
from model_training.errors import DatasetError

SPEC = RunConfig().input_spec()


def make_scene(height: int = 96, width: int = 128, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    road = (image[..., 0] > 200).astype(np.uint8)
    return Scene("noise", image, road, np.ones((height, width), np.uint8))


def make_crops(scene: Scene, **changes: object) -> TrainingCrops:
    recipe = CropRecipe(AugmentationConfig(), crop_px=64, road_share=0.5, seed=7)
    return TrainingCrops([Source("a", (scene,), 1.0, 1.0)], SPEC, dataclasses.replace(recipe, **changes))  # type: ignore[arg-type]


def test_a_warp_that_does_nothing_is_a_slice() -> None:
    scene = make_scene()
    crop = cut(scene, Warp(centre_x=60, centre_y=50, zoom=1.0, angle=0.0, mirrored=False), 64)
    rows, columns = slice(18, 82), slice(28, 92)
    assert (crop.image == scene.image[rows, columns]).all()
    assert (crop.road == scene.road[rows, columns]).all()
    assert crop.valid.all()


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_quarter_turns_and_mirrors_move_pixels_and_change_none(quarter_turns: int, mirrored: bool) -> None:
    scene = make_scene(64, 64)
    crop = cut(scene, Warp(32, 32, 1.0, quarter_turns * math.pi / 2, mirrored), 64)
    expected = np.rot90(scene.road, quarter_turns)
    expected = expected[:, ::-1] if mirrored else expected
    assert (crop.road == expected).all()
    assert crop.valid.all()


def test_zoom_2_takes_every_other_pixel_of_the_mask() -> None:
    scene = make_scene(128, 128)
    blocks = scene.road[:64, :64].repeat(2, axis=0).repeat(2, axis=1)
    crop = cut(dataclasses.replace(scene, road=blocks), Warp(64, 64, 2.0, 0.0, mirrored=False), 64)
    assert (crop.road == scene.road[:64, :64]).all()


@given(
    x=st.floats(-20, 150),
    y=st.floats(-20, 120),
    zoom=st.floats(0.5, 2.0),
    angle=st.floats(0, 6.28),
    mirrored=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_image_and_masks_are_warped_alike_and_outside_is_invalid(
    x: float, y: float, zoom: float, angle: float, mirrored: bool
) -> None:
    scene = make_scene()
    height, width = scene.road.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    place = Scene("place", scene.image, columns.astype(np.uint8), (rows + 100).astype(np.uint8))
    crop = cut(place, Warp(x, y, zoom, angle, mirrored), 32)
    u, v = np.meshgrid(np.arange(32) + 0.5 - 16, np.arange(32) + 0.5 - 16)
    u = -u if mirrored else u
    source_x = x + zoom * (math.cos(angle) * u - math.sin(angle) * v)
    source_y = y + zoom * (math.sin(angle) * u + math.cos(angle) * v)
    well_inside = (source_x > 1) & (source_x < width - 1) & (source_y > 1) & (source_y < height - 1)
    outside = (source_x < -1) | (source_x > width + 1) | (source_y < -1) | (source_y > height + 1)
    assert (crop.valid[outside] == 0).all()
    assert np.abs(crop.road.astype(float) + 0.5 - source_x)[well_inside].max(initial=0) <= 0.51
    assert np.abs(crop.valid.astype(float) - 100 + 0.5 - source_y)[well_inside].max(initial=0) <= 0.51


def test_a_crop_depends_on_seed_and_number_alone() -> None:
    crops, again, other = make_crops(make_scene()), make_crops(make_scene()), make_crops(make_scene(), seed=8)
    for number in (5, 0, 5):
        first, second = crops[number], again[number]
        assert torch.equal(first.image, second.image)
        assert torch.equal(first.road, second.road)
        assert all(torch.equal(a, b) for a, b in zip(first.orientation, second.orientation))
    assert not torch.equal(crops[0].image, crops[1].image)
    assert not torch.equal(crops[0].image, other[0].image)


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("vector", [(2, 2, 16, 16), (2, 1, 16, 16)]),
        ("classes", [(2, 16, 16), (2, 32, 32), (2, 64, 64)]),
        ("none", []),
    ],
)
def test_samples_stack_into_batches_with_the_labels_asked_for(kind: str, shapes: list[tuple[int, ...]]) -> None:
    crops = make_crops(make_scene(), orientation=kind)
    batch = default_collate([crops[0], crops[1]])
    assert batch.image.shape == (2, 3, 64, 64)
    assert [tuple(label.shape) for label in batch.orientation] == shapes


def test_invalid_pixels_are_zero_and_have_no_road() -> None:
    scene = make_scene()
    striped = scene.valid.copy()
    striped[:, ::2] = 0
    sample = make_crops(dataclasses.replace(scene, valid=striped))[3]
    invalid = sample.valid[0] == 0
    assert 0.1 < invalid.float().mean() < 0.9
    assert (sample.image[:, invalid] == 0).all()
    assert (sample.road[0, invalid] == 0).all()


@pytest.mark.parametrize("size", [(1, 1), (40, 40), (64, 64), (65, 63), (64, 200), (200, 50)], ids=str)
def test_scenes_of_any_shape_give_whole_crops(size: tuple[int, int]) -> None:
    scene = make_scene(*size)
    crops = make_crops(scene, augmentation=AugmentationConfig(scale=(1.0, 1.0), rotate=False))
    height, width = min(size[0], 64), min(size[1], 64)
    for number in range(4):
        sample = crops[number]
        assert sample.image.shape == (3, 64, 64)
        assert sample.valid.sum() == pytest.approx(height * width, abs=height + width)
    whole = ValidationCrops([Source("a", (scene,), 1.0, 1.0)], SPEC, crop_px=64)[0]
    assert whole.valid.sum() == pytest.approx(height * width, abs=height + width)


def test_data_without_a_valid_pixel_are_refused_by_name() -> None:
    scene = make_scene()
    with pytest.raises(DatasetError, match="'a' has no valid pixel"):
        make_crops(dataclasses.replace(scene, valid=np.zeros_like(scene.valid)))


def test_a_validation_crop_beyond_the_last_scene_counts_nothing() -> None:
    crops = ValidationCrops([Source("a", (make_scene(),), 1.0, 1.0)], SPEC, crop_px=64)
    assert crops[0].valid.all()
    assert not crops[1].valid.any()
    assert not crops[1].road.any()


@pytest.mark.parametrize("step", [90.0, 45.0])
def test_angles_are_multiples_of_their_step(step: float) -> None:
    augmentation = AugmentationConfig(scale=(1.0, 1.0), rotation_step_degrees=step)
    scene, crops = make_scene(200, 200), make_crops(make_scene(200, 200), augmentation=augmentation)
    source = Source("a", (scene,), 1.0, 1.0)
    angles = {
        round(math.degrees(crops._draw_warp(scene, source, np.random.default_rng(number)).angle), 6)  # noqa: SLF001
        for number in range(100)
    }
    assert angles == set(np.arange(0.0, 360.0, step).tolist())


def test_a_scene_smaller_than_the_crop_is_filled_with_invalid_pixels() -> None:
    sample = make_crops(make_scene(40, 40))[0]
    assert sample.image.shape == (3, 64, 64)
    assert 0.1 < sample.valid.mean() < 0.7


def test_road_share_1_finds_the_one_corner_with_roads() -> None:
    scene = make_scene(256, 256)
    corner = np.zeros_like(scene.road)
    corner[:96, :96] = 1
    found = {}
    for share in (0.0, 1.0):
        crops = make_crops(dataclasses.replace(scene, road=corner), road_share=share)
        found[share] = np.mean([crops[number].road.any() for number in range(60)])
    assert found[1.0] > found[0.0] + 0.2


def test_folders_are_drawn_by_their_shares_and_at_their_resolutions() -> None:
    fine, coarse = make_scene(), make_scene(seed=1)
    recipe = CropRecipe(AugmentationConfig(scale=(1.0, 1.0), rotate=False), 32, 0.0, 1)
    sources = [Source("fine", (fine,), 0.5, 3.0), Source("coarse", (coarse,), 1.0, 1.0)]
    crops = TrainingCrops(sources, SPEC, recipe)
    assert np.mean([int(crops[number].source) for number in range(200)]) == pytest.approx(0.25, abs=0.1)
    whole = ValidationCrops(sources, SPEC, crop_px=64)
    assert [round(float(whole[i].valid.mean()), 2) for i in (0, 1)] == [0.75, 1.0]


def test_crop_numbers_split_among_processes_without_gap_or_repeat() -> None:
    streams = [itertools.islice(iter(CropNumbers(10, rank, 3)), 4) for rank in range(3)]
    assert sorted(itertools.chain(*streams)) == list(range(10, 22))


def test_recolouring_changes_colours_but_not_geometry() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 32:] = 180
    rng = np.random.default_rng(0)
    results = [recolour(picture, AugmentationConfig(), rng) for _ in range(20)]
    assert len({int(result[32, 60, 0]) for result in results}) > 10
    for result in results:
        edge = np.abs(np.diff(result[32, :, 1].astype(int))).argmax()
        assert edge in {30, 31, 32}


@pytest.mark.parametrize("degrees", range(0, 180, 15))
def test_orientation_points_along_the_road(degrees: int) -> None:
    angle = math.radians(degrees)
    y, x = np.mgrid[:96, :96] - 47.5
    road = (np.abs(x * math.sin(angle) - y * math.cos(angle)) < 4).astype(np.uint8)
    label = orientation_label(road, np.ones_like(road))
    known = label.weight[0] > 0
    cover = road.reshape(24, 4, 24, 4).mean(axis=(1, 3)) > 0.5
    assert (known[3:-3, 3:-3] >= cover[3:-3, 3:-3]).all()
    cosine = label.vector[0] * math.cos(2 * angle) + label.vector[1] * math.sin(2 * angle)
    inner = known.copy()
    inner[:3], inner[-3:], inner[:, :3], inner[:, -3:] = False, False, False, False
    assert cosine[inner].min() > math.cos(2 * math.radians(6))


def test_orientation_is_unknown_off_roads_at_crossings_and_where_invalid() -> None:
    road = np.zeros((96, 96), np.uint8)
    road[44:52], road[:, 44:52] = 1, 1
    valid = np.ones_like(road)
    valid[:, :16] = 0
    weight = orientation_label(road * valid, valid).weight[0]
    assert weight[12, 12] == 0, "crossing"
    assert weight[3, 3] == 0, "no road"
    assert weight[12, 2] == 0, "invalid"
    assert weight[12, 20] == 1, "arm"
