"""The command line of the training subproject."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from model_training.preparation.command import add_parser as add_prepare
from road_extractor_plugin.contract.errors import RequestError, RoadExtractorError

EXIT_DONE, EXIT_USER_ERROR = 0, 2

DESCRIPTION = """\
Train a road network on your own images, export it for the plugin, and measure it.

  1. python -m model_training prepare massachusetts DOWNLOADED -o DATA/massachusetts
  2. python -m model_training train --config model_training/configs/starter.yaml --data DATA --run runs/mine
  3. python -m model_training export runs/mine --data DATA --test DATA/mine/test@0.5 -o mine.onnx
  4. python -m model_training evaluate mine.onnx DATA/other/test@1.0 -o report

A data set is a folder with images/, masks/ and, where parts of images are empty, valid/; files pair by name.
The configuration names the data sets below DATA and the ground resolution of each, in metres per pixel.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; see `--help`."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True)
    try:
        options.command(options)
    except RoadExtractorError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USER_ERROR
    return EXIT_DONE


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m model_training", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_prepare(commands)
    _add_train(commands.add_parser("train", help="train a network, or go on with an interrupted run"))
    _add_export(commands.add_parser("export", help="make an ONNX file with its card from a run"))
    _add_evaluate(commands.add_parser("evaluate", help="measure an ONNX file on folders of labelled scenes"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train. The run's folder keeps the configuration, held-out scenes, checkpoints and logs (CSV, TensorBoard). "
        "Ctrl+C or SIGTERM finishes the step, saves and ends; --resume goes on from there."
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DATA", help="folder where the data sets lie")
    parser.add_argument("--config", type=Path, metavar="YAML", help="what to train (not needed with --resume)")
    parser.add_argument("--run", type=Path, metavar="RUN", help="the run's folder (default: runs/<name of the YAML>)")
    parser.add_argument("--resume", action="store_true", help="go on with the run where it stopped")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value, as in schedule.max_minutes=60"
    )
    parser.set_defaults(command=_train)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Export. Margin and thresholds are measured on the scenes that the run held out; the file is refused when it "
        "computes something else than torch does."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DATA", help="folder where the data sets lie")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the .onnx file to write")
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best", help="which one (default: best)")
    parser.add_argument(
        "--test",
        action="append",
        default=[],
        metavar="FOLDER@METRES",
        help="a folder whose figures go into the card, with its metres per pixel; nothing is chosen on it",
    )
    parser.add_argument("--tile", type=int, default=1024, metavar="PX", help="tile side that the card names")
    parser.add_argument("--orientation", action="store_true", help="also give the road's direction as an output")
    parser.set_defaults(command=_export)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Evaluate whole scenes through the plugin's own pipeline at the card's thresholds. Each folder is a data set "
        "by itself. Writes evaluation.json and evaluation.csv (one row per scene)."
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="an .onnx file with a card")
    parser.add_argument(
        "folders", nargs="+", metavar="FOLDER@METRES", help="labelled scenes and their metres per pixel (default: 1)"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where to write the report")
    parser.set_defaults(command=_evaluate)


def _train(options: argparse.Namespace) -> None:
    from model_training.configuration import read_config
    from model_training.training import run

    if options.resume:
        run.resume(options.data, _run_folder(options))
    elif options.config is None:
        raise RequestError("--config", None, "a YAML file, as model_training/configs/starter.yaml")
    else:
        run.start(read_config(options.config, tuple(options.set)), options.data, _run_folder(options))


def _run_folder(options: argparse.Namespace) -> Path:
    if options.run is None and options.config is None:
        raise RequestError("--run", None, "the folder of the run to go on with")
    folder: Path = options.run or Path("runs") / options.config.stem
    return folder


def _export(options: argparse.Namespace) -> None:
    from model_training.evaluation.report import parse_folder
    from model_training.export.export import ExportRequest, export

    export(
        ExportRequest(
            checkpoint=options.run / f"{options.checkpoint}.ckpt",
            output=options.output,
            data_root=options.data,
            tests=tuple(parse_folder(text) for text in options.test),
            tile_px=options.tile,
            with_orientation=options.orientation,
        )
    )


def _evaluate(options: argparse.Namespace) -> None:
    from model_training.evaluation.report import evaluate_model, parse_folder

    evaluate_model(options.model, tuple(parse_folder(text) for text in options.folders), options.output)
