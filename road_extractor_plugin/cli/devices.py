"""The command `devices`."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from road_extractor_plugin.contract.model_file import read_card

if TYPE_CHECKING:
    from road_extractor_plugin.compute.device_report import DeviceStatus


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.set_defaults(command=_run)
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="an ONNX or TorchScript file (default: the bundled model)"
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _run(options: argparse.Namespace) -> None:
    from road_extractor_plugin.compute.device_report import device_statuses
    from road_extractor_plugin.compute.local import LocalCompute
    from road_extractor_plugin.compute.predictors.speed_record import SpeedRecord
    from road_extractor_plugin.engine.models import default_model

    model = options.model or default_model()
    card = read_card(model)
    statuses, taken = device_statuses(model), LocalCompute(model, card).device
    if options.json:
        content = {
            "model": str(model),
            "devices": [dataclasses.asdict(status) for status in statuses],
            "taken": dataclasses.asdict(taken),
            "speeds": str(SpeedRecord().path),
        }
        print(json.dumps(content, indent=2, ensure_ascii=False))
        return
    print("\n".join(_readable(status) for status in statuses))
    print(f"\n'{model.name}' would run on {taken.name}, {taken.runtime}: {taken.reason}.")
    print(f"Measured speeds are kept in '{SpeedRecord().path}'; delete that file to have them measured anew.")


def _readable(status: DeviceStatus) -> str:
    if status.problem:
        about = f"{status.hardware}; {status.problem.rstrip('.')}; needs {status.package}"
    else:
        about = f"{status.hardware}, {status.runtime}"
    return f"{status.name:<13} {'-' if status.problem else 'here':<5} {about}"
