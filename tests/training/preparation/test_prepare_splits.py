from __future__ import annotations

from pathlib import Path

import pytest

from model_training.errors import DatasetError
from model_training.preparation.settings import Draw
from model_training.preparation.sources import Source
from model_training.preparation.splits import assign_splits, draw_splits, read_lists, read_splits, write_splits
from road_extractor_plugin.contract.errors import RequestError


def source(name: str, split: str | None = None, labels: str | None = "mask.png") -> Source:
    return Source(name, Path(f"{name}.png"), Path(labels) if labels else None, split=split)


def test_the_draw_is_that_of_scikit_learn() -> None:
    splits = draw_splits(list("jihgfedcba"), Draw(seed=7, validation_count=3))
    # What train_test_split(list("abcdefghij"), test_size=3, random_state=7) of scikit-learn 1.9.1 sets apart.
    assert {name for name, split in splits.items() if split == "validation"} == {"i", "f", "a"}


def test_the_papers_draw_for_deepglobe_has_its_counts() -> None:
    splits = draw_splits([str(i) for i in range(6226)], Draw(seed=7, validation_count=1530))
    assert [list(splits.values()).count(split) for split in ("train", "validation")] == [4696, 1530]
    # First of that draw by scikit-learn 1.9.1.
    assert {splits[name] for name in ("2061", "1274", "612", "3858")} == {"validation"}


def test_a_draw_depends_on_names_and_seed_only() -> None:
    names = [f"image{i}" for i in range(50)]
    draw = Draw(seed=1, validation_share=0.2, test_share=0.1)
    splits = draw_splits(names, draw)
    assert splits == draw_splits(names[::-1], draw)
    assert splits != draw_splits(names, Draw(seed=2, validation_share=0.2, test_share=0.1))
    counts = [list(splits.values()).count(split) for split in ("train", "validation", "test")]
    assert counts == [35, 10, 5]


@pytest.mark.parametrize(("count", "validation"), [(1, 0), (2, 1), (5, 1)])
def test_small_sets_keep_one_image_for_validation(count: int, validation: int) -> None:
    splits = draw_splits([str(i) for i in range(count)], Draw())
    assert list(splits.values()).count("validation") == validation


def test_what_the_data_set_says_is_kept_and_the_rest_drawn() -> None:
    splits = assign_splits([source("a", "test"), source("b"), source("c")], {}, Draw(validation_share=0.0))
    assert splits == {"a": "test", "b": "train", "c": "train"}


def test_given_lists_go_first_but_never_for_images_without_labels() -> None:
    sources = [source("a", "test"), source("b"), source("c", "unlabelled_test", labels=None)]
    splits = assign_splits(sources, {"a": "train", "b": "validation", "c": "train", "other": "train"}, Draw())
    assert splits == {"a": "train", "b": "validation", "c": "unlabelled_test"}


def test_given_lists_must_name_every_image() -> None:
    with pytest.raises(DatasetError, match=r"'b\.png' is in none of the given split lists"):
        assign_splits([source("a"), source("b")], {"a": "train"}, Draw())


def test_two_images_of_one_name_are_refused() -> None:
    with pytest.raises(DatasetError, match="same name"):
        assign_splits([source("a", "train"), source("a", "test")], {}, Draw())


def test_lists_and_tables_are_read(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a\nb extra columns\n\n")
    write_splits(tmp_path / "splits.csv", {"c": "test"})
    splits = read_lists(tmp_path / "splits.csv", [f"train={tmp_path / 'train.txt'}"])
    assert splits == {"a": "train", "b": "train", "c": "test"}
    assert read_splits(tmp_path / "splits.csv") == {"c": "test"}


def test_an_image_in_two_lists_is_refused(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / name).write_text("a\n")
    with pytest.raises(DatasetError, match="names 'a', which is in 'train' already"):
        read_lists(None, [f"train={tmp_path / 'train'}", f"test={tmp_path / 'test'}"])


@pytest.mark.parametrize("entry", ["train.txt", "=train.txt"])
def test_a_list_needs_its_split(entry: str) -> None:
    with pytest.raises(RequestError, match="SPLIT=FILE"):
        read_lists(None, [entry])


def test_files_that_are_no_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"missing\.txt"):
        read_lists(None, [f"train={tmp_path / 'missing.txt'}"])
    (tmp_path / "splits.csv").write_text("stem,part\na,train\n")
    with pytest.raises(DatasetError, match="needs the columns image and split"):
        read_splits(tmp_path / "splits.csv")


@pytest.mark.parametrize("shares", [(-0.1, 0.0), (0.5, 0.5)])
def test_shares_must_leave_something_to_train_on(shares: tuple[float, float]) -> None:
    with pytest.raises(RequestError, match="--validation-share"):
        Draw(validation_share=shares[0], test_share=shares[1])
