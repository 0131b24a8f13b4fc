"""Networks of four scenes over their imagery, in one picture to look at.

python benchmarks/road_graph_pictures.py [--data DIR] [OUT.jpg]

Without a folder of data sets, four parts of the example. Default model and settings. Lines are red, bridged gaps
magenta and dashed, nodes blue, dead ends yellow, road surfaces light blue.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from osgeo import gdal

from model_training.datasets.folders import Scene, list_scenes, read_scene
from model_training.evaluation.prediction import predict_scene, resample
from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.road_graph import BRIDGED
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.open_compute import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from road_extractor_plugin.compute.traced import Traced

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE, PICTURE = ROOT / "examples" / "csk_01.tif", ROOT / "build" / "bench" / "road_graph.jpg"
SCENES = [
    ("massachusetts/test", "csk_01", 1.0, (850, 100)),
    ("massachusetts/test", "csk_08", 1.0, (500, 500)),
    ("massachusetts/test", "csk_06", 1.0, (80, 200)),
    ("dubai/test", "t8_001", 0.85, (170, 170)),
]
"""Folder, stem, metres per pixel, and first column and row of the part that is shown, at 1 m."""
WIDTH, HEIGHT = 500, 360


def draw(axes: Axes, image: np.ndarray, traced: Traced, corner: tuple[int, int]) -> None:
    """One scene."""
    height, width = image.shape[:2]
    axes.imshow(image, extent=(0, width, height, 0))
    road = traced.mask.read(0, height) == 1
    axes.contourf(np.arange(width) + 0.5, np.arange(height) + 0.5, road, [0.5, 1.5], colors="#60c0ff", alpha=0.35)
    axes.contour(np.arange(width) + 0.5, np.arange(height) + 0.5, road, [0.5], colors="#60c0ff", linewidths=0.6)
    graph = traced.graph
    degree = np.bincount([end for edge in graph.edges for end in (edge.from_node, edge.to_node)], minlength=1)
    for edge in graph.edges:
        bridged = edge.origin == BRIDGED
        axes.plot(*edge.points.T, "--" if bridged else "-", color="#ff30e0" if bridged else "#ff3020", lw=1.2)
    axes.scatter(*graph.nodes.T, s=7, c=["#ffd020" if ends == 1 else "#30d0ff" for ends in degree], zorder=3)
    (column, row) = corner
    axes.set(xticks=[], yticks=[], xlim=(column, column + WIDTH), ylim=(row + HEIGHT, row))


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds massachusetts/test and dubai/test")
    parser.add_argument("picture", type=Path, nargs="?", default=PICTURE)
    options = parser.parse_args()
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    card = read_card(default_model())
    compute = load_model(default_model(), card, "cpu")
    figure, grid = plt.subplots(2, 2, figsize=(14.1, 10.2), layout="constrained")
    for axes, (scene, corner) in zip(grid.ravel(), scenes(options.data, card.input.ground_resolution_m)):
        probability = predict_scene(scene, card.input.ground_resolution_m, compute).probability
        traced = trace(ArrayRows(probability), TraceSettings(card.thresholds), (1.0, 1.0))
        draw(axes, scene.image, traced, corner)
    figure.savefig(options.picture, dpi=100, pil_kwargs={"quality": 80})
    print(options.picture)


def scenes(data: Path | None, ground_resolution_m: float) -> Iterator[tuple[Scene, tuple[int, int]]]:
    """Each scene, and the first column and row of the part that is shown."""
    if data is None:
        image = np.moveaxis(gdal.Open(str(EXAMPLE)).ReadAsArray(), 0, -1)
        layer = np.ones(image.shape[:2], dtype=np.uint8)
        for corner in ((100, 100), (850, 100), (100, 900), (850, 900)):
            yield Scene(EXAMPLE.stem, image, layer, layer), corner
        return
    for folder, stem, pixel_m, corner in SCENES:
        (paths,) = (scene for scene in list_scenes(data / folder) if scene.stem == stem)
        yield resample(read_scene(paths), pixel_m, ground_resolution_m), corner


if __name__ == "__main__":
    main()
