"""Whole runs of several checkouts in turns, beside the bare network: for machines whose speed changes all the time.

    python benchmarks/versions.py 3000 12 ../before .

Each checkout has a process of its own, which makes a run or measures the bare network when it is told to. Printed are
medians: of a run over the mean of the bare network before and behind it, in the time that passes and in processor time;
and of the seconds of runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

Seconds = tuple[float, float]
"""That pass, and of processors."""


def main() -> None:
    """Measure and print, or serve one that measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", type=int, help="of the raster in pixels")
    parser.add_argument("rounds", type=int)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.checkouts[0], options.side)
    else:
        compare(options.side, options.rounds, options.checkouts)


def serve(checkout: Path, side_px: int) -> None:
    """Do what each line of the input says, `run` or `bare`, and print seconds."""
    sys.path[:0] = [str(checkout), str(checkout / "benchmarks")]
    import end_to_end as bench  # of that checkout, and only now

    with tempfile.TemporaryDirectory() as folder:
        raster = bench.repeated_example(Path(folder) / "raster.tif", side_px)
        out, model = Path(folder) / "out", bench.default_model()
        request = bench.ExtractRequest(raster, out, model, device="cpu", overwrite=True)
        compute = bench.open_compute(request)
        bench.extract(request, compute, bench.SilentFeedback())
        print("ready", flush=True)
        for line in sys.stdin:
            started = time.perf_counter(), time.process_time()
            if line.strip() == "bare":
                print(*bench.bare_network(request, compute), flush=True)
            else:
                bench.extract(request, compute, bench.SilentFeedback())
                print(time.perf_counter() - started[0], time.process_time() - started[1], flush=True)


def compare(side_px: int, rounds: int, checkouts: list[Path]) -> None:
    """Let the checkouts take turns, back and forth, and print a line for each."""
    servers = [server(side_px, checkout.resolve()) for checkout in checkouts]
    rows: list[list[tuple[float, ...]]] = [[] for _ in checkouts]
    for number in range(rounds):
        before = asked(servers[0], "bare")
        for index in list(range(len(servers)))[:: -1 if number % 2 else 1]:
            run, behind = asked(servers[index], "run"), asked(servers[index], "bare")
            bare = [(one + other) / 2 for one, other in zip(before, behind)]
            rows[index].append((run[0] / bare[0], run[1] / bare[1], run[0], bare[0]))
            before = behind
    for checkout, measured in zip(checkouts, rows):
        names = ("ratio", "cpu_ratio", "run_s", "bare_network_s")
        figures = "  ".join(f"{name} {value:.3f}" for name, value in zip(names, np.median(measured, axis=0)))
        print(f"{checkout}  side_px {side_px}  rounds {rounds}  {figures}")
    for process in servers:
        process.communicate()


def server(side_px: int, checkout: Path) -> subprocess.Popen[str]:
    """Start one, and wait until it is ready."""
    command = [sys.executable, __file__, str(side_px), "0", str(checkout), "--serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdout.readline().strip() != "ready":
        sys.exit(f"{checkout} cannot be measured")
    return process


def asked(process: subprocess.Popen[str], what: str) -> Seconds:
    """Have it done, and the seconds that it took."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    passed_s, processor_s = map(float, process.stdout.readline().split())
    return passed_s, processor_s


if __name__ == "__main__":
    main()
