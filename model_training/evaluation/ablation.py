"""What each part of the recipe is worth: short trainings that differ in one thing, and one model run in several ways.

All trainings see the same number of crops of the same size from the same scenes, and are measured on the same held-out
crops. The budget is small, so rows compare how fast something learns and not where it would end.
"""

from __future__ import annotations

import csv
import dataclasses
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_training.configuration import RunConfig, read_config
from model_training.datasets.folders import read_scene
from model_training.evaluation.figures import count_scenes
from model_training.evaluation.labelled_folder import LabelledFolder
from model_training.evaluation.prediction import PredictedScene, predict_scene
from model_training.training import run
from model_training.training.callbacks import LAST
from model_training.training.stages import is_finished
from road_extractor_plugin.compute.averaged import averaged
from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import D4, FLIPS, Views

LOG = logging.getLogger(__name__)
CONVNEXT = (
    "network.encoder=convnext_atto",
    "network.encoder_weights=none",
    "network.encoder_norm=batch",
    "schedule.encoder_rate=1.0",
    "schedule.learning_rate=2.0e-3",
)
NO_COLOURS = (
    "data.augmentation.gamma=[1.0, 1.0]",
    "data.augmentation.contrast=[1.0, 1.0]",
    "data.augmentation.brightness=[0.0, 0.0]",
    "data.augmentation.channel_gain=[1.0, 1.0]",
    "data.augmentation.saturation=[1.0, 1.0]",
    "data.augmentation.blur_probability=0.0",
    "data.augmentation.jpeg_probability=0.0",
)
NO_WARPS = ("data.augmentation.scale=[1.0, 1.0]", "data.augmentation.rotate=false")
FIGURES = ("iou", "relaxed_f1")
TILES_PX = (256, 512, 1024)


@dataclass(frozen=True)
class Variant:
    """One row: what differs from the configuration that all start from."""

    name: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """What each training may spend."""

    steps: int
    batch: int
    crop_px: int
    further: tuple[str, ...] = ()
    """Other overrides for all."""

    def changes(self) -> tuple[str, ...]:
        """As overrides of a configuration."""
        return (
            f"schedule.max_steps={self.steps}",
            f"schedule.validate_every={self.steps}",
            f"schedule.batch={self.batch}",
            f"data.crop_px={self.crop_px}",
            "schedule.max_minutes=null",
            "schedule.average_decay=0.95",
            *self.further,
        )


@dataclass(frozen=True)
class Row:
    """A measured variant."""

    name: str
    figures: dict[str, float]
    """By "<data set>/<figure>"."""
    seconds: float
    """Of training, or of inference."""


def variants(teacher: Path) -> tuple[Variant, ...]:
    """All trained rows; the first is what the others are compared with."""
    distilled = (*CONVNEXT, f"distil.teacher={teacher}")
    return (
        Variant("EfficientNet-Lite0, ImageNet weights, heads S2, graph, orientation, all augmentation"),
        Variant("from scratch", ("network.encoder_weights=none",)),
        Variant("heads F (strides 4, 2, 1)", ("network.heads=F",)),
        Variant("no graph reasoning", ("network.graph=false",)),
        Variant("no orientation task", ("network.orientation=none",)),
        Variant("no change of colours, blur, JPEG", NO_COLOURS),
        Variant("no rotation, flips, scale", NO_WARPS),
        Variant("no augmentation", (*NO_COLOURS, *NO_WARPS)),
        Variant("ConvNeXt-Atto, batch norms, from scratch", CONVNEXT),
        Variant("ConvNeXt-Atto, batch norms, distilled", distilled),
        Variant("ConvNeXt-Atto, batch norms, distilled, own decoder", (*distilled, "distil.take_decoder=false")),
        Variant("ConvNeXt-Atto, layer norms, distilled", (*distilled, "network.encoder_norm=layer")),
    )


def train_variants(base: Path, chosen: Sequence[Variant], budget: Budget, data_root: Path, output: Path) -> None:
    """Train each variant in its own folder, and write `trained.csv` anew after each; those that are done stay.

    Raises:
        ConfigError: A change is wrong.
        TrainingStoppedError: A signal ended it; the same call goes on.
    """
    rows = []
    for number, variant in enumerate(chosen):
        folder = output / f"{number:02d}"
        if not (folder / LAST).exists():
            LOG.info("%d of %d: %s", number + 1, len(chosen), variant.name)
            run.start(read_config(base, (*budget.changes(), *variant.changes)), data_root, folder)
        elif not is_finished(folder):
            run.resume(data_root, folder)
        rows.append(_trained_row(variant, folder))
        write_rows(output / "trained.csv", rows)


def _trained_row(variant: Variant, folder: Path) -> Row:
    """The figures of the last validation."""
    config: RunConfig = run.read_run_config(folder)
    last: dict[str, str] = {}
    for log in sorted((folder / "log").glob("start_*/metrics.csv")):
        with log.open(newline="", encoding="utf-8") as file:
            last = next((row for row in reversed(list(csv.DictReader(file))) if row.get("score")), last)
    names = (f"{data.path}/{figure}" for data in config.data.folders for figure in FIGURES)
    return Row(variant.name, {name: float(last[name]) for name in names}, 60.0 * float(last["minutes"]))


def run_model(model: Path, folders: Sequence[LabelledFolder], output: Path) -> None:
    """Measure a model in tiles of each side, and at the card's side with flips and turns; writes `run.csv`.

    Raises:
        DatasetError: A scene cannot be read.
    """
    tile_px = read_card(model).tiling.tile_px
    ways = [(f"tiles of {side} px", side, Views()) for side in TILES_PX]
    ways += [(f"tiles of {tile_px} px, {symmetries}", tile_px, Views(symmetries)) for symmetries in (FLIPS, D4)]
    rows = []
    for name, side, views in ways:
        compute = averaged(_in_tiles(model, side), views)
        found, started = {}, time.monotonic()
        for folder in folders:
            counts = count_scenes(_predicted(folder, compute), compute.card.thresholds)
            found.update({f"{folder.name}/{figure}": round(getattr(counts, figure), 4) for figure in FIGURES})
        rows.append(Row(name, found, time.monotonic() - started))
        write_rows(output / "run.csv", rows)


def _in_tiles(model: Path, side_px: int) -> Compute:
    card = read_card(model)
    return LocalCompute(model, dataclasses.replace(card, tiling=dataclasses.replace(card.tiling, tile_px=side_px)))


def _predicted(folder: LabelledFolder, compute: Compute) -> list[PredictedScene]:
    return [predict_scene(read_scene(paths), folder.ground_resolution_m, compute) for paths in folder.scenes()]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """A table: name, figures, seconds, and each figure divided by the first row's."""
    names = list(rows[0].figures)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["variant", *names, "seconds", *(f"{name} ratio" for name in names)])
        for row in rows:
            ratios = (row.figures[name] / max(rows[0].figures[name], 1e-9) for name in names)
            figures = (f"{row.figures[name]:.4f}" for name in names)
            writer.writerow([row.name, *figures, f"{row.seconds:.0f}", *(f"{ratio:.3f}" for ratio in ratios)])
