"""What preparing the paper's orientation labels costs: three strides of the example's mask, on one core.

Printed per crop: share of road, and milliseconds for all three strides together.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from osgeo import gdal

from model_training.datasets.orientation_classes import orientation_classes

REFERENCE = Path(__file__).resolve().parent.parent / "examples" / "csk_01_reference.tif"
CROP_PX = 512
REPEATS = 5


def main() -> None:
    """Print one line per crop."""
    road = (gdal.Open(str(REFERENCE)).ReadAsArray() > 0).astype(np.uint8)
    print("crop          road    milliseconds")
    for top in range(0, road.shape[0] - CROP_PX + 1, 494):
        for left in range(0, road.shape[1] - CROP_PX + 1, 494):
            crop = np.ascontiguousarray(road[top : top + CROP_PX, left : left + CROP_PX])
            print(f"{top:>4}, {left:>4}  {crop.mean():>6.1%}  {1000 * seconds(crop):>14.1f}")


def seconds(road: np.ndarray) -> float:
    """The quickest of a few repetitions."""
    valid = np.ones_like(road)
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        orientation_classes(road, valid)
        taken.append(time.perf_counter() - started)
    return min(taken)


if __name__ == "__main__":
    main()
