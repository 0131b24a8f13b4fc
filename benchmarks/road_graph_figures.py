"""All figures of `docs/road_graph.md` that depend on the model, for the default model at its thresholds.

1. Scenes are predicted as `extract` does it: the 14 test scenes, the scenes of the training folder that a run held out,
   and some that it learnt from. What is in the folder for predictions already is not predicted again.
2. Printed are
   a. APLS, TOPO and crossings of the plain trace and of all rules on test, and held out with each rule left out;
   b. gaps: which share was joined again and which of the bridges are false, in each part and in all,
      with the rules as they are and with others for bridges;
   c. processor time of tracing per megapixel and stage, scene by scene, against that of all of `extract`, for each of
      the bundled models;
   d. APLS, correctness and completeness with the presets, on the sparser and the denser half of test and held out.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from osgeo import gdal
from road_graph import PLAIN, WITHOUT, joined, metres, print_gap_row, scores
from road_graph_measures import BUFFER_M
from road_graph_scenes import SETTINGS, Scene, cut, lines_of, prediction_scenes

from model_training.datasets.holdout import TRAINING, VALIDATION, read_split
from road_extractor_plugin.compute.metrics.apls import CITY_TILES, apls_cosmiq, apls_sat2graph
from road_extractor_plugin.compute.metrics.buffered_length import buffered_length
from road_extractor_plugin.compute.metrics.metric_graph import MetricGraph
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.raster_coding import NODATA
from road_extractor_plugin.contract.trace_settings import PRESETS, TraceSettings
from road_extractor_plugin.engine.models import default_model

TEST, TRAIN = "massachusetts/test", "massachusetts/train"
HELD_OUT, LEARNT = "held out", "learnt from"
LEARNT_COUNT = 80
MIN_ROAD = 0.05
"""Share of road in the scenes that were learnt from: enough to cut gaps into."""
ROUNDS = 3
"""Times that tracing is measured; the quickest counts, as others may use the processor as well."""


def main() -> None:
    """Predict, and print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with massachusetts/test and massachusetts/train")
    parser.add_argument("split", type=Path, help="split.csv of the model's training run")
    parser.add_argument("predictions", type=Path, help="folder for predictions")
    parser.add_argument("--tables", default="abcd", help="which to print (default: abcd)")
    options = parser.parse_args()
    parts = {name: scenes_of(name, options) for name in ("test", HELD_OUT, LEARNT)}
    if "a" in options.tables:
        print_scores(parts["test"], parts[HELD_OUT])
    if "b" in options.tables:
        print_gaps(parts)
    if "c" in options.tables:
        print_times(options)
    if "d" in options.tables:
        print_presets(parts["test"] + parts[HELD_OUT])


# Scenes


def scenes_of(name: str, options: argparse.Namespace) -> list[Scene]:
    """The predicted scenes of a part that have roads."""
    folder = options.data / (TEST if name == "test" else TRAIN)
    stems = sorted(path.stem for path in (folder / "images").iterdir())
    if name != "test":
        parts = read_split(options.split)[TRAIN]
        stems = [stem for stem in stems if parts[stem] == (VALIDATION if name == HELD_OUT else TRAINING)]
    if name == LEARNT:
        drawn = np.random.default_rng(5).permutation(stems).tolist()
        stems = [stem for stem in drawn if road_share(folder, stem) > MIN_ROAD][:LEARNT_COUNT]
    predictions = options.predictions / name.replace(" ", "_")
    predict([next((folder / "images").glob(f"{stem}.*")) for stem in stems], predictions, default_model())
    limited = argparse.Namespace(masks=folder / "masks", predictions=predictions, limit=None)
    return [scene for scene in prediction_scenes(limited, set(stems)) if scene.truth]


def road_share(folder: Path, stem: str) -> float:
    """Which share of a scene's mask is road."""
    mask = gdal.Open(str(next((folder / "masks").glob(f"{stem}.*")))).ReadAsArray()
    return float(np.mean(mask > mask.max() / 2)) if mask.any() else 0.0


