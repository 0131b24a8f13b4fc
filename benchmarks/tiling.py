"""What cutting into tiles changes for a shipped network, whose pooling and graph reasoning see a whole tile.

Each image is computed once in the card's tiles, blended, and once as a single tile as large as the image. Printed per
image: mean and 99th percentile of the difference of probability, and the IoU of both masks with the reference.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from osgeo import gdal

from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.contract.feedback import SilentFeedback
from road_extractor_plugin.contract.grid import TileRows, round_up
from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.core.inference import inferred, plan_tiles
from road_extractor_plugin.core.raster_source import RasterSource
from road_extractor_plugin.core.stopwatch import Stopwatch
from road_extractor_plugin.engine.models import default_model
from road_extractor_plugin.engine.open_compute import open_compute

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def main() -> None:
    """Print one line per image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=default_model(), help="ONNX file (default: the bundled default)")
    parser.add_argument("--images", type=Path, help="folder of images without georeference, 1 m per pixel")
    parser.add_argument("--masks", type=Path, help="folder of masks with the images' stems")
    options = parser.parse_args()
    pairs = [(EXAMPLES / "csk_01.tif", EXAMPLES / "csk_01_reference.tif")]
    if options.images:
        pairs = [(path, options.masks / f"{path.stem}.png") for path in sorted(options.images.iterdir())]
    print("image            mean |dp|  99 % |dp|  IoU tiled  IoU whole  difference")
    counts = np.sum([compare(options.model, image, reference) for image, reference in pairs], axis=0)
    tiled, whole = counts[0] / counts[1], counts[2] / counts[3]
    print(f"{'all together':<16} {'':>9}  {'':>9}  {tiled:>9.4f}  {whole:>9.4f}  {tiled - whole:>10.4f}")


def compare(model: Path, image: Path, reference: Path) -> np.ndarray:
    """Print the line of one image; intersection and union, tiled and whole."""
    request = ExtractRequest(image, EXAMPLES, model, raster_ground_resolution_m=1.0)
    compute = open_compute(request)
    tiled = probability(request, compute, None)
    multiple = compute.card.tiling.multiple_of
    whole = probability(request, compute, round_up(max(tiled.shape), multiple))
    difference = np.abs(tiled - whole)
    road = gdal.Open(str(reference)).ReadAsArray()
    road = (road[0] if road.ndim > 2 else road) > road.max() / 2  # noqa: PLR2004
    threshold = compute.card.thresholds.high
    counts = np.array([intersection_and_union(values >= threshold, road) for values in (tiled, whole)]).ravel()
    first, second = counts[0] / counts[1], counts[2] / counts[3]
    print(
        f"{image.stem:<16} {difference.mean():>9.4f}  {np.percentile(difference, 99):>9.4f}  "
        f"{first:>9.4f}  {second:>9.4f}  {first - second:>10.4f}"
    )
    return counts


def probability(request: ExtractRequest, compute: Compute, tile_px: int | None) -> np.ndarray:
    """The blended probability (height, width) with tiles of the given side."""
    spec = compute.card.input
    with RasterSource.open(request.raster, spec=spec, raster_ground_resolution_m=1.0) as source:
        tiles = plan_tiles(compute.card, source.grid.height_px, source.grid.width_px, tile_px)
        values = np.zeros((source.grid.height_px, source.grid.width_px), dtype=np.float32)
        with inferred(source, compute, TileRows.all_of(tiles), Stopwatch(), SilentFeedback()) as blocks:
            for block in blocks:
                if block is not None:
                    values[block.window.slices] = block.probability
    return values


def intersection_and_union(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """Pixels in both masks, and in either."""
    return int((first & second).sum()), int((first | second).sum())


if __name__ == "__main__":
    main()
