"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import Callable

from road_extractor_plugin.contract.request import ModelOptions, TraceOptions
from road_extractor_plugin.contract.trace_settings import PRESETS


def add_output_options(parser: argparse._ActionsContainer) -> None:
    """How results are left and told."""
    parser.add_argument("--overwrite", action="store_true", help="replace results of an earlier run")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress line")


def add_trace_options(group: argparse._ActionsContainer) -> None:
    """Settings of the lines; `trace_options` reads them."""
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


def trace_options(options: argparse.Namespace) -> TraceOptions:
    """From `--threshold` and what `add_trace_options` added."""
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


def add_model_options(group: argparse._ActionsContainer) -> None:
    """What a model without a card does not say; `model_options` reads them."""
    group.add_argument("--model-resolution", type=float, metavar="M", help="ground resolution it wants, m per pixel")
    group.add_argument("--model-tile", type=int, metavar="PX", help="side of its tiles")
    group.add_argument("--model-margin", type=int, metavar="PX", help="border of a tile that is not used")
    group.add_argument("--model-mean", type=numbers(float), metavar="X,X,X", help="means of pixel values / 255")
    group.add_argument("--model-std", type=numbers(float), metavar="X,X,X", help="their standard deviations")
    group.add_argument("--road-class", type=int, metavar="N", help="channel of its output that is road, from 0")


def model_options(options: argparse.Namespace) -> ModelOptions:
    """From what `add_model_options` added."""
    return ModelOptions(
        ground_resolution_m=options.model_resolution,
        tile_px=options.model_tile,
        margin_px=options.model_margin,
        mean=options.model_mean,
        std=options.model_std,
        road_class=options.road_class,
    )


def numbers(kind: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    """A parser of comma-separated numbers, for argparse."""

    def parse(text: str) -> tuple[float, ...]:
        return tuple(kind(part) for part in text.split(","))

    parse.__name__ = "comma-separated numbers"
    return parse
