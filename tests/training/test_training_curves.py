from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from model_training.cli import main
from model_training.errors import DatasetError
from model_training.evaluation.training_curves import data_sets, draw_training, read_log


def write_log(path: Path, steps: range) -> None:
    """A loss at each step, a validation at every second."""
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a/iou", "a/relaxed_f1", "loss", "score", "step"])
        for step in steps:
            writer.writerow(["", "", 1.0 / (step + 1), "", step])
            if step % 2:
                writer.writerow([0.01 * step, 0.02 * step, "", 0.01 * step, step])


def test_a_resumed_run_is_read_without_the_steps_that_were_done_again(tmp_path: Path) -> None:
    write_log(tmp_path / "log" / "start_1" / "metrics.csv", range(8))
    write_log(tmp_path / "log" / "start_2" / "metrics.csv", range(6, 10))
    rows = read_log(tmp_path)
    assert [int(row["step"]) for row in rows if row["loss"]] == list(range(10))
    assert data_sets(rows) == ["a"]


def test_runs_that_follow_each_other_are_drawn(tmp_path: Path) -> None:
    for name in ("first", "second", "teacher"):
        write_log(tmp_path / name / "log" / "start_1" / "metrics.csv", range(10))
    picture = tmp_path / "curves.png"
    runs = [str(tmp_path / name) for name in ("first", "second")]
    assert main(["curves", *runs, "--beside", str(tmp_path / "teacher"), "-o", str(picture)]) == 0
    with Image.open(picture) as image:
        assert image.size == (1100, 400)
    with pytest.raises(DatasetError, match="holds no log of a training"):
        draw_training([tmp_path], None, picture)
