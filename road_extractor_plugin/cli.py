"""The command line: `python -m road_extractor_plugin extract | vectorize | evaluate | model`.

Exit status: 0 done, 1 a fault of ours, 2 something that the user can put right (one plain line on stderr).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from road_extractor_plugin.contract.errors import Cancelled, RoadExtractorError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import Area, ExtractRequest, ModelOptions, TraceOptions, VectorizeRequest
from road_extractor_plugin.contract.result import ExtractResult, Report, VectorizeResult
from road_extractor_plugin.contract.trace_settings import PRESETS

if TYPE_CHECKING:
    from road_extractor_plugin.core.compare import Comparison

DONE, OUR_FAULT, USER_ERROR = 0, 1, 2

_EARLIEST_ESTIMATE = 0.02
"""Fraction of a run before which its speed says nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
        sys.stdout.flush()
    except RoadExtractorError as error:
        _say(f"error: {error}", end="\n")
        return USER_ERROR
    except KeyboardInterrupt:
        _say(f"error: {Cancelled()}", end="\n")
        return USER_ERROR
    except BrokenPipeError:
        # Whoever reads our output has had enough, as `head` has; Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception:  # noqa: BLE001  (outermost door: whatever went wrong must reach the user as a report)
        traceback.print_exc()
        _say("error: This is a fault of Road Extractor; please report it with the lines above.", end="\n")
        return OUR_FAULT
    return DONE


def _extract(options: argparse.Namespace) -> None:
    # Here, so that `--help` and `model` answer at once.
    from road_extractor_plugin.core.pipeline import extract
    from road_extractor_plugin.engine.models import default_model
    from road_extractor_plugin.engine.open_compute import open_compute

    area = _read_area(options.aoi)
    model = options.model or default_model()
    requests = [_request(options, raster, model, area) for raster in options.rasters]
    compute = open_compute(requests[0])
    try:
        for request in requests:
            feedback = _TerminalFeedback(request.raster.name, quiet=options.quiet)
            try:
                result = extract(request, compute, feedback)
            finally:
                feedback.finish()
            _print_result(result, as_json=options.json)
    finally:
        compute.close()


def _vectorize(options: argparse.Namespace) -> None:
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
            trace=_trace_options(options),
            overwrite=options.overwrite,
        )
        feedback = _TerminalFeedback(raster.name, quiet=options.quiet)
        try:
            result = vectorize(request, open_tracer(), feedback)
        finally:
            feedback.finish()
        _print_result(result, as_json=options.json)


def _read_area(path: Path | None) -> Area | None:
    from road_extractor_plugin.core.area import read_area

    return None if path is None else read_area(path)


def _request(options: argparse.Namespace, raster: Path, model: Path, area: Area | None) -> ExtractRequest:
    return ExtractRequest(
        raster=raster,
        output_folder=options.output,
        model=model,
        area=area,
        raster_ground_resolution_m=options.ground_resolution,
        band_indexes=options.bands,
        trace=_trace_options(options),
        model_options=_model_options(options),
        device=options.device,
        tile_px=options.tile,
        vectors_only=options.vectors_only,
        overwrite=options.overwrite,
    )


def _trace_options(options: argparse.Namespace) -> TraceOptions:
    return TraceOptions(
        preset=options.preset,
        threshold=options.threshold,
        simplify_m=options.simplify,
        min_spur_m=options.min_spur,
        max_gap_m=options.max_gap,
        min_component_m=options.min_component,
        min_area_m2=options.min_area,
        max_hole_m2=options.max_hole,
    )


def _model_options(options: argparse.Namespace) -> ModelOptions:
    return ModelOptions(
        ground_resolution_m=options.model_resolution,
        tile_px=options.model_tile,
        margin_px=options.model_margin,
        mean=options.model_mean,
        std=options.model_std,
        road_class=options.road_class,
    )


def _print_result(result: ExtractResult | VectorizeResult, *, as_json: bool) -> None:
    if as_json:
        print(result.paths.report.read_text(encoding="utf-8"))
        return
    report, roads = result.report, result.report.roads
    device = f" on {report.device.name}" if isinstance(report, Report) else ""
    print(
        f"{roads.length_km:.2f} km of road in {roads.centerlines} lines, mean width {roads.mean_width_m:.1f} m, "
        f"{report.area_km2:.2f} km2 in {report.seconds['total']:.1f} s{device}: {result.paths.folder}"
    )


def _evaluate(options: argparse.Namespace) -> None:
    from road_extractor_plugin.core.compare import compare

    comparison = compare(options.prediction, options.reference, options.valid)
    as_json = json.dumps(dataclasses.asdict(comparison), indent=2, ensure_ascii=False) if options.json else ""
    print(as_json or _readable_comparison(comparison))


def _readable_comparison(comparison: Comparison) -> str:
    amounts = ", ".join(f"{name} {value:,.10g}" for name, value in comparison.amount.items())
    lines = [f"{comparison.prediction} against {comparison.reference}", f"  {amounts}"]
    for figures in comparison.figures:
        lines.append(f"  {figures.protocol}")
        lines += [f"    {name:<24} {value:.4f}" for name, value in figures.values.items()]
    return "\n".join(lines)


def _model(options: argparse.Namespace) -> None:
    card = read_card(options.file, _model_options(options))
    print(card.to_json() if options.json else _readable(card))


