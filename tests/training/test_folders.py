from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from PIL import Image

from model_training.datasets.folders import ScenePaths, binary_mask, list_scenes, read_scene
from model_training.datasets.holdout import (
    TRAINING,
    VALIDATION,
    draw_split,
    read_split,
    scenes_of,
    split_scenes,
    write_split,
)
from model_training.datasets.manifest import check_resolution
from model_training.errors import DatasetError

WriteFolder = Callable[..., Path]


def test_scenes_pair_by_stem_in_sorted_order(tmp_path: Path, write_folder: WriteFolder) -> None:
    folder = write_folder(tmp_path / "drawn", 11)
    scenes = list_scenes(folder)
    assert [scene.stem for scene in scenes] == sorted(f"s{i}" for i in range(11))
    assert [scene.valid is not None for scene in scenes] == [int(scene.stem[1:]) % 2 == 1 for scene in scenes]


def test_a_scene_has_its_bytes_and_validity(tmp_path: Path, write_folder: WriteFolder) -> None:
    with_valid, without = (read_scene(list_scenes(write_folder(tmp_path / "drawn"))[i]) for i in (1, 0))
    assert with_valid.image.shape == (96, 128, 3)
    assert set(np.unique(with_valid.road)) == {0, 1}
    assert (with_valid.valid[:, :10] == 0).all()
    assert (with_valid.valid[:, 10:] == 1).all()
    assert without.valid.all()


@pytest.mark.parametrize("top", [1, 255], ids=["0/1", "0/255"])
def test_masks_of_any_range_read_the_same(top: int) -> None:
    road = np.random.default_rng(0).integers(0, 2, (8, 8)).astype(np.uint8)
    assert (binary_mask(road * np.uint8(top)) == road).all()


def test_a_mask_of_zeros_stays_empty() -> None:
    assert not binary_mask(np.zeros((4, 4), np.uint8)).any()


ANY_MASK = ("0/255", "RGB")
EXACT_MASK = (*ANY_MASK, "0/1", "1 bit", "palette")
MASK_FILES = [
    *((".jpg", kind) for kind in ANY_MASK),
    *((".bmp", kind) for kind in EXACT_MASK),
    *((suffix, kind) for suffix in (".png", ".tif") for kind in (*EXACT_MASK, "16 bit")),
]


@pytest.mark.parametrize(("suffix", "kind"), MASK_FILES)
def test_masks_of_any_file_read_the_same(tmp_path: Path, write_folder: WriteFolder, suffix: str, kind: str) -> None:
    folder = write_folder(tmp_path / "drawn", 2)
    expected = read_scene(list_scenes(folder)[0]).road
    (folder / "masks" / "s0.png").unlink()
    grey = Image.fromarray(expected * 255)
    pictures = {
        "0/1": Image.fromarray(expected),
        "0/255": grey,
        "1 bit": grey.convert("1"),
        "16 bit": Image.fromarray(expected.astype(np.uint16) * 65535),
        "RGB": grey.convert("RGB"),
        "palette": grey.convert("P"),
    }
    pictures[kind].save(folder / "masks" / f"s0{suffix}")
    read = read_scene(list_scenes(folder)[0]).road
    assert np.mean(read != expected) <= (0.01 if suffix == ".jpg" else 0)


def test_the_noise_of_a_jpeg_mask_without_roads_is_no_road(tmp_path: Path, write_folder: WriteFolder) -> None:
    folder = write_folder(tmp_path / "drawn", 2)
    (folder / "masks" / "s0.png").unlink()
    noise = np.random.default_rng(0).integers(0, 12, (96, 128)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "masks" / "s0.jpg", quality=90)
    assert not read_scene(list_scenes(folder)[0]).road.any()


def test_a_jpeg_mask_reads_as_drawn(tmp_path: Path) -> None:
    road = np.zeros((64, 64), np.uint8)
    road[20:28] = 1
    Image.fromarray(road * 255).save(tmp_path / "m.jpg", quality=60)
    noisy = np.asarray(Image.open(tmp_path / "m.jpg"))
    assert len(np.unique(noisy)) > 2
    assert (binary_mask(noisy) == road).all()


def remove_mask(folder: Path) -> None:
    (folder / "masks" / "s1.png").unlink()


def remove_image(folder: Path) -> None:
    (folder / "images" / "s2.png").unlink()


def add_twin(folder: Path) -> None:
    (folder / "images" / "s1.jpg").write_bytes(b"")


def remove_all(folder: Path) -> None:
    for path in (folder / "images").iterdir():
        path.unlink()


