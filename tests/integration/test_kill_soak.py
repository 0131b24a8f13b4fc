"""Runs that are killed at any moment: the same command goes on, and leaves what an uninterrupted run leaves."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import numpy as np
import numpy.typing as npt
import pytest

from tests.run_results import results

EXTRACT_KILLS, BATCH_KILLS = 50, 20
SHARE_KILLED_TWICE = 0.3
DISK_BYTES = 40_000_000
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


def town(height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    """(3, height, width): streets between noise, with a hole."""
    image = np.random.default_rng(seed).integers(0, 90, (3, height, width), dtype=np.uint8)
    for row in range(40, height, 170):
        image[:, row : row + 9, 15:-15] = 235
    for column in range(60, width, 230):
        image[:, 15:-15, column : column + 9] = 235
    image[:, height // 3 : height // 2, width // 2 : width // 2 + 150] = 0
    return image


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "road_extractor_plugin", *map(str, arguments), "--device", "cpu", "--quiet"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def killed(process: subprocess.Popen[str], after_s: float) -> bool:
    """Kill a process in mid-run, unless it has ended before."""
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, process.communicate()
    return False


def completed(*arguments: object) -> str:
    """What a run to the end says."""
    process = start(*arguments)
    _, said = process.communicate()
    assert process.returncode == 0, said
    return said


class Killer:
    """Kills runs of one command at times drawn from the duration of a whole one, and looks at what comes of it."""

    def __init__(self, *command: object) -> None:
        self.command = command
        began = time.monotonic()
        self.said = completed(*command, "-o", self.out("whole"))
        self.whole_s = time.monotonic() - began
        self.expected = results(self.out("whole"))
        self.choices = random.Random(0)
        self.turns = self.in_mid_run = self.gone_on = 0

    def out(self, name: str) -> Path:
        return Path(str(self.command[1])).parent / f"out_{name}"

    def turn(self) -> Path:
        """Kill once or twice, then let it end."""
        self.turns += 1
        out = self.out(str(self.turns))
        arguments = (*self.command, "-o", out)
        for _ in range(2 if self.choices.random() < SHARE_KILLED_TWICE else 1):
            began = time.monotonic()
            if not killed(start(*arguments), self.choices.uniform(0.2, 1.0) * self.whole_s):
                self.whole_s = time.monotonic() - began  # the machine has less to do than before
                return out
            made = [path.name for path in out.glob("*") if not path.name.startswith(".")]
            assert self.is_whole(out, made), made
            if made and not list(out.glob(".*")):
                return out  # all was done, and the process was about to end
            self.in_mid_run += 1
        said = completed(*arguments)
        self.gone_on += "Goes on" in said or "Done before" in said
        return out

    def is_whole(self, out: Path, made: list[str]) -> bool:
        """Of a raster, all files are there or none."""
        stems = {name.rsplit("_", 1)[0] for name in made if name.endswith("_report.json")}
        reports = {path.name for stem in stems for path in out.glob(f"{stem}_*")}
        return len(reports) == 5 * len(stems) and set(made) <= reports | {"batch_report.csv", "merged_roads.gpkg"}


def test_50_kills_of_an_extract(tmp_path: Path, raster: Callable[..., Path], tiny_model: Path) -> None:
    path = raster(tmp_path / "town.tif", town(2600, 1500, 0), nodata=0)
    killer = Killer("extract", path, "--model", tiny_model, "--tile", 160)
    while killer.in_mid_run < EXTRACT_KILLS:
        number, out = killer.in_mid_run, killer.turn()
        assert results(out) == killer.expected, number
        assert not list(out.glob(".*")), number
    print(f"{killer.in_mid_run} kills in mid-run, {killer.gone_on} went on; {killer.whole_s:.1f} s for a whole run")
    assert killer.gone_on >= EXTRACT_KILLS / 4


def test_20_kills_of_a_batch(tmp_path: Path, raster: Callable[..., Path], tiny_model: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(4):
        west = 500_000.0 + 600 * number
        place = (west, 1.0, 0.0, 5_000_000.0, 0.0, -1.0)
        raster(folder / f"part_{number}.tif", town(900, 700, number), nodata=0, geotransform=place)
    killer = Killer("batch", folder, "--model", tiny_model, "--tile", 160)
    while killer.in_mid_run < BATCH_KILLS:
        number, out = killer.in_mid_run, killer.turn()
        assert results(out) == killer.expected, number
        assert not list(out.rglob(".*")), number
        with (out / "batch_report.csv").open(encoding="utf-8") as file:
            assert {row["status"] for row in csv.DictReader(file)} <= {"done", "skipped"}
    print(f"{killer.in_mid_run} kills in mid-run; {killer.whole_s:.1f} s for a whole batch")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with a folder that others may fill; only the administrator may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a tmpfs here, so no disk can be filled")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, but_bytes: int) -> Path:
    """Leave so little room."""
    path = folder / "of_others"
    free = os.statvfs(folder)
    with suppress(OSError), path.open("wb", buffering=0) as file:  # the run takes some of it meanwhile
        file.write(bytes(max(free.f_bavail * free.f_frsize - but_bytes, 0)))
    return path


@pytest.mark.parametrize("strips", [1, 6, 14])
@pytest.mark.parametrize("left_bytes", [0, 300_000], ids=["nothing left", "a little left"])
def test_a_disk_that_fills_in_mid_run(
    tmp_path: Path, raster: Callable[..., Path], tiny_model: Path, full_disk: Path, strips: int, left_bytes: int
) -> None:
    command: tuple[Any, ...] = ("extract", raster(tmp_path / "town.tif", town(2600, 1500, 0), nodata=0))
    command = (*command, "--model", tiny_model, "--tile", 160, "-o")
    completed(*command, tmp_path / "whole")
    out = full_disk / "out"
    ledger = out / ".town_unfinished" / "ledger.jsonl"
    process = start(*command, out)
    while process.poll() is None and not (ledger.exists() and ledger.read_bytes().count(b"\n") > strips):
        time.sleep(0.002)
    of_others = fill(full_disk, left_bytes)
    _, said = process.communicate()
    assert process.returncode == 2, said
    assert said.startswith("error: The disk of"), said
    assert said.count("\n") == 1
    assert "it goes on from what is finished" in said
    assert [path.name for path in out.iterdir()] == [".town_unfinished"]
    of_others.unlink()
    assert "Goes on where an earlier run was stopped" in completed(*command, out)
    assert results(out) == results(tmp_path / "whole")
    assert not list(out.glob(".*"))
