"""The command `vectorize`."""

from __future__ import annotations

import argparse
from pathlib import Path

from road_extractor_plugin.cli.options import add_output_options, add_trace_options, trace_options
from road_extractor_plugin.cli.summary import print_result
from road_extractor_plugin.cli.terminal import TerminalFeedback
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ModelOptions, VectorizeRequest


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.set_defaults(command=_run)
    parser.add_argument(
        "rasters", type=Path, nargs="+", metavar="PROBABILITY", help="a *_probability.tif, or a mask of 0 and 1 or 255"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--threshold", type=float, metavar="P", help="road probability, 0 to 1 (default: the model's)")
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="the model that made it, for its thresholds (default: the bundled)",
    )
    parser.add_argument(
        "--ground-resolution", type=float, metavar="M", help="metres per pixel of a raster without a CRS"
    )
    add_output_options(parser)
    add_trace_options(parser.add_argument_group("lines"))


def _run(options: argparse.Namespace) -> None:
    from road_extractor_plugin.core.vectorize import vectorize
    from road_extractor_plugin.engine.models import default_model
    from road_extractor_plugin.engine.open_compute import open_tracer

    card = read_card(options.model or default_model(), ModelOptions())
    for raster in options.rasters:
        request = VectorizeRequest(
            probability=raster,
            output_folder=options.output,
            model_thresholds=card.thresholds,
            raster_ground_resolution_m=options.ground_resolution,
            trace=trace_options(options),
            overwrite=options.overwrite,
        )
        feedback = TerminalFeedback(raster.name, quiet=options.quiet)
        try:
            result = vectorize(request, open_tracer(), feedback)
        finally:
            feedback.finish()
        print_result(result, as_json=options.json)
