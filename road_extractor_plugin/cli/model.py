"""The command `model`."""

from __future__ import annotations

import argparse
from pathlib import Path

from road_extractor_plugin.cli.options import add_model_options, model_options
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.set_defaults(command=_run)
    parser.add_argument("file", type=Path, help="an ONNX or TorchScript file")
    parser.add_argument("--json", action="store_true", help="print the card as JSON")
    add_model_options(parser)


def _run(options: argparse.Namespace) -> None:
    card = read_card(options.file, model_options(options))
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
