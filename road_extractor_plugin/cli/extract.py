"""The command `extract`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from road_extractor_plugin.cli.options import (
    add_model_options,
    add_output_options,
    add_trace_options,
    model_options,
    numbers,
    trace_options,
)
from road_extractor_plugin.cli.summary import print_result
from road_extractor_plugin.cli.terminal import TerminalFeedback
from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.request import AS_IT_IS, SYMMETRIES, ExtractRequest, Views


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.set_defaults(command=_run)
    parser.add_argument("rasters", type=Path, nargs="+", metavar="RASTER", help="any raster that GDAL reads")
    parser.add_argument("--anew", action="store_true", help="do not go on with a run that was stopped")
    add_run_options(parser)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Say what every run of the network takes; `run_request` reads it."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="an ONNX or TorchScript file (default: the bundled model)"
    )
    parser.add_argument("--aoi", type=Path, metavar="FILE", help="vector file; only inside its polygons")
    parser.add_argument("--threshold", type=float, metavar="P", help="road probability, 0 to 1 (default: the model's)")
    parser.add_argument(
        "--device",
        default="auto",
        help="what runs the network, as the command `devices` lists them; auto, the default, takes the fastest",
    )
    parser.add_argument(
        "--ground-resolution", type=float, metavar="M", help="metres per pixel of a raster without a CRS"
    )
    parser.add_argument(
        "--bands",
        type=numbers(int),
        metavar="N,N,N",
        help="bands of the raster for the model's channels, from 1",
    )
    parser.add_argument("--tile", type=int, metavar="PX", help="side of a tile (default: the model's)")
    parser.add_argument(
        "--tta",
        choices=SYMMETRIES,
        default=AS_IT_IS,
        help="see each tile in the 4 ways of mirrors or the 8 of mirrors and quarter turns as well, and take the mean",
    )
    parser.add_argument(
        "--scales", type=numbers(float), default=(1.0,), metavar="X,X", help="see each tile so much larger as well"
    )
    parser.add_argument("--vectors-only", action="store_true", help="keep only the GeoPackage and the report")
    add_output_options(parser)
    add_trace_options(parser.add_argument_group("lines"))
    add_model_options(parser.add_argument_group("model without a card"))


def _run(options: argparse.Namespace) -> None:
    # Here, so that `--help` and `model` answer at once.
    from road_extractor_plugin.core.pipeline import extract
    from road_extractor_plugin.core.unfinished import forget_unfinished
    from road_extractor_plugin.engine.open_compute import open_compute

    template = run_request(options, options.rasters[0])
    requests = [dataclasses.replace(template, raster=raster) for raster in options.rasters]
    compute = open_compute(requests[0])
    try:
        for request in requests:
            feedback = TerminalFeedback(request.raster.name, quiet=options.quiet)
            if options.anew:
                forget_unfinished(request)
            try:
                result = extract(request, compute, feedback)
            except KeyboardInterrupt as stop:
                raise _stopped(request) from stop
            finally:
                feedback.finish()
            print_result(result, as_json=options.json)
    finally:
        compute.close()


def _stopped(request: ExtractRequest) -> Cancelled:
    from road_extractor_plugin.core.unfinished import find_unfinished

    unfinished = find_unfinished(request)
    if unfinished is None:
        return Cancelled()
    return Cancelled(f"{unfinished.fraction:.0%} is kept; the same command goes on from there")


def run_request(options: argparse.Namespace, raster: Path) -> ExtractRequest:
    """What `add_run_options` asked, for one raster."""
    from road_extractor_plugin.core.area import read_area
    from road_extractor_plugin.engine.models import default_model

    return ExtractRequest(
        raster=raster,
        output_folder=options.output,
        model=options.model or default_model(),
        area=None if options.aoi is None else read_area(options.aoi),
        raster_ground_resolution_m=options.ground_resolution,
        band_indexes=options.bands,
        trace=trace_options(options),
        model_options=model_options(options),
        device=options.device,
        tile_px=options.tile,
        views=Views(options.tta, options.scales),
        vectors_only=options.vectors_only,
        overwrite=options.overwrite,
    )
