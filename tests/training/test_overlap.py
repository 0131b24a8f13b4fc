from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import model_training
from model_training.cli import main
from model_training.configuration import read_config
from model_training.datasets.holdout import LEFT_OUT, read_split
from model_training.errors import OverlapError
from model_training.evaluation.labelled_folder import LabelledFolder
from model_training.evaluation.overlap import CELL_M, SAME_PLACE, check_overlap, compare, read_nearest, read_records

SIDE = 480


def landscape(seed: int, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """(height, width, 3): structures of all sizes from 4 to 60 px, as imagery has."""
    rng = np.random.default_rng(seed)
    layers = [gaussian_filter(rng.normal(size=(height, width)), size) * size for size in (3, 8, 20)]
    grey = 110 + 55 * sum(layers)
    return np.clip(grey[..., None] + [0, 8, -8], 0, 255).astype(np.uint8)


def write(folder: Path, **images: np.ndarray) -> LabelledFolder:
    """Images with empty masks, 1 m per pixel."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for stem, image in images.items():
        Image.fromarray(image).save(folder / "images" / f"{stem}.png")
        Image.fromarray(np.zeros(image.shape[:2], np.uint8)).save(folder / "masks" / f"{stem}.png")
    return LabelledFolder(folder.name, folder, 1.0)


def compressed(image: np.ndarray) -> np.ndarray:
    """After a JPEG of low quality, darker."""
    file = io.BytesIO()
    Image.fromarray((image * 0.7).astype(np.uint8)).save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file))


def test_the_same_bytes_under_another_name_are_found(tmp_path: Path) -> None:
    image = landscape(1)
    training = write(tmp_path / "training", a=landscape(2), b=image)
    (nearest,) = compare([training], [write(tmp_path / "test", other=image)])[1]
    assert (nearest.training_stem, nearest.correlation) == ("b", 1.0)
    assert nearest.is_same_place


@pytest.mark.parametrize(("down", "right"), [(200, 0), (-130, 130), (151, -97)], ids=str)
def test_a_part_cut_and_compressed_anew_is_found_at_any_shift(tmp_path: Path, down: int, right: int) -> None:
    wide = landscape(3, 3 * SIDE, 3 * SIDE)
    first = wide[SIDE : 2 * SIDE, SIDE : 2 * SIDE]
    second = wide[SIDE + down : 2 * SIDE + down, SIDE + right : 2 * SIDE + right]
    training = write(tmp_path / "training", a=landscape(2), b=first)
    (nearest,) = compare([training], [write(tmp_path / "test", cut=compressed(second))])[1]
    assert nearest.training_stem == "b"
    assert nearest.is_same_place
    assert nearest.shared_cells == pytest.approx((SIDE - abs(down)) * (SIDE - abs(right)) / CELL_M**2, rel=0.1)


def test_different_places_stay_far_below_the_limit_and_are_written_down(tmp_path: Path) -> None:
    images = {f"i{seed}": landscape(seed) for seed in range(10, 16)}
    lake = np.full((SIDE, SIDE, 3), 30, np.uint8)
    training = write(tmp_path / "training", **dict(list(images.items())[:4]), lake=lake)
    test = write(tmp_path / "test", **dict(list(images.items())[4:]), lake=lake + 1)
    check_overlap([training], [test], tmp_path / "out")
    nearest = {pair.stem: pair for pair in read_nearest(tmp_path / "out" / "nearest.csv")}
    assert nearest.keys() == {"i14", "i15", "lake"}
    assert max(nearest["i14"].evidence, nearest["i15"].evidence) < 0.75 * SAME_PLACE
    assert nearest["lake"].evidence == 0.0
    records = read_records(tmp_path / "out" / "scenes.csv")
    assert [record.stem for record in records if record.part == "training"] == ["i10", "i11", "i12", "i13", "lake"]
    digest = hashlib.sha256(images["i10"].tobytes()).hexdigest()
    assert next(record.sha256 for record in records if record.stem == "i10") == digest


def test_overlap_ends_the_command_with_both_names_after_the_tables_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training, test = write(tmp_path / "training", a=landscape(1)), write(tmp_path / "test", b=landscape(1))
    with pytest.raises(OverlapError, match=r"1 test images.*test/b and training/a"):
        check_overlap([training], [test], tmp_path / "out")
    assert (tmp_path / "out" / "nearest.csv").is_file()
    folders = ["--training", f"{training.path}@1.0", "--test", f"{test.path}@1.0"]
    assert main(["overlap", *folders, "-o", str(tmp_path / "again")]) == 2
    assert "figures on them would mean nothing" in capsys.readouterr().err


def test_images_that_are_not_trained_on_may_show_what_is_tested_on(tmp_path: Path) -> None:
    training = write(tmp_path / "training", a=landscape(1), b=landscape(2))
    test = write(tmp_path / "test", c=landscape(1))
    folders = ["--training", f"{training.path}@1.0", "--test", f"{test.path}@1.0"]
    name = f"{tmp_path.name}/training/a"
    assert main(["overlap", *folders, "--leave-out", name, "-o", str(tmp_path / "out")]) == 0
    records = read_records(tmp_path / "out" / "scenes.csv")
    assert [record.stem for record in records if record.part == "training"] == ["b"]


CONFIGS = Path(model_training.__file__).parent / "configs"
SHIPPED = Path(__file__).resolve().parents[2] / "docs" / "models"


def test_no_test_image_and_nothing_that_shows_one_was_trained_on() -> None:
    records = read_records(SHIPPED / "scenes.csv")
    hashes = {part: {record.sha256 for record in records if record.part == part} for part in ("training", "test")}
    assert all(hashes.values())
    assert not hashes["training"] & hashes["test"]
    tests = {f"{record.folder}/{record.stem}" for record in records if record.part == "test"}
    nearest = {f"{pair.folder}/{pair.stem}": pair for pair in read_nearest(SHIPPED / "nearest.csv")}
    assert nearest.keys() == tests
    assert not [name for name, pair in nearest.items() if pair.is_same_place]
    tables = sorted(SHIPPED.glob("*/evaluation.csv"))
    assert tables
    for table in tables:
        with table.open() as file:
            measured = {f"{row['data']}/{row['scene']}" for row in csv.DictReader(file)}
        assert measured == tests, table


@pytest.mark.parametrize("split", sorted(SHIPPED.glob("*/split.csv")), ids=lambda path: path.parent.name)
def test_all_that_the_shipped_models_were_trained_on_is_in_the_manifest(split: Path) -> None:
    records = read_records(SHIPPED / "scenes.csv")
    known = {f"{record.folder}/{record.stem}" for record in records if record.part == "training"}
    parts = {f"{folder}/{stem}": part for folder, stems in read_split(split).items() for stem, part in stems.items()}
    used = {scene for scene, part in parts.items() if part != LEFT_OUT}
    assert used == known
    for name in ("starter", "student", "student_finetune"):
        assert set(read_config(CONFIGS / f"{name}.yaml").data.leave_out) == parts.keys() - used, name
