from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from osgeo import osr
from PIL import Image

from model_training.datasets.folders import list_scenes, read_scene
from model_training.errors import DatasetError

Prepare = Callable[..., list[dict[str, str]]]
WriteRaster = Callable[..., Path]
WriteRoads = Callable[..., Path]


def count_by_source(rows: list[dict[str, str]]) -> Counter[tuple[str, str]]:
    return Counter((row["split"], row["source"]) for row in rows)


def test_deepglobe_becomes_folders_that_training_reads(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    out = tmp_path / "out"
    rows = prepare("deepglobe", drawn.deepglobe(tmp_path / "raw"), "-o", out, "--crop", 48, "--validation-share", 0.25)
    assert Counter(row["split"] for row in rows) == {"train": 12, "validation": 4}
    scenes = list_scenes(out / "train")
    assert [scene.stem for scene in scenes] == [Path(row["crop"]).stem for row in rows if row["split"] == "train"]
    first = read_scene(scenes[0])
    assert first.image.shape == (48, 48, 3)
    assert (first.road == drawn.mask(96, 96)[:48, :48]).all()
    assert first.valid.all()


def test_a_crop_shows_its_window_of_its_own_image(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    for number in range(11):
        drawn.save(raw / "images" / f"s{number}.png", drawn.image(70, 110, number))
        drawn.save(raw / "masks" / f"s{number}.png", (drawn.image(70, 110, number)[..., 0] > 100).astype(np.uint8))
    rows = prepare("folder", raw, "-o", out, "--ground-resolution", 0.5, "--crop", 40)
    assert len(rows) == 11 * 2 * 3
    for row in rows:
        image = drawn.image(70, 110, int(row["source"][1:]))
        top, left = int(row["row_px"]), int(row["column_px"])
        part = image[top : top + 40, left : left + 40]
        crop = out / row["crop"]
        assert (np.asarray(Image.open(crop)) == part).all()
        mask = np.asarray(Image.open(crop.parent.parent / "masks" / crop.name))
        assert (mask == np.where(part[..., 0] > 100, 255, 0)).all()
        assert float(row["road_fraction"]) == pytest.approx((mask > 0).mean(), abs=1e-6)
        assert (row["ground_resolution_m"], row["valid_fraction"]) == ("0.5", "1.0")


def test_the_paper_preset_for_deepglobe(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw, out = drawn.deepglobe(tmp_path / "raw", 2, side=1024), tmp_path / "out"
    counts = count_by_source(prepare("deepglobe", raw, "-o", out, "--preset", "paper"))
    assert sorted(counts.values()) == [4, 4, 4, 9]
    assert {split for split, _ in counts} == {"train", "validation", "unlabelled_valid", "unlabelled_test"}
    assert not (out / "unlabelled_test" / "masks").exists()
    (train,) = [name for split, name in counts if split == "train"]
    names = {f"{train}_{row}_{column}.png" for row in (1, 2, 3) for column in (1, 2, 3)}
    assert {path.name for path in (out / "train" / "images").iterdir()} == names


def test_the_paper_preset_for_massachusetts(
    tmp_path: Path, drawn: Any, prepare: Prepare, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    raw, out = drawn.massachusetts(tmp_path / "raw"), tmp_path / "out"
    rows = prepare("massachusetts", raw, "-o", out, "--preset", "paper")
    assert count_by_source(rows) == {
        ("train", "10220_train"): 25,
        ("validation", "10220_val"): 9,
        ("test", "10220_test"): 9,
    }
    assert "25 crops of 1 images left out (empty frame)" in caplog.text
    assert {row["ground_resolution_m"] for row in rows} == {str(round(150 / 1536, 6))}
    mask = np.asarray(Image.open(out / "train" / "masks" / "10220_train_2_1.png"))
    assert set(np.unique(mask)) == {0, 255}


def test_white_corners_of_massachusetts_become_invalid_instead(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw, out = drawn.massachusetts(tmp_path / "raw"), tmp_path / "out"
    rows = prepare("massachusetts", raw, "-o", out, "--crop", 150)
    fractions = {row["source"]: float(row["valid_fraction"]) for row in rows}
    white = fractions.pop("10221_train")
    assert set(fractions.values()) == {1.0}
    assert white == pytest.approx(1 - 44 * 74 / 150**2, abs=0.002)
    valid = np.asarray(Image.open(out / "train" / "valid" / "10221_train_1_1.png"))
    assert not valid[:40, :70].any()
    assert valid[45:, 75:].all()


def test_spacenet_is_stretched_resampled_and_labelled(spacenet_tree: Path, tmp_path: Path, prepare: Prepare) -> None:
    out = tmp_path / "out"
    rows = prepare("spacenet", spacenet_tree, "-o", out, "--crop", 64, "--road-width", 6, "--unlabelled")
    names = {"AOI_2_Vegas_img10", "AOI_2_Vegas_img9", "AOI_3_Paris_img9", "AOI_7_Moscow_chip0", "AOI_2_Vegas_img77"}
    assert {row["source"] for row in rows} == names
    assert {row["split"] for row in rows if row["source"] == "AOI_2_Vegas_img77"} == {"unlabelled_test"}
    assert {row["ground_resolution_m"] for row in rows} == {"0.3"}
    # 130 columns of 0.2427 m are 105.2, rounded up, of 0.3 m; the pixels of 0.3 m from north to south stay.
    assert {(row["row_px"], row["column_px"]) for row in rows} == {
        (str(r), str(c)) for r in (0, 64, 66) for c in (0, 42)
    }
    labelled = next(row for row in rows if row["row_px"] == "64" and row["split"] == "train")
    crop = out / labelled["crop"]
    image, mask = np.asarray(Image.open(crop)), np.asarray(Image.open(crop.parent.parent / "masks" / crop.name))
    assert image.min() < 30
    assert image.max() > 225
    assert (mask[:11] == 255).all()
    assert not mask[12:].any()


def test_the_paper_preset_for_spacenet_keeps_its_pixels_and_areas(
    spacenet_tree: Path, tmp_path: Path, prepare: Prepare
) -> None:
    rows = prepare("spacenet", spacenet_tree, "-o", tmp_path / "out", "--preset", "paper")
    counts = count_by_source(rows)
    assert {name for _, name in counts} == {
        "AOI_2_Vegas_img10",
        "AOI_2_Vegas_img9",
        "AOI_3_Paris_img9",
        "AOI_2_Vegas_img77",
    }
    assert {(row["height_px"], row["width_px"]) for row in rows} == {("650", "650")}
    assert {row["valid_fraction"] for row in rows} == {str(round(130 * 130 / 650**2, 6))}


def test_published_lists_of_spacenet_name_products(spacenet_tree: Path, tmp_path: Path, prepare: Prepare) -> None:
    for split, names in (("train", ("AOI_2_Vegas_img10", "AOI_3_Paris_img9")), ("validation", ("AOI_2_Vegas_img9",))):
        (tmp_path / f"{split}.txt").write_text("\n".join(f"RGB-PanSharpen_{name}" for name in names))
    lists = [word for split in ("train", "validation") for word in ("--list", f"{split}={tmp_path / split}.txt")]
    rows = prepare("spacenet", spacenet_tree, "--aoi", 2, 3, "-o", tmp_path / "out", *lists)
    assert {row["source"] for row in rows if row["split"] == "validation"} == {"AOI_2_Vegas_img9"}


def test_geo_makes_crops_of_any_raster_and_roads(
    tmp_path: Path, drawn: Any, prepare: Prepare, write_raster: WriteRaster, write_roads: WriteRoads
) -> None:
    utm = osr.SpatialReference()
    utm.ImportFromEPSG(32631)
    to_degrees = osr.CoordinateTransformation(utm, utm.CloneGeogCS())
    places = [to_degrees.TransformPoint(x, 5_400_040.0)[:2] for x in (499_990.0, 500_120.0)]
    wkt = ", ".join(f"{longitude:.12f} {latitude:.12f}" for latitude, longitude in places)
    roads = write_roads(tmp_path / "roads.gpkg", [f"LINESTRING ({wkt})"], width=[10.0])
    image = drawn.image(160, 200).transpose(2, 0, 1)
    image[:, :, 150:] = 0
    geotransform = (500_000.0, 0.5, 0.0, 5_400_080.0, 0.0, -0.5)
    write_raster(tmp_path / "in" / "a.tif", image, geotransform=geotransform, crs_wkt=utm.ExportToWkt(), nodata=0)
    words = ["--roads", roads, "--target-resolution", 1, "--width-field", "width", "--crop", 64, "-o", tmp_path / "out"]
    rows = prepare("geo", tmp_path / "in", *words)
    # On UTM's central meridian 80 m of the map are 80.03 m on the ground: 81 rows, the last one hardly covered.
    assert [(row["row_px"], row["column_px"]) for row in rows] == [("0", "0"), ("0", "37"), ("17", "0"), ("17", "37")]
    mask = np.asarray(Image.open(tmp_path / "out" / "train" / "masks" / "a_1_1.png"))
    assert (np.flatnonzero(mask[:, 20]) == np.arange(35, 45)).all()
    valid = np.asarray(Image.open(tmp_path / "out" / "train" / "valid" / "a_1_2.png"))
    assert valid[:64, : 75 - 37].all()
    assert not valid[:, 76 - 37 :].any()


def test_images_smaller_than_a_crop_are_padded_as_invalid(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw = tmp_path / "raw"
    drawn.save(raw / "images" / "small.png", drawn.image(30, 50))
    drawn.save(raw / "masks" / "small.png", drawn.mask(30, 50).astype(np.uint8))
    (row,) = prepare("folder", raw, "-o", tmp_path / "out", "--ground-resolution", 1, "--crop", 64)
    assert float(row["valid_fraction"]) == pytest.approx(30 * 50 / 64**2, abs=1e-6)
    scene = read_scene(list_scenes(tmp_path / "out" / "train")[0])
    assert scene.valid[:30, :50].all()
    assert scene.valid.sum() == 30 * 50


def test_given_valid_masks_and_splits_are_kept(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw = tmp_path / "raw"
    valid = np.full((40, 40), 255, np.uint8)
    valid[:, :10] = 0
    for split in ("train", "val"):
        drawn.save(raw / split / "images" / f"{split}1.png", drawn.image(40, 40))
        drawn.save(raw / split / "masks" / f"{split}1.png", drawn.mask(40, 40).astype(np.uint8))
        drawn.save(raw / split / "valid" / f"{split}1.png", valid)
    rows = prepare("folder", raw, "-o", tmp_path / "out", "--ground-resolution", 1)
    assert [(row["split"], row["source"]) for row in rows] == [("train", "train1"), ("validation", "val1")]
    assert (read_scene(list_scenes(tmp_path / "out" / "train")[0]).valid[:40, :40] == valid // 255).all()


def test_a_target_resolution_resamples_image_and_mask_alike(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw = tmp_path / "raw"
    drawn.save(raw / "images" / "a.png", drawn.image(90, 120))
    drawn.save(raw / "masks" / "a.png", drawn.mask(90, 120).astype(np.uint8))
    words = ["--ground-resolution", 0.5, "--target-resolution", 1, "--whole", "train"]
    (row,) = prepare("folder", raw, "-o", tmp_path / "out", *words)
    assert (row["height_px"], row["width_px"], row["ground_resolution_m"]) == ("45", "60", "1.0")
    scene = read_scene(list_scenes(tmp_path / "out" / "train")[0])
    assert (np.flatnonzero(scene.road[:, 0]) == np.arange(15, 19)).all()


def test_spacenet_images_outside_test_folders_need_roads(spacenet_tree: Path, tmp_path: Path, prepare: Prepare) -> None:
    next(spacenet_tree.rglob("*Moscow*.geojson")).unlink()
    with pytest.raises(DatasetError, match=r"Moscow_PS-MS_chip0\.tif' has no labels"):
        prepare("spacenet", spacenet_tree, "-o", tmp_path / "out")


def test_spacenet_trees_with_the_other_imagery_alone_say_which(
    spacenet_tree: Path, tmp_path: Path, prepare: Prepare
) -> None:
    with pytest.raises(DatasetError, match=r"holds PS-MS or MUL-PanSharpen images but none of PS-RGB.*multispectral"):
        prepare("spacenet", spacenet_tree, "-o", tmp_path / "out", "--imagery", "rgb")