def _readable(card: ModelCard) -> str:
    finest, coarsest = card.input.ground_resolution_range_m
    spec, tiling = card.input, card.tiling
    lines = [
        f"{card.name} {card.version}",
        f"  network      {card.producer.encoder}, {card.producer.architecture}",
        f"  made by      {card.producer.name}, commit {card.producer.commit}",
        f"  licence      {card.licence}",
        f"  imagery      {', '.join(spec.bands)} at {spec.ground_resolution_m:g} m/px ({finest:g} to {coarsest:g})",
        f"  tiles        {tiling.tile_px} px, margin {tiling.margin_px} px, multiples of {tiling.multiple_of} px",
        f"  thresholds   {card.thresholds.high:g} and {card.thresholds.low:g}",
    ]
    for evaluation in card.evaluation:
        figures = ", ".join(f"{name} {value:.3f}" for name, value in evaluation.figures.items())
        lines.append(f"  evaluation   {evaluation.data} ({evaluation.split}; {evaluation.protocol}): {figures}")
    return "\n".join([*lines, *(f"  data         {sentence}" for sentence in card.attributions)])


class _TerminalFeedback:
    """One line on stderr that is written anew: percent, stage, time left."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._name = name
        self._started = time.monotonic()
        self._live = not quiet and sys.stderr.isatty()

    def progress(self, fraction: float, stage: str) -> None:
        if not self._live:
            return
        elapsed = time.monotonic() - self._started
        left = f", {elapsed / fraction - elapsed:.0f} s left" if fraction > _EARLIEST_ESTIMATE else ""
        _say(f"\r\033[K{self._name}: {100 * fraction:3.0f} % {stage}{left}", end="")

    def warning(self, text: str) -> None:
        self.finish()
        _say(f"warning: {text}", end="\n")

    def is_cancelled(self) -> bool:
        """Ctrl-C arrives as an exception."""
        return False

    def finish(self) -> None:
        if self._live:
            _say("\r\033[K", end="")


def _say(text: str, *, end: str) -> None:
    print(text, file=sys.stderr, end=end, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m road_extractor_plugin", description="Roads from aerial imagery.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_extract(commands.add_parser("extract", help="find the roads in rasters"))
    _add_vectorize(commands.add_parser("vectorize", help="find the lines anew in probability rasters"))
    _add_evaluate(
        commands.add_parser("evaluate", help="compare a result with a reference: two rasters or two vector files")
    )
    model = commands.add_parser("model", help="show the card of a model file")
    model.add_argument("file", type=Path, help="an .onnx file")
    model.add_argument("--json", action="store_true", help="print the card as JSON")
    _add_model_options(model)
    model.set_defaults(command=_model)
    return parser


def _add_extract(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_extract)
    parser.add_argument("rasters", type=Path, nargs="+", metavar="RASTER", help="any raster that GDAL reads")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--model", type=Path, metavar="FILE", help="an .onnx file (default: the bundled model)")
    parser.add_argument("--aoi", type=Path, metavar="FILE", help="vector file; only inside its polygons")
    parser.add_argument("--threshold", type=float, metavar="P", help="road probability, 0 to 1 (default: the model's)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument(
        "--ground-resolution", type=float, metavar="M", help="metres per pixel of a raster without a CRS"
    )
    parser.add_argument(
        "--bands",
        type=_numbers(int),
        metavar="N,N,N",
        help="bands of the raster for the model's channels, from 1",
    )
    parser.add_argument("--tile", type=int, metavar="PX", help="side of a tile (default: the model's)")
    parser.add_argument("--vectors-only", action="store_true", help="keep only the GeoPackage and the report")
    _add_output_options(parser)
    _add_trace_options(parser.add_argument_group("lines"))
    _add_model_options(parser.add_argument_group("model without a card"))


def _add_vectorize(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_vectorize)
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
    _add_output_options(parser)
    _add_trace_options(parser.add_argument_group("lines"))


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace results of an earlier run")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress line")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_evaluate)
    parser.add_argument("prediction", type=Path, help="mask, probability raster, or vector file with lines")
    parser.add_argument("reference", type=Path, help="the truth, of the same kind")
    parser.add_argument("--valid", type=Path, metavar="MASK", help="raster that is 1 or 255 where rasters are compared")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def _add_trace_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--preset", choices=sorted(PRESETS), help="settings for a kind of place; those below go first")
    for name, meaning in (
        ("--simplify", "lines stay this close to the traced pixels, in metres"),
        ("--min-spur", "shortest dead end to keep, in metres"),
        ("--max-gap", "longest gap that is bridged, in metres; 0 bridges none"),
        ("--min-component", "least road of a separate network, in metres"),
        ("--min-area", "smallest piece of road surface, in square metres"),
        ("--max-hole", "largest hole in it that is filled, in square metres"),
    ):
        group.add_argument(name, type=float, metavar="M", help=meaning)


def _add_model_options(group: argparse._ActionsContainer) -> None:
    group.add_argument("--model-resolution", type=float, metavar="M", help="ground resolution it wants, m per pixel")
    group.add_argument("--model-tile", type=int, metavar="PX", help="side of its tiles")
    group.add_argument("--model-margin", type=int, metavar="PX", help="border of a tile that is not used")
    group.add_argument("--model-mean", type=_numbers(float), metavar="X,X,X", help="means of pixel values / 255")
    group.add_argument("--model-std", type=_numbers(float), metavar="X,X,X", help="their standard deviations")
    group.add_argument("--road-class", type=int, metavar="N", help="channel of its output that is road, from 0")


def _numbers(kind: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    def parse(text: str) -> tuple[float, ...]:
        return tuple(kind(part) for part in text.split(","))

    parse.__name__ = "comma-separated numbers"
    return parse
