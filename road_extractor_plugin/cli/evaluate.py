"""The command `evaluate`."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from road_extractor_plugin.contract.feedback import SilentFeedback

if TYPE_CHECKING:
    from road_extractor_plugin.contract.comparison import Comparison


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.set_defaults(command=_run)
    parser.add_argument("prediction", type=Path, help="mask, probability raster, or vector file with lines")
    parser.add_argument("reference", type=Path, help="the truth, of the same kind")
    parser.add_argument("--valid", type=Path, metavar="MASK", help="raster that is 1 or 255 where rasters are compared")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def _run(options: argparse.Namespace) -> None:
    from road_extractor_plugin.core.compare import compare
    from road_extractor_plugin.engine.open_compute import open_meter

    comparison = compare(options.prediction, options.reference, options.valid, open_meter(), SilentFeedback())
    as_json = json.dumps(dataclasses.asdict(comparison), indent=2, ensure_ascii=False) if options.json else ""
    print(as_json or _readable(comparison))


def _readable(comparison: Comparison) -> str:
    amounts = ", ".join(f"{name} {value:,.10g}" for name, value in comparison.amount.items())
    lines = [f"{comparison.prediction} against {comparison.reference}", f"  {amounts}"]
    for figures in comparison.figures:
        lines.append(f"  {figures.protocol}")
        lines += [f"    {name:<24} {value:.4f}" for name, value in figures.values.items()]
    return "\n".join(lines)
