"""Comparing a result with a reference: two masks by their pixels, or two road networks by their lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.protocol import Meter
from road_extractor_plugin.contract.comparison import Comparison
from road_extractor_plugin.contract.errors import ComparisonError
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.core.gdal_binding import gdal, quiet_gdal
from road_extractor_plugin.core.line_file import local_metres, read_lines
from road_extractor_plugin.core.mask_file import ROAD, UNKNOWN, labels_on_grid_of, read_mask


def compare(prediction: Path, reference: Path, valid: Path | None, meter: Meter, feedback: Feedback) -> Comparison:
    """Compare two rasters or two vector files.

    Rasters are compared on the prediction's pixels; the nearest pixel of the reference is taken. Nodata of either and
    what `valid` excludes counts nowhere. Lines are compared in metres; where lines share a vertex they are connected.

    Args:
        prediction: Mask, probability raster, or vector file with lines.
        reference: The truth, of the same kind.
        valid: A mask, 1 or 255 where rasters are to be compared.
        meter: Who does the mathematics.
        feedback: Is told how far it is, and may cancel.

    Raises:
        ComparisonError: A file cannot be read as what it should be, or they do not go together.
        RasterUnreadableError: A raster is broken.
        RasterUnusableError: A raster has no usable bands.
        Cancelled: The feedback asked for it.
    """
    kinds = [_has_layers(path) for path in (prediction, reference)]
    if all(kinds):
        if valid is not None:
            raise ComparisonError("A valid mask goes with rasters, but the files hold lines", "Leave out --valid")
        return _compare_lines(prediction, reference, meter, feedback)
    if any(kinds):
        vector, raster = (prediction, reference) if kinds[0] else (reference, prediction)
        remedy = "Burn the lines with gdal_rasterize, or trace the raster with `vectorize`, and compare like with like"
        raise ComparisonError(f"'{vector}' holds lines and '{raster}' pixels", remedy)
    return _compare_masks(prediction, reference, valid, meter, feedback)


def _has_layers(path: Path) -> bool:
    """Whether a file is a vector file; one that cannot be opened is left to the reading of rasters."""
    with quiet_gdal():
        try:
            dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
        except RuntimeError:
            return False
        return int(dataset.GetLayerCount()) > 0


def _compare_masks(
    prediction: Path, reference: Path, valid: Path | None, meter: Meter, feedback: Feedback
) -> Comparison:
    target = read_mask(prediction)
    stop_if_cancelled(feedback)
    true = labels_on_grid_of(read_mask(reference), target)
    known = (target.labels != UNKNOWN) & (true != UNKNOWN)
    if not known.any():
        problem = f"'{prediction}' and '{reference}' have no pixel in common that both know"
        raise ComparisonError(problem, "Check where they lie, and their nodata values")
    if valid is not None:
        known &= labels_on_grid_of(read_mask(valid), target) == ROAD
        if not known.any():
            raise ComparisonError(f"'{valid}' leaves no pixel to compare", "Give a mask that is 1 where it is valid")
    measured = meter.measure_masks((target.labels == ROAD) & known, (true == ROAD) & known, feedback)
    amount = {"compared_px": int(np.count_nonzero(known)), **measured.amount}
    return Comparison(str(prediction), str(reference), amount, measured.figures)


def _compare_lines(prediction: Path, reference: Path, meter: Meter, feedback: Feedback) -> Comparison:
    true_lines, lines = local_metres((read_lines(reference), read_lines(prediction)))
    measured = meter.measure_lines(Polylines.of(lines), Polylines.of(true_lines), feedback)
    return Comparison(str(prediction), str(reference), measured.amount, measured.figures)
