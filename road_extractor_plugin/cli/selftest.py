"""The command `selftest`."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from road_extractor_plugin.contract.model_file import read_card

if TYPE_CHECKING:
    from road_extractor_plugin.compute.device_report import DeviceCheck

_PASSED, _FAILED = 0, 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.set_defaults(command=_run)
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="an ONNX or TorchScript file (default: the bundled model)"
    )
    parser.add_argument("--device", metavar="NAME", help="only this one (default: all that are here)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def _run(options: argparse.Namespace) -> int:
    """The status is 1 when a device does not pass."""
    from road_extractor_plugin.compute.device_report import check_device, device_statuses
    from road_extractor_plugin.engine.models import default_model

    model = options.model or default_model()
    card = read_card(model)
    here = [status.name for status in device_statuses(model) if not status.problem]
    checks = []
    for name in [options.device] if options.device else here or ["auto"]:
        checks.append(check_device(model, card, name))
        if not options.json:
            print(_readable(checks[-1]))
    if options.json:
        print(json.dumps([dataclasses.asdict(check) for check in checks], indent=2, ensure_ascii=False))
    return _PASSED if all(check.passed for check in checks) else _FAILED


def _readable(check: DeviceCheck) -> str:
    found = f"{'pass' if check.passed else 'FAIL'}  {check.device:<13} {check.runtime:<20}"
    if check.largest_difference is not None:
        found += f" largest difference {check.largest_difference:.2g}, allowed {check.allowed:.2g}"
    return f"{found} {check.problem}".rstrip()
