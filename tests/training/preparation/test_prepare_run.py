from __future__ import annotations

import csv
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import numpy as np
import pytest

import model_training
from model_training.errors import DatasetError, PreparationError
from model_training.preparation.command import add_parser
from road_extractor_plugin.contract.errors import DiskFullError, RequestError

Prepare = Callable[..., list[dict[str, str]]]
WriteRaster = Callable[..., Path]
WriteRoads = Callable[..., Path]


def test_a_dry_run_tells_and_writes_nothing(
    tmp_path: Path, drawn: Any, prepare: Prepare, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    raw, out = drawn.deepglobe(tmp_path / "raw"), tmp_path / "out"
    prepare("deepglobe", raw, "-o", out, "--crop", 48, "--dry-run")
    assert "train: 3 images, 12 crops" in caplog.text
    assert "GB to write" in caplog.text
    assert not out.exists()


def test_a_full_disk_is_seen_before_any_work(
    tmp_path: Path, drawn: Any, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(DiskFullError):
        prepare("deepglobe", drawn.deepglobe(tmp_path / "raw"), "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def stamps(out: Path) -> dict[str, int]:
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in sorted(out.rglob("*.png"))}


def test_a_second_run_keeps_intact_crops_and_mends_the_others(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw, out = drawn.deepglobe(tmp_path / "raw"), tmp_path / "out"
    words = ("deepglobe", raw, "-o", out, "--crop", 48)
    rows, before = prepare(*words), stamps(out)
    damaged, missing = sorted(out.rglob("train/masks/*.png"))[:2]
    damaged.write_bytes(b"half a file")
    missing.unlink()
    assert prepare(*words) == rows
    after = stamps(out)
    changed = {Path(path).name for path in after if after[path] != before[path]}
    assert changed == {damaged.name, missing.name}


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path, drawn: Any, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, out = drawn.deepglobe(tmp_path / "raw"), tmp_path / "out"
    words = ("deepglobe", raw, "-o", out, "--crop", 48)
    with monkeypatch.context() as patch:
        from model_training.preparation import run

        done = run.do_job
        calls = iter(range(10))

        def interrupted(*arguments: object) -> run.Outcome:
            if next(calls) == 2:
                raise KeyboardInterrupt
            return done(*arguments)

        patch.setattr(run, "do_job", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare(*words)
    assert not (out / "manifest.csv").exists()
    with (out / "journal.csv").open("a") as journal:
        journal.write("train/images/torn_1_1.png,train,to")
    before = stamps(out)
    assert len(before) == 2 * 4 * 2
    assert len(prepare(*words)) == 16
    after = stamps(out)
    assert {path: after[path] for path in before} == before
    assert not (out / "journal.csv").exists()


@pytest.mark.parametrize(
    ("words", "reason", "count"),
    [
        pytest.param(["--preset", "paper"], "empty frame", 25, id="by the preset"),
        pytest.param(["--crop", 40, "--least-valid", 0.5], "too little imagery", 2, id="by share of imagery"),
    ],
)
def test_crops_left_out_are_named_and_not_tried_again_until_the_image_changes(
    tmp_path: Path,
    drawn: Any,
    prepare: Prepare,
    monkeypatch: pytest.MonkeyPatch,
    words: list[object],
    reason: str,
    count: int,
) -> None:
    from model_training.preparation import run

    raw, out = drawn.massachusetts(tmp_path / "raw"), tmp_path / "out"
    words = ["massachusetts", raw, "-o", out, *words]
    rows = prepare(*words)
    with (out / "left_out.csv").open(newline="") as file:
        left_out = list(csv.DictReader(file))
    assert [(line["source"], line["reason"]) for line in left_out] == [("10221_train", reason)] * count
    assert {line["crop"] for line in left_out}.isdisjoint(row["crop"] for row in rows)
    opened = []

    def counting(source: Any, *arguments: Any) -> Any:
        opened.append(source.name)
        return open_scene(source, *arguments)

    open_scene = run.open_scene
    monkeypatch.setattr(run, "open_scene", counting)
    assert prepare(*words) == rows
    assert opened == []
    image = raw / "tiff" / "train" / "10221_train.tiff"
    drawn.save(image, drawn.image(150, 150, 1))  # the white corner is gone
    os.utime(image, (image.stat().st_mtime + 10,) * 2)
    assert len(prepare(*words)) == len(rows) + count
    assert opened == ["10221_train"]
    assert not (out / "left_out.csv").exists()


def test_a_changed_image_is_cut_again(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw, out = drawn.deepglobe(tmp_path / "raw"), tmp_path / "out"
    words = ("deepglobe", raw, "-o", out, "--crop", 96)
    rows = prepare(*words)
    path = drawn.save(raw / "train" / "9_sat.jpg", drawn.image(96, 96, 99))
    os.utime(path, (path.stat().st_mtime + 10,) * 2)
    changed = [new["source"] for old, new in zip(rows, prepare(*words)) if old != new]
    assert changed == ["9"]


def test_processes_make_the_same_crops(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw = drawn.deepglobe(tmp_path / "raw")
    alone = prepare("deepglobe", raw, "-o", tmp_path / "one", "--crop", 48)
    import argparse

    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))
    words = ["prepare", "deepglobe", str(raw), "-o", str(tmp_path / "two"), "--crop", "48", "--workers", "2"]
    options = parser.parse_args(words)
    options.command(options)
    with (tmp_path / "two" / "manifest.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == alone


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda drawn, raw, out: ("--crop", 32), "made with other settings", id="settings"),
        pytest.param(
            lambda drawn, raw, out: drawn.save(raw / "train" / "x_sat.jpg", drawn.image(9, 9)) and (),
            "has no labels",
            id="pair",
        ),
        pytest.param(
            lambda drawn, raw, out: ("--list", f"train={out.parent / 'all.txt'}"), "other images or splits", id="splits"
        ),
    ],
)
def test_crops_of_two_requests_never_mix(
    tmp_path: Path, drawn: Any, prepare: Prepare, change: Callable[[Any, Path, Path], tuple[object, ...]], sentence: str
) -> None:
    raw, out = drawn.deepglobe(tmp_path / "raw"), tmp_path / "out"
    (tmp_path / "all.txt").write_text("9\n10\n11\n12\n")
    words = ("deepglobe", raw, "-o", out)
    prepare(*words, "--crop", 48)
    more = change(drawn, raw, out)
    with pytest.raises(DatasetError, match=sentence):
        prepare(*words, *(more if "--crop" in more else ("--crop", 48, *more)))


def test_bad_files_are_named_once_everything_else_is_done(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw, out = drawn.deepglobe(tmp_path / "raw"), tmp_path / "out"
    image = raw / "train" / "9_sat.jpg"
    image.write_bytes(image.read_bytes()[:-400])
    drawn.save(raw / "train" / "10_mask.png", drawn.mask(50, 60).astype(np.uint8))
    with pytest.raises(PreparationError) as caught:
        prepare("deepglobe", raw, "-o", out, "--crop", 96)
    first, second, *_ = sorted(str(caught.value).splitlines())
    assert "10_mask.png' is 60 x 50 px, its image 96 x 96 px" in first
    assert "9_sat.jpg' cannot be read as an image" in second
    assert len(list(out.rglob("images/*.png"))) == 2
    assert not (out / "manifest.csv").exists()


def test_a_file_that_is_no_image_is_named(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    raw = drawn.deepglobe(tmp_path / "raw")
    (raw / "train" / "9_sat.jpg").write_text("not an image")
    with pytest.raises(Exception, match=r"9_sat\.jpg'"):
        prepare("deepglobe", raw, "-o", tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "missing", "sentence"),
    [
        (["deepglobe"], "train/9_mask.png", r"9_sat\.jpg' has no labels"),
        (["deepglobe"], "train/9_sat.jpg", r"9_mask\.png' has no image"),
        (["massachusetts"], "tiff/val_labels/10220_val.tif", r"10220_val\.tiff' has no labels"),
    ],
)
def test_a_missing_partner_is_named(
    tmp_path: Path, drawn: Any, prepare: Prepare, words: list[str], missing: str, sentence: str
) -> None:
    raw = drawn.deepglobe(tmp_path / "raw") if words == ["deepglobe"] else drawn.massachusetts(tmp_path / "raw")
    (raw / missing).unlink()
    with pytest.raises(DatasetError, match=sentence):
        prepare(*words, raw, "-o", tmp_path / "out")


@pytest.mark.parametrize("layout", ["deepglobe", "massachusetts", "spacenet", "folder"])
def test_an_empty_folder_is_named(tmp_path: Path, prepare: Prepare, layout: str) -> None:
    with pytest.raises(DatasetError, match=str(tmp_path)):
        prepare(layout, tmp_path, "-o", tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--preset", "paper", "--crop", 256], "--crop is 256, but must be left out with --preset paper"),
        (["--preset", "paper", "--target-resolution", 1], "--target-resolution"),
        (["--overlap", 512], "--overlap is 512"),
        (["--validation-share", 1], "--validation-share"),
    ],
)
def test_options_that_contradict_are_refused(
    tmp_path: Path, drawn: Any, prepare: Prepare, words: list[object], sentence: str
) -> None:
    with pytest.raises(RequestError, match=sentence):
        prepare("deepglobe", drawn.deepglobe(tmp_path / "raw"), "-o", tmp_path / "out", *words)


def test_images_of_unknown_resolution_are_refused(tmp_path: Path, drawn: Any, prepare: Prepare) -> None:
    drawn.save(tmp_path / "raw" / "images" / "a.png", drawn.image(30, 30))
    drawn.save(tmp_path / "raw" / "masks" / "a.png", drawn.mask(30, 30).astype(np.uint8))
    with pytest.raises(Exception, match=r"a\.png' .* --ground-resolution"):
        prepare("folder", tmp_path / "raw", "-o", tmp_path / "out")


def test_labels_without_any_road_are_pointed_out(
    tmp_path: Path, drawn: Any, prepare: Prepare, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2):
        drawn.save(tmp_path / "raw" / "images" / f"{number}.png", drawn.image(30, 30))
        drawn.save(tmp_path / "raw" / "masks" / f"{number}.png", drawn.mask(30, 30).astype(np.uint8) * number)
    prepare("folder", tmp_path / "raw", "-o", tmp_path / "out", "--ground-resolution", 1)
    assert "Images without any road: 1, '0' first" in caplog.text


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, os, signal\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from model_training.preparation.run import _follow_parent\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    pool = ProcessPoolExecutor(1, context, initializer=_follow_parent)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(model_training.__file__).parents[1])}
    # The worker holds the pipe open for as long as it lives: this returns when both are gone.
    done = subprocess.run([sys.executable, program], stdout=subprocess.PIPE, env=environment, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    assert int(done.stdout) > 0
