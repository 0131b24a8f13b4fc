"""A picture of how training went, from the tables that it left."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from model_training.errors import DatasetError
from road_extractor_plugin.contract.errors import OutputError

LOGS = ("log/start_*/metrics.csv", "metrics*.csv")
"""Of a run's folder, and of a folder of docs/models."""
FIGURES = {"iou": "-", "relaxed_f1": "--"}
"""What is drawn of the held-out crops, and how."""
Row = dict[str, str]


def draw_training(runs: Sequence[Path], beside: Path | None, output: Path) -> None:
    """Draw the loss, and the figures on held-out crops, of runs that go on where the one before ended.

    Args:
        runs: Folders of runs.
        beside: The folder of another run, whose last figures are drawn as level lines: a student's teacher.
        output: The PNG.

    Raises:
        DatasetError: A folder holds no log.
        OutputError: The picture cannot be written.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    loss, held_out = figure.subplots(1, 2)
    first = 0
    for run in runs:
        rows = read_log(run)
        losses = [(first + int(row["step"]), float(row["loss"])) for row in rows if row.get("loss")]
        loss.plot(*zip(*losses), linewidth=0.8, label=run.name)
        for colour, name in enumerate(data_sets(rows)):
            for key, style in FIGURES.items():
                points = [(first + int(r["step"]), float(r[f"{name}/{key}"])) for r in rows if r.get(f"{name}/{key}")]
                label = f"{name} {key}" if first == 0 else None
                held_out.plot(*zip(*points), style, color=f"C{colour}", label=label)
        first += max(int(row["step"]) for row in rows) + 1
    if beside is not None:
        rows = read_log(beside)
        last = next(row for row in reversed(rows) if row.get("score"))
        for colour, name in enumerate(data_sets(rows)):
            for key, style in FIGURES.items():
                held_out.axhline(float(last[f"{name}/{key}"]), linestyle=style, color=f"C{colour}", alpha=0.35)
    for axes, title in ((loss, "training loss"), (held_out, "held-out crops")):
        axes.set(title=title, xlabel="step")
        axes.legend(fontsize=7)
    try:
        figure.savefig(output, dpi=100)
    except OSError as error:
        raise OutputError(f"Cannot write '{output}' ({error.strerror})", "Choose another file with -o") from error


def read_log(folder: Path) -> list[Row]:
    """The rows of all starts of a run in the order of their steps; of a step done twice, the later ones.

    Raises:
        DatasetError: There are none.
    """
    rows: list[Row] = []
    for path in sorted(path for pattern in LOGS for path in folder.glob(pattern)):
        with path.open(newline="", encoding="utf-8") as file:
            fresh = list(csv.DictReader(file))
        begin = min((int(row["step"]) for row in fresh), default=0)
        rows = [row for row in rows if int(row["step"]) < begin] + fresh
    if not rows:
        raise DatasetError(folder, "holds no log of a training", "Name a run's folder")
    return rows


def data_sets(rows: Sequence[Row]) -> list[str]:
    """The names of the data sets that were validated."""
    names = {name: None for row in rows for name in row}
    return [name.removesuffix("/iou") for name in names if name.endswith("/iou")]
