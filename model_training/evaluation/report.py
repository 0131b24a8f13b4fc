"""Evaluating an exported file on folders, and the report of it.

<output>/index.html                          to look through: scenes worst first
<output>/evaluation.json                     figures of each data set, with their protocols
<output>/evaluation.csv                      figures of each scene
<output>/curves.csv, curves_<data>.png       figures at every threshold
<output>/pictures/<data>/<scene>.jpg         image, label, heat map, prediction
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model_training.evaluation import curves
from model_training.evaluation.index_page import index_page
from model_training.evaluation.labelled_folder import LabelledFolder
from model_training.evaluation.measure import FolderReport, measure_folder
from model_training.export.open_model import open_model
from road_extractor_plugin.contract.errors import OutputError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard


def evaluate_model(model: Path, folders: Sequence[LabelledFolder], output: Path) -> None:
    """Evaluate a file and write the report; an earlier report there is replaced, when this one is complete.

    Raises:
        ModelUnreadableError: Neither ONNX nor TorchScript.
        ModelCardError: Its card is wrong.
        DatasetError: A scene cannot be read.
        RequestError: Two folders have the same name.
        OutputError: The output folder cannot be written.
    """
    slugs = {folder.name: file_name(folder.name) for folder in folders}
    if len(slugs) < len(folders):
        raise RequestError("folders", ", ".join(folder.name for folder in folders), "folders of different names")
    compute = open_model(model)
    with _draft_of(output) as draft:
        reports = [measure_folder(folder, compute, draft / "pictures" / slugs[folder.name]) for folder in folders]
        summary = summary_of(compute.card, reports)
        (draft / "evaluation.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        _write_scenes(draft / "evaluation.csv", reports)
        curves.write_curves(draft / "curves.csv", {report.name: report.curve for report in reports})
        for report in reports:
            picture = draft / f"curves_{slugs[report.name]}.png"
            curves.draw_curves(picture, report.name, report.curve, report.masks, compute.card.thresholds)
        (draft / "index.html").write_text(index_page(compute.card, reports, slugs), encoding="utf-8")


def file_name(name: str) -> str:
    """A data set's name as part of file names."""
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)


def summary_of(card: ModelCard, reports: Sequence[FolderReport]) -> dict[str, Any]:
    """What `evaluation.json` says."""
    return {
        "model": card.name,
        "version": card.version,
        "ground_resolution_m": card.input.ground_resolution_m,
        "thresholds": {"high": card.thresholds.high, "low": card.thresholds.low},
        "thresholds_protocol": "chosen on scenes held out of training, when the model was exported",
        "curves_protocol": curves.PROTOCOL,
        "data": {
            report.name: {
                "scenes": len(report.scenes),
                "figures": {
                    name: {"value": value, "protocol": report.protocols[name]} for name, value in report.figures.items()
                },
            }
            for report in reports
        },
    }


def _write_scenes(path: Path, reports: Sequence[FolderReport]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["data", "scene", *reports[0].figures])
        for report in reports:
            writer.writerows((report.name, scene.stem, *scene.figures().values()) for scene in report.scenes)


@contextmanager
def _draft_of(output: Path) -> Iterator[Path]:
    """A folder whose content takes the place of that in `output` when the block ends well."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}_", dir=output.parent) as folder:
            yield Path(folder)
            output.mkdir(exist_ok=True)
            for made in Path(folder).iterdir():
                if made.is_dir():
                    shutil.rmtree(output / made.name, ignore_errors=True)
                made.replace(output / made.name)
    except OSError as error:
        problem = f"Cannot write into '{output}' ({error.strerror})"
        raise OutputError(problem, "Choose another folder with -o") from error
