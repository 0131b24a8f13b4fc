"""The command line: `python -m road_extractor_plugin COMMAND`.

Exit status: 0 done, 1 a fault of ours, 2 something that the user can put right (one plain line on stderr).
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Callable, Optional

from road_extractor_plugin.cli import batch, devices, evaluate, extract, model, selftest, vectorize
from road_extractor_plugin.cli.terminal import say
from road_extractor_plugin.contract.errors import Cancelled, RoadExtractorError

DONE, OUR_FAULT, USER_ERROR = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], Optional[int]] = options.command
    try:
        status = command(options)
        sys.stdout.flush()
    except RoadExtractorError as error:
        say(f"error: {error}", end="\n")
        return USER_ERROR
    except KeyboardInterrupt:
        say(f"error: {Cancelled()}", end="\n")
        return USER_ERROR
    except BrokenPipeError:
        # Whoever reads our output has had enough, as `head` has; Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception:  # noqa: BLE001  (outermost door: whatever went wrong must reach the user as a report)
        traceback.print_exc()
        say("error: This is a fault of Road Extractor; please report it with the lines above.", end="\n")
        return OUR_FAULT
    return DONE if status is None else status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m road_extractor_plugin", description="Roads from aerial imagery.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    extract.add_options(commands.add_parser("extract", help="find the roads in rasters"))
    batch.add_options(commands.add_parser("batch", help="find the roads in a folder of rasters"))
    vectorize.add_options(commands.add_parser("vectorize", help="find the lines anew in probability rasters"))
    evaluate.add_options(
        commands.add_parser("evaluate", help="compare a result with a reference: two rasters or two vector files")
    )
    model.add_options(commands.add_parser("model", help="show the card of a model file"))
    devices.add_options(commands.add_parser("devices", help="show what can run a model here, and what would be taken"))
    selftest.add_options(commands.add_parser("selftest", help="check that each device computes rightly"))
    return parser