def cut_short(folder: Path) -> None:
    path = folder / "images" / "s1.png"
    path.write_bytes(path.read_bytes()[:200])


def write_text(folder: Path) -> None:
    (folder / "masks" / "s1.png").write_text("no image")


def shrink_mask(folder: Path) -> None:
    path = folder / "masks" / "s1.png"
    Image.open(path).resize((64, 48)).save(path)


def break_png(folder: Path) -> None:
    path = folder / "images" / "s1.png"
    content = bytearray(path.read_bytes())
    content[33:41] = b"\x00\x00\x00\x01\xab\xfd3\x00"
    path.write_bytes(bytes(content))


def deepen_image(folder: Path) -> None:
    Image.fromarray(np.zeros((96, 128), np.uint16)).save(folder / "images" / "s1.png")


def read_all(folder: Path) -> None:
    for paths in list_scenes(folder):
        read_scene(paths)


@pytest.mark.parametrize(
    ("damage", "named", "problem"),
    [
        (remove_mask, "images/s1.png", "has no mask"),
        (remove_image, "masks/s2.png", "has no image"),
        (add_twin, "images/s1.png", "same stem as 's1.jpg'"),
        (remove_all, "images", "holds no images"),
        (cut_short, "images/s1.png", "cannot be read"),
        (write_text, "masks/s1.png", "cannot be read"),
        (break_png, "images/s1.png", "cannot be read"),
        (deepen_image, "images/s1.png", "more than 8 bits per band"),
        (shrink_mask, "masks/s1.png", "mask of 64 x 48 px for an image of 128 x 96 px"),
    ],
)
def test_a_damaged_folder_is_refused_naming_the_file(
    tmp_path: Path, write_folder: WriteFolder, damage: Callable[[Path], None], named: str, problem: str
) -> None:
    folder = write_folder(tmp_path / "drawn")
    damage(folder)
    with pytest.raises(DatasetError, match=problem) as caught:
        read_all(folder)
    assert str(folder / named) in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_damaged_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"s{suffix}"
    Image.fromarray(rng.integers(0, 256, (24, 30, 3)).astype(np.uint8)).save(whole)
    mask = tmp_path / "m.png"
    Image.fromarray(np.zeros((24, 30), np.uint8)).save(mask)
    read = refused = 0
    for attempt in range(100):
        content = bytearray(whole.read_bytes())
        if attempt % 2:
            del content[rng.integers(len(content)) :]
        else:
            for place in rng.integers(0, min(len(content), 200), 4):
                content[place] = rng.integers(256)
        path.write_bytes(bytes(content))
        try:
            read_scene(ScenePaths("s", path, mask, None))
        except DatasetError as error:
            refused += str(tmp_path) in str(error)
        else:
            read += 1
    assert refused > 20
    assert read + refused == 100


def test_the_hold_out_depends_on_the_seed_alone_and_survives_its_file(data_root: Path, tmp_path: Path) -> None:
    split = draw_split(data_root, ("drawn",), 0.34, seed=1)
    assert list(split["drawn"].values()).count(VALIDATION) == 2
    assert draw_split(data_root, ("drawn",), 0.34, seed=1) == split
    assert any(draw_split(data_root, ("drawn",), 0.34, seed=seed) != split for seed in range(2, 6))
    write_split(tmp_path / "split.csv", split)
    assert read_split(tmp_path / "split.csv") == split
    assert len(scenes_of(data_root, "drawn", split, VALIDATION)) == 2


def test_each_folder_has_at_least_one_scene_held_out(data_root: Path) -> None:
    assert list(draw_split(data_root, ("drawn",), 0.0, seed=1)["drawn"].values()).count(VALIDATION) == 1


def test_images_added_after_the_split_are_refused(data_root: Path, write_folder: WriteFolder) -> None:
    split = draw_split(data_root, ("drawn",), 0.34, seed=1)
    write_folder(data_root / "drawn", 7)
    with pytest.raises(DatasetError, match=r"s6\.png' is not in the split"):
        scenes_of(data_root, "drawn", split, VALIDATION)


def test_a_file_that_is_no_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="cannot be read as a split"):
        read_split(tmp_path / "split.csv")