def predict(images: list[Path], folder: Path, model: Path) -> float:
    """Run `extract` where there is no result yet; processor seconds."""
    missing = [str(image) for image in images if not (folder / f"{image.stem}_probability.tif").is_file()]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if missing:
        command = [sys.executable, "-m", "road_extractor_plugin", "extract", "--ground-resolution", "1"]
        options = ["--model", str(model), "--device", "cpu", "--overwrite", "--quiet", "-o", str(folder)]
        subprocess.run([*command, *options, *missing], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# Tables


def print_scores(test: list[Scene], held_out: list[Scene]) -> None:
    """Table a."""
    print(f"a. {'':<40} CosmiQ  Sat2Graph    TOPO  crossings")
    print_row(f"test ({len(test)}), plain trace", mean_scores(test, PLAIN))
    print_row("test, all rules", mean_scores(test, {}))
    print_row(f"held out ({len(held_out)}), plain trace", mean_scores(held_out, PLAIN))
    for name, changes in WITHOUT.items():
        print_row(f"held out, {name}", mean_scores(held_out, changes))


def print_row(name: str, means: np.ndarray) -> None:
    """One row of table a."""
    print(f"{name:<43} {means[0]:.3f} {means[1]:>10.3f} {means[2]:>7.3f} {means[3]:>10.3f}", flush=True)


def mean_scores(scenes: list[Scene], changes: dict[str, float]) -> np.ndarray:
    """Means over scenes weighted by length of road, and plain ones where they are alike in size."""
    found, weights = [], []
    for scene in scenes:
        truth = metres(scene.truth, scene.pixel_m)
        ours = metres(lines_of(scene.traced(**changes)), scene.pixel_m)
        found.append((0.0, 0.0, 0.0, 0.0) if ours.is_empty else scores(ours, truth))
        weights.append(truth.lengths_m.sum())
    alike = len({scene.probability.shape for scene in scenes}) == 1
    return np.average(found, axis=0, weights=None if alike else weights)


def print_gaps(parts: dict[str, list[Scene]]) -> None:
    """Table b."""
    print("\nb. gaps of 8 to 25 m                         cut   joined again   bridges over them   false joins")
    cuts = {
        name: [(scene, *cut(scene, np.random.default_rng(1))) for scene in scenes if scene.traced(max_gap_m=0.0).edges]
        for name, scenes in parts.items()
    }
    for rules in ("all rules", "bridges: any turn", "bridges: no evidence", "bridges: on a ridge"):
        counts = [np.sum([joined(*case, WITHOUT[rules]) for case in cases], axis=0) for cases in cuts.values()]
        for name, count in zip((*parts, "all"), (*counts, np.sum(counts, axis=0))):
            print_gap_row(f"{name}, {rules}", *count.tolist())


class _StageClock(SilentFeedback):
    """Processor seconds per stage."""

    def __init__(self) -> None:
        self.marks = [("", time.process_time())]

    def progress(self, fraction: float, stage: str) -> None:  # noqa: ARG002  (the protocol's)
        self.marks.append((stage, time.process_time()))

    def stages(self) -> dict[str, float]:
        """Seconds between the marks, by the stage that the first of them began."""
        spent: dict[str, float] = {}
        for (name, before), (_, after) in zip(self.marks, self.marks[1:]):
            spent[name] = spent.get(name, 0.0) + after - before
        return spent


def print_times(options: argparse.Namespace) -> None:
    """Table c, for each of the bundled models."""
    images = sorted((options.data / TEST / "images").iterdir())
    for model in sorted(default_model().parent.glob("*.onnx")):
        print(f"\nc. processor s per Mpx, {model.stem}")
        folder = options.predictions / f"{model.stem}_{time.time():.0f}"
        whole_s = predict(images, folder, model)
        settings = dataclasses.replace(SETTINGS, thresholds=read_card(model).thresholds)
        totals, pixels = [], 0
        for image in images:
            probability = gdal.Open(str(folder / f"{image.stem}_probability.tif")).ReadAsArray()
            mpx = np.count_nonzero(probability != NODATA) / 1e6
            rounds = [stages_of(probability, settings) for _ in range(ROUNDS)]
            best = min(rounds, key=lambda stages: sum(stages.values()))
            totals.append(sum(best.values()) / mpx)
            pixels += probability.size
            shares = ", ".join(f"{name} {seconds / mpx:.3f}" for name, seconds in best.items() if name)
            print(f"{image.stem:<22} {totals[-1]:>10.3f}   {shares}", flush=True)
        mean, whole = float(np.mean(totals)), whole_s / (pixels / 1e6)
        print(f"{'mean':<22} {mean:>10.3f}   all of extract {whole:.3f}, so tracing is {mean / whole:.1%}")


def stages_of(probability: np.ndarray, settings: TraceSettings) -> dict[str, float]:
    """Processor seconds of tracing once, stage by stage."""
    clock = _StageClock()
    trace(ArrayRows(probability), settings, (1.0, 1.0), clock)
    return clock.stages()


def print_presets(scenes: list[Scene]) -> None:
    """Table d. The halves have the same number of scenes."""
    truths = [metres(scene.truth, scene.pixel_m) for scene in scenes]
    areas_km2 = np.array([scene.probability.size * scene.pixel_m**2 / 1e6 for scene in scenes])
    density = np.array([truth.lengths_m.sum() / 1000 for truth in truths]) / areas_km2
    middle = float(np.median(density))
    print(f"\nd. parted at {middle:.1f} km of road per km2    CosmiQ  Sat2Graph  correctness  completeness")
    for half, chosen in (("sparse", density < middle), ("dense", density >= middle)):
        cases = [(scene, truth) for scene, truth, one in zip(scenes, truths, chosen) if one]
        weights = [truth.lengths_m.sum() for _, truth in cases]
        for name in ("default", *PRESETS):
            figures = [preset_scores(scene, truth, PRESETS.get(name, {})) for scene, truth in cases]
            means = np.average(figures, axis=0, weights=weights)
            row = "  ".join(f"{value:>9.3f}" for value in means)
            print(f"{f'{half} ({len(cases)}), {name}':<40} {row}", flush=True)


def preset_scores(scene: Scene, truth: MetricGraph, changes: Mapping[str, float]) -> tuple[float, ...]:
    """APLS of both kinds, correctness and completeness within `BUFFER_M`."""
    ours = metres(lines_of(scene.traced(**changes)), scene.pixel_m)
    if ours.is_empty:
        return 0.0, 0.0, 1.0, 0.0
    lengths = buffered_length(ours, truth, BUFFER_M)
    apls = apls_cosmiq(ours, truth).score, apls_sat2graph(ours, truth, CITY_TILES).score
    return (*apls, lengths.correctness, lengths.completeness)


if __name__ == "__main__":
    main()
