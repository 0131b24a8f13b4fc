from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path
from typing import Callable

import pytest
import torch
from torch import Tensor

from model_training.configuration import RunConfig
from model_training.datasets.augmentation import AugmentationConfig
from model_training.datasets.crops import Batch, CropRecipe, Source, TrainingCrops, ValidationCrops
from model_training.datasets.folders import list_scenes
from model_training.datasets.scenes import SceneMemory, StoredScenes
from model_training.errors import DatasetError

SCENES, SIDE_PX = 12, 256
SCENE_BYTES = 5 * SIDE_PX * SIDE_PX
SPEC = RunConfig().input_spec()
RECIPE = CropRecipe(AugmentationConfig(), crop_px=64, road_share=0.75, seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, write_folder: Callable[..., Path]) -> Path:
    return write_folder(tmp_path_factory.mktemp("many") / "drawn", SCENES, (SIDE_PX, SIDE_PX))


def stored(folder: Path, memory: SceneMemory, readers: int = 1) -> Source:
    return Source("drawn", StoredScenes(list_scenes(folder), memory, readers), 1.0, 1.0)


def tensors(sample: Batch) -> list[Tensor]:
    return [sample.image, sample.road, sample.valid, *sample.orientation]


@pytest.mark.parametrize(("kept", "readers"), [(0, 1), (3, 1), (3, 4)])
def test_crops_are_the_same_bit_for_bit_whatever_is_in_memory(folder: Path, kept: int, readers: int) -> None:
    memory = SceneMemory(kept * SCENE_BYTES)
    some = TrainingCrops([stored(folder, memory, readers)], SPEC, RECIPE)
    every = TrainingCrops([stored(folder, SceneMemory(SCENES * SCENE_BYTES))], SPEC, RECIPE)
    assert memory.kept_bytes == kept * SCENE_BYTES
    for number in range(2 * SCENES):
        assert all(map(torch.equal, tensors(some[number]), tensors(every[number]))), number


def test_memory_is_bounded_by_its_limit_and_not_by_the_data(folder: Path) -> None:
    memory = SceneMemory(2 * SCENE_BYTES)
    tracemalloc.start()
    training = TrainingCrops([stored(folder, memory)], SPEC, RECIPE)
    validation = ValidationCrops([stored(folder, memory)], SPEC, crop_px=64)
    with_roads = sum(bool(training[number].road.any()) for number in range(20))
    seen = [float(validation[number].valid.mean()) for number in range(SCENES)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert with_roads > 10
    assert min(seen) > 0
    assert memory.kept_bytes == 2 * SCENE_BYTES
    assert 2 * SCENE_BYTES < peak < 6 * SCENE_BYTES


def test_kept_scenes_are_not_read_again(tmp_path: Path, write_folder: Callable[..., Path]) -> None:
    paths = list_scenes(write_folder(tmp_path / "drawn", 2))
    scenes = StoredScenes(paths, SceneMemory(10 * SCENE_BYTES))
    first, _ = scenes
    for scene in paths:
        scene.image.unlink()
    assert scenes[0] is first


def test_a_process_that_is_not_forked_gets_no_copy_of_the_scenes(folder: Path) -> None:
    crops = TrainingCrops([stored(folder, SceneMemory(SCENES * SCENE_BYTES))], SPEC, RECIPE)
    sent = pickle.dumps(crops)
    assert len(sent) < SCENE_BYTES / 10
    assert torch.equal(pickle.loads(sent)[5].image, crops[5].image)


@pytest.mark.parametrize(
    "crops",
    [lambda source: TrainingCrops([source], SPEC, RECIPE), lambda source: ValidationCrops([source], SPEC, crop_px=64)],
    ids=["training", "validation"],
)
def test_a_damaged_file_is_named_before_the_first_crop(
    tmp_path: Path, write_folder: Callable[..., Path], crops: Callable[[Source], object]
) -> None:
    drawn = write_folder(tmp_path / "drawn", 5)
    image = drawn / "images" / "s3.png"
    image.write_bytes(image.read_bytes()[:-200])
    source = stored(drawn, SceneMemory(0), readers=2)
    with pytest.raises(DatasetError, match=r"s3\.png' cannot be read as an image"):
        crops(source)