def test_crops_of_one_image_are_held_out_together(data_root: Path) -> None:
    stems = [path.stem for path in sorted((data_root / "drawn" / "images").iterdir())]
    rows = "".join(
        f"drawn/images/{stem}.png,drawn,{'north' if index % 2 else 'south'}\n" for index, stem in enumerate(stems)
    )
    (data_root / "manifest.csv").write_text(f"crop,split,source\n{rows}")
    parts = draw_split(data_root, ("drawn",), 0.34, seed=1)["drawn"]
    assert {parts[stem] for stem in stems[::2]} != {parts[stem] for stem in stems[1::2]}
    assert len({parts[stem] for stem in stems[::2]}) == len({parts[stem] for stem in stems[1::2]}) == 1


def test_crops_of_a_single_image_are_held_out_one_by_one(data_root: Path) -> None:
    before = draw_split(data_root, ("drawn",), 0.34, seed=1)
    stems = before["drawn"]
    rows = "".join(f"drawn/images/{stem}.png,drawn,all\n" for stem in stems)
    (data_root / "manifest.csv").write_text(f"crop,split,source\n{rows}")
    assert draw_split(data_root, ("drawn",), 0.34, seed=1) == before


@pytest.fixture
def prepared(tmp_path: Path, write_folder: WriteFolder) -> Path:
    """A data root with the prepared data set `city`: 4 training crops and 2 for validation."""
    write_folder(tmp_path / "city" / "train", 4)
    write_folder(tmp_path / "city" / "validation", 2)
    (tmp_path / "city" / "manifest.csv").write_text("crop,split,source\ntrain/images/s0.png,train,north\n")
    return tmp_path


def held_out(root: Path, *folders: str) -> list[str]:
    """Folder and stem of each scene held out, by way of the split's file."""
    write_split(root / "split.csv", split_scenes(root, folders, 0.5, seed=1))
    split = read_split(root / "split.csv")
    chosen = [scene for folder in folders for scene in scenes_of(root, folder, split, VALIDATION)]
    learnt = {scene.image for folder in folders for scene in scenes_of(root, folder, split, TRAINING)}
    assert not learnt & {scene.image for scene in chosen}
    return [f"{scene.image.parts[-3]}/{scene.stem}" for scene in chosen]


def test_the_validation_crops_of_a_prepared_set_are_held_out_and_no_others(prepared: Path) -> None:
    assert held_out(prepared, "city/train") == ["validation/s0", "validation/s1"]
    split = split_scenes(prepared, ("city/train",), 0.5, seed=1)
    assert len(scenes_of(prepared, "city/train", split, TRAINING)) == 4


def test_a_folder_without_manifest_keeps_its_own_hold_out_whatever_lies_beside_it(prepared: Path) -> None:
    (prepared / "city" / "manifest.csv").unlink()
    assert len(held_out(prepared, "city/train")) == 2
    assert {name.split("/")[0] for name in held_out(prepared, "city/train")} == {"train"}


def test_validation_crops_that_are_learnt_from_hold_out_nothing_for_others(prepared: Path) -> None:
    names = held_out(prepared, "city/train", "city/validation")
    assert [name.split("/")[0] for name in names] == ["train", "train", "validation"]


def test_validation_crops_added_after_the_split_are_refused(prepared: Path, write_folder: WriteFolder) -> None:
    split = split_scenes(prepared, ("city/train",), 0.5, seed=1)
    write_folder(prepared / "city" / "validation", 3)
    with pytest.raises(DatasetError, match=r"s2\.png' is not in the split"):
        scenes_of(prepared, "city/train", split, VALIDATION)


@pytest.fixture
def cut_at_half_a_metre(tmp_path: Path) -> Path:
    rows = "".join(
        f"{split}/images/{i}.png,{split},{m}\n" for i, (split, m) in enumerate([("train", 0.5), ("test", 2)])
    )
    (tmp_path / "manifest.csv").write_text(f"crop,split,ground_resolution_m\n{rows}")
    return tmp_path / "train"


@pytest.mark.parametrize("configured_m", [0.5, 0.47, 0.53], ids="{} m".format)
def test_the_resolution_of_the_manifest_may_be_configured(cut_at_half_a_metre: Path, configured_m: float) -> None:
    check_resolution(cut_at_half_a_metre, configured_m)


@pytest.mark.parametrize("configured_m", [1.0, 0.3], ids="{} m".format)
def test_another_resolution_than_that_of_the_manifest_is_refused(
    cut_at_half_a_metre: Path, configured_m: float
) -> None:
    with pytest.raises(DatasetError, match=f"has 0.5 m per pixel by its manifest.csv.* says {configured_m:g}"):
        check_resolution(cut_at_half_a_metre, configured_m)


def test_any_resolution_may_be_configured_without_a_manifest(tmp_path: Path) -> None:
    check_resolution(tmp_path / "train", 3.0)
