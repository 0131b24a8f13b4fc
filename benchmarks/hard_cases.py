"""What becomes of masks that are hard to trace, in one picture to look at.

python benchmarks/hard_cases.py [OUT.png]

Grey is the drawn mask, dark what has a probability of 10 %, blue what has no data. Lines are red, those that fill a gap
dashed; nodes are dots, yellow for dead ends.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

from road_extractor_plugin.compute.raster_rows import ArrayRows
from road_extractor_plugin.compute.tracing import trace
from road_extractor_plugin.contract.model_card import Thresholds
from road_extractor_plugin.contract.raster_coding import CERTAIN, NODATA
from road_extractor_plugin.contract.road_graph import BRIDGED, RoadGraph
from road_extractor_plugin.contract.trace_settings import TraceSettings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = Path(__file__).resolve().parent.parent / "build" / "bench" / "hard_cases.png"
HEIGHT, WIDTH = 120, 160
FAINT = 25
Y, X = np.mgrid[:HEIGHT, :WIDTH] + 0.5
WEST, EAST, NORTH, SOUTH = (-9, 60), (169, 60), (80, -9), (80, 129)
COLUMNS = 5


def road(start: tuple[float, float], end: tuple[float, float], width: float) -> np.ndarray:
    """A straight road with square ends."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    along = ((X - x0) * (x1 - x0) + (Y - y0) * (y1 - y0)) / length
    across = ((X - x0) * (y1 - y0) - (Y - y0) * (x1 - x0)) / length
    return (along >= 0) & (along <= length) & (np.abs(across) <= width / 2)


def ring(radius: float, width: float, centre: tuple[float, float] = (80, 60)) -> np.ndarray:
    """A ring road."""
    return np.abs(np.hypot(X - centre[0], Y - centre[1]) - radius) <= width / 2


def frayed(start: tuple[float, float], end: tuple[float, float], width: float) -> np.ndarray:
    """A road whose outline goes in and out."""
    bays = np.random.default_rng(0).normal(0, 1.5, (HEIGHT // 4, WIDTH // 4)).repeat(4, axis=0).repeat(4, axis=1)
    across = np.abs(road(start, end, width + 4).astype(float) - 1)
    return (across == 0) & ((road(start, end, width - 4)) | (bays > 0))


def with_part(mask: np.ndarray, part: tuple[slice, slice], code: int) -> np.ndarray:
    """A stored probability with another value in some part: everywhere for no data, else on the road only."""
    stored = np.where(mask, CERTAIN, 0).astype(np.uint8)
    stored[part] = code if code == NODATA else np.where(mask[part], code, 0)
    return stored


def cases() -> dict[str, np.ndarray]:
    """The drawn masks by name, as stored probabilities or as masks."""
    steps = np.zeros((HEIGHT, WIDTH), dtype=bool)
    places = np.arange(10, 109)
    steps[places, places + 20] = steps[places + 1, places + 20] = True
    dots = np.zeros((HEIGHT, WIDTH), dtype=bool)
    dots[::9, ::9] = True
    town = road((-9, 40), (169, 40), 8) | road((80, 40), (80, 129), 6) | road((-9, 95), (169, 95), 7)
    return {
        "roundabout": ring(13, 7) | road(WEST, (68, 60), 7) | road((92, 60), EAST, 7) | road((80, 72), SOUTH, 7),
        "ring road": ring(42, 7),
        "dual carriageway, 3 px apart": road((-9, 54), (169, 54), 8) | road((-9, 65), (169, 65), 8),
        "street across it": road((-9, 54), (169, 54), 8) | road((-9, 65), (169, 65), 8) | road(NORTH, SOUTH, 7),
        "X at a shallow angle": road((-9, 72), (169, 48), 8) | road((-9, 40), (169, 80), 8),
        "Y at a shallow angle": road(WEST, (60, 60), 8) | road((56, 60), (169, 42), 8) | road((56, 60), (169, 78), 8),
        "dog-leg": road(WEST, EAST, 10) | road((76, -9), (76, 60), 6) | road((84, 60), (84, 129), 6),
        "40 m wide, frayed": frayed((-9, 70), (169, 50), 40),
        "dead-end street": road((20, 30), (130, 90), 12),
        "along the raster's edge": road((-9, 3), (169, 3), 6) | road((80, 3), (80, 129), 7),
        "through nodata": with_part(road((-9, 50), (169, 70), 8), np.s_[:, 70:85], NODATA),
        "gaps in streets": np.minimum(with_part(town, np.s_[:, 30:50], FAINT), with_part(town, np.s_[48:62], FAINT)),
        "gap at a crossing": with_part(road(WEST, EAST, 8) | road(NORTH, SOUTH, 7), np.s_[48:72, 66:94], FAINT),
        "a diagonal staircase": steps,
        "one-pixel dots": dots,
        "all road": np.ones((HEIGHT, WIDTH), dtype=bool),
        "no road": np.zeros((HEIGHT, WIDTH), dtype=bool),
    }


def draw(axes: Axes, name: str, probability: np.ndarray, graph: RoadGraph) -> None:
    """One case."""
    colours = np.repeat((probability // 2)[..., None], 3, axis=2)
    colours[probability == NODATA] = (60, 90, 160)
    axes.imshow(colours, extent=(0, WIDTH, HEIGHT, 0), interpolation="nearest")
    degree = np.bincount([end for edge in graph.edges for end in (edge.from_node, edge.to_node)], minlength=1)
    for edge in graph.edges:
        axes.plot(*edge.points.T, "--" if edge.origin == BRIDGED else "-", color="#ff5040", lw=1.4)
    if len(graph.nodes):
        axes.scatter(*graph.nodes.T, s=11, c=["#ffe040" if ends == 1 else "#40e0ff" for ends in degree], zorder=3)
    axes.set_title(name, fontsize=8)
    axes.set(xticks=[], yticks=[], xlim=(0, WIDTH), ylim=(HEIGHT, 0))


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="?", default=PICTURE)
    options = parser.parse_args()
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    settings = TraceSettings(Thresholds(high=0.5, low=0.3))
    drawn = cases()
    rows = math.ceil(len(drawn) / COLUMNS)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=(2.4 * COLUMNS, 2.0 * rows), layout="constrained")
    for axes in grid.ravel():
        axes.set_axis_off()
    for axes, (name, mask) in zip(grid.ravel(), drawn.items()):
        probability = np.where(mask, CERTAIN, 0).astype(np.uint8) if mask.dtype == bool else mask
        axes.set_axis_on()
        draw(axes, name, probability, trace(ArrayRows(probability), settings, (1.0, 1.0)).graph)
    figure.savefig(options.picture, dpi=100)
    print(options.picture)


if __name__ == "__main__":
    main()
