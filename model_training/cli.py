"""The command line of the training subproject."""

from __future__ import annotations

import argparse
import json
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
  3. python -m model_training export runs/mine --data DATA --test DATA/massachusetts/test -o mine.onnx
  4. python -m model_training evaluate mine.onnx DATA/other/test@1.0 -o report
  5. python -m model_training benchmark mine.onnx

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
    _add_stages(commands.add_parser("stages", help="train several configurations that build on each other"))
    _add_export(commands.add_parser("export", help="make a model file with its card from a run"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a model file on folders of labelled scenes"))
    _add_curves(commands.add_parser("curves", help="draw how training went"))
    _add_ablation(commands.add_parser("ablation", help="measure what each part of the recipe is worth"))
    _add_overlap(commands.add_parser("overlap", help="check that no test image was trained on"))
    _add_benchmark(commands.add_parser("benchmark", help="time model files in all runtimes that are installed"))
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
    parser.add_argument("--finetune", type=Path, metavar="CKPT", help="start from the weights of this checkpoint")
    parser.add_argument("--reset-heads", action="store_true", help="with --finetune: start the heads anew")
    parser.add_argument(
        "--freeze-encoder", type=int, default=0, metavar="STEPS", help="leave the encoder as it is for so many steps"
    )
    parser.set_defaults(command=_train)


def _add_stages(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train one configuration after another, each in runs/<name of the YAML>, where later ones find the checkpoints "
        "of earlier ones. The same command goes on after an interruption; stages that are done stay as they are."
    )
    parser.add_argument("configs", nargs="+", type=Path, metavar="YAML", help="what to train, in this order")
    parser.add_argument("--data", type=Path, required=True, metavar="DATA", help="folder where the data sets lie")
    parser.set_defaults(command=_stages)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Export. Margin and thresholds are measured on the scenes that the run held out; the file is refused when it "
        "computes something else than torch does."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DATA", help="folder where the data sets lie")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--format", choices=("onnx", "torchscript"), default="onnx", help="onnx is what the plugin runs (default)"
    )
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        default="fp32",
        help="fp16: weights stored in half, half the file, same speed. int8: encoder and pyramid quantised, calibrated "
        "on training crops; refused when a held-out IoU falls by more than 0.005. ONNX only (default: fp32)",
    )
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best", help="which one (default: best)")
    parser.add_argument(
        "--test",
        action="append",
        default=[],
        metavar="FOLDER@METRES",
        help="a folder whose figures go into the card, with its metres per pixel as in `evaluate`; nothing is chosen "
        "on it",
    )
    parser.add_argument(
        "--tile", type=int, default=1024, metavar="PX", help="tile side that the card names (default: 1024)"
    )
    _add_leave_out(parser)
    parser.add_argument("--orientation", action="store_true", help="also give the road's direction as an output")
    parser.set_defaults(command=_export)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Evaluate whole scenes through the plugin's own pipeline at the card's thresholds. Each folder is a data set "
        "by itself. Writes figures with their protocols (evaluation.json), one row per scene (evaluation.csv), curves "
        "over the threshold, pictures of each scene, and index.html to look through them, worst first."
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="an exported file")
    parser.add_argument(
        "folders",
        nargs="+",
        metavar="FOLDER@METRES",
        help="labelled scenes and their metres per pixel (default: as `prepare` wrote in the manifest, else 1)",
    )
    _add_leave_out(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where to write the report")
    parser.set_defaults(command=_evaluate)


def _add_curves(parser: argparse.ArgumentParser) -> None:
    parser.description = "Draw the loss, and the figures on held-out crops, of runs that follow each other."
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs, in their order")
    parser.add_argument("--beside", type=Path, metavar="RUN", help="a run whose last figures are drawn as level lines")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PNG", help="the picture to write")
    parser.set_defaults(command=_curves)


def _add_ablation(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train variants of one configuration with the same small budget (trained.csv; interrupted, the same command "
        "goes on), or run one exported file in several tiles and averaged over flips and turns (run.csv)."
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where runs and tables go")
    training = parser.add_argument_group("trainings")
    training.add_argument("--config", type=Path, metavar="YAML", help="what the variants are variants of")
    training.add_argument("--data", type=Path, metavar="DATA", help="folder where the data sets lie")
    training.add_argument("--teacher", type=Path, metavar="CKPT", help="for the distilled variants")
    training.add_argument("--steps", type=int, default=500, help="of each training (default: 500)")
    training.add_argument("--batch", type=int, default=16, help="crops per step (default: 16)")
    training.add_argument("--crop", type=int, default=160, metavar="PX", help="side of the crops (default: 160)")
    training.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value in all of them"
    )
    running = parser.add_argument_group("one file")
    running.add_argument("--model", type=Path, metavar="FILE", help="an exported ONNX file")
    running.add_argument("--test", nargs="+", default=[], metavar="FOLDER@METRES", help="labelled scenes")
    _add_leave_out(running)
    parser.set_defaults(command=_ablation)


def _add_overlap(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Compare test images with training images: by their bytes, and by correlation at every shift, so that parts of "
        "the same imagery cut or compressed anew are found too. Writes all images with their hashes (scenes.csv) and, "
        "for each test image, the training image most like it (nearest.csv). Ends with an error when two overlap."
    )
    for part in ("training", "test"):
        parser.add_argument(f"--{part}", nargs="+", required=True, metavar="FOLDER@METRES", help=f"{part} images")
    _add_leave_out(parser, "training images that are not trained on, as in mine/train/a1 (`data.leave_out`)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where to write the tables")
    parser.set_defaults(command=_overlap)


def _add_leave_out(
    parser: argparse._ArgumentGroup | argparse.ArgumentParser,
    which: str = "test scenes that do not count, as in mine/test/a1: those that `overlap` names",
) -> None:
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="SCENE", help=which)


def _add_benchmark(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Time the network alone, per file, runtime (onnxruntime, OpenVINO where installed, TorchScript) and tile size, "
        "in megapixels per second and in square kilometres per hour at the ground resolution of the card."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="exported files")
    parser.add_argument("--tile", type=int, nargs="+", default=[256, 512, 1024], metavar="PX", help="sides of tiles")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="processor threads (default: all)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="how often each is timed (default: 7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(command=_benchmark)


def _train(options: argparse.Namespace) -> None:
    from model_training.configuration import read_config
    from model_training.training import run

    overrides = (*options.set, *_start_overrides(options))
    if options.resume:
        if overrides:
            raise RequestError("with --resume, a change", overrides[0], "left out: a run goes on as it was started")
        run.resume(options.data, _run_folder(options))
    elif options.config is None:
        raise RequestError("--config", None, "a YAML file, as model_training/configs/starter.yaml")
    else:
        run.start(read_config(options.config, overrides), options.data, _run_folder(options))


def _start_overrides(options: argparse.Namespace) -> list[str]:
    """The options of fine-tuning as `--set` would have them."""
    overrides = []
    if options.finetune is not None:
        overrides.append(f"start.weights={json.dumps(str(options.finetune))}")
    if options.reset_heads:
        overrides.append("start.reset_heads=true")
    if options.freeze_encoder:
        overrides.append(f"start.freeze_encoder_steps={options.freeze_encoder}")
    return overrides


def _run_folder(options: argparse.Namespace) -> Path:
    if options.run is None and options.config is None:
        raise RequestError("--run", None, "the folder of the run to go on with")
    folder: Path = options.run or Path("runs") / options.config.stem
    return folder


def _export(options: argparse.Namespace) -> None:
    from model_training.evaluation.labelled_folder import parse_folders
    from model_training.export.export import ExportRequest, export

    export(
        ExportRequest(
            checkpoint=options.run / f"{options.checkpoint}.ckpt",
            output=options.output,
            data_root=options.data,
            tests=parse_folders(options.test, options.leave_out),
            tile_px=options.tile,
            with_orientation=options.orientation,
            file_format=options.format,
            precision=options.precision,
        )
    )


def _evaluate(options: argparse.Namespace) -> None:
    from model_training.evaluation.labelled_folder import parse_folders
    from model_training.evaluation.report import evaluate_model

    evaluate_model(options.model, parse_folders(options.folders, options.leave_out), options.output)


def _stages(options: argparse.Namespace) -> None:
    from model_training.training.stages import run_stages

    run_stages(options.configs, options.data)


def _curves(options: argparse.Namespace) -> None:
    from model_training.evaluation.training_curves import draw_training

    draw_training(options.runs, options.beside, options.output)


def _ablation(options: argparse.Namespace) -> None:
    from model_training.evaluation import ablation
    from model_training.evaluation.labelled_folder import parse_folders

    if options.model is not None:
        ablation.run_model(options.model, parse_folders(options.test, options.leave_out), options.output)
        return
    for name in ("config", "data", "teacher"):
        if getattr(options, name) is None:
            raise RequestError(f"--{name}", None, "given, or --model and --test instead")
    budget = ablation.Budget(options.steps, options.batch, options.crop, tuple(options.set))
    variants = ablation.variants(options.teacher)
    ablation.train_variants(options.config, variants, budget, options.data, options.output)


def _overlap(options: argparse.Namespace) -> None:
    from model_training.evaluation.labelled_folder import parse_folders
    from model_training.evaluation.overlap import check_overlap

    check_overlap(parse_folders(options.training, options.leave_out), parse_folders(options.test), options.output)


def _benchmark(options: argparse.Namespace) -> None:
    from model_training.benchmark.benchmark import as_table, benchmark, write_json

    speeds = benchmark(options.files, options.tile, options.threads, options.rounds)
    print(as_table(speeds))
    if options.json is not None:
        write_json(options.json, speeds)
