"""The engine's environment: made from wheels, looked at, repaired, removed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from road_extractor_plugin.contract.errors import Cancelled, ComputeError, EngineSetupError
from road_extractor_plugin.engine import engine_kind, environment
from road_extractor_plugin.engine.engine_kind import COREML, CPU, DIRECTML, NVIDIA, OPENVINO, Computer, EngineKind
from road_extractor_plugin.engine.environment import PackageSource, create, kind_of, look_at, remove, usable_base
from road_extractor_plugin.engine.interpreter import Host, environment_python, find_interpreter, marker_of
from road_extractor_plugin.engine.subprocess_lines import KeptLines, run_lines

BASE = Path(sys.base_prefix) / "bin" / "python3"
STAND_INS = ("numpy", "scipy", "scikit-image", "onnxruntime")
KIND = EngineKind("stand-ins", "Packages with the right names and nothing in them", STAND_INS, 1, 1)


class Watcher(KeptLines):
    """Cancels when a line holds a text."""

    def __init__(self, cancel_at: str = "\0") -> None:
        super().__init__()
        self._cancel_at = cancel_at

    def is_cancelled(self) -> bool:
        return any(self._cancel_at in line for line in self.lines)


@pytest.fixture
def no_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins cannot compute."""
    monkeypatch.setattr(environment, "_self_test", lambda folder, listener: None)


def test_made_from_wheels_without_a_network(tmp_path: Path, stand_in_wheels: Path, no_self_test: None) -> None:
    folder, watcher = tmp_path / "with blank" / "environment", Watcher()
    assert not look_at(folder).is_ready
    state = create(BASE, folder, KIND, PackageSource(stand_in_wheels), watcher)
    assert state.is_ready
    assert "onnxruntime 1.0" in state.detail
    assert look_at(folder) == state
    assert kind_of(folder) == "stand-ins"
    assert any("Successfully installed" in line for line in watcher.lines)
    assert find_interpreter(None, folder, Host("linux", "", "/nowhere")).path == environment_python(folder)
    remove(folder)
    assert not folder.exists()


def test_a_missing_wheel_is_named_and_nothing_stays(tmp_path: Path, stand_in_wheels: Path, no_self_test: None) -> None:
    (stand_in_wheels / "scipy-1.0-py3-none-any.whl").unlink()
    with pytest.raises(EngineSetupError, match=r"scipy.*folder holds the wheels"):
        create(BASE, tmp_path / "environment", KIND, PackageSource(stand_in_wheels), Watcher())
    assert not (tmp_path / "environment").exists()


def test_wrong_results_are_refused(tmp_path: Path, stand_in_wheels: Path) -> None:
    """The stand-ins fail the self-test, as a broken installation would."""
    with pytest.raises(EngineSetupError, match="CPU always works"):
        create(BASE, tmp_path / "environment", KIND, PackageSource(stand_in_wheels), Watcher())
    assert not (tmp_path / "environment").exists()


def test_cancelled_in_the_middle(tmp_path: Path, stand_in_wheels: Path, no_self_test: None) -> None:
    with pytest.raises(Cancelled):
        create(BASE, tmp_path / "environment", KIND, PackageSource(stand_in_wheels), Watcher("Processing"))
    assert not (tmp_path / "environment").exists()


def test_an_unfinished_one_is_not_used(tmp_path: Path) -> None:
    python = environment_python(tmp_path)
    python.parent.mkdir(parents=True)
    python.touch()
    assert "not finished" in look_at(tmp_path).detail
    with pytest.raises(ComputeError):
        find_interpreter(None, tmp_path, Host("linux", "", "/nowhere"))


def test_a_broken_one_is_explained(tmp_path: Path, stand_in_wheels: Path, no_self_test: None) -> None:
    folder = tmp_path / "environment"
    create(BASE, folder, KIND, PackageSource(stand_in_wheels), Watcher())
    next(folder.rglob("scipy.py")).unlink()
    state = look_at(folder)
    assert not state.is_ready
    assert "No module named 'scipy'" in state.detail
    assert "Repair" in state.detail
    create(BASE, folder, KIND, PackageSource(stand_in_wheels), Watcher())
    assert look_at(folder).is_ready
    environment_python(folder).unlink()
    assert "broken" in look_at(folder).detail


def test_a_base_that_is_no_python(tmp_path: Path) -> None:
    fake = tmp_path / "python3"
    fake.write_text("#!/bin/sh\necho 'not today' >&2\nexit 3\n")
    fake.chmod(0o755)
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\necho 2 7\n")
    old.chmod(0o755)
    with pytest.raises(EngineSetupError, match=r"not today.*version 2\.7, 3\.9 is needed") as raised:
        usable_base((fake, old))
    assert "python3-venv" in str(raised.value)
    assert usable_base((fake, BASE)) == BASE


def test_a_program_that_takes_too_long() -> None:
    started_s = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_lines([str(BASE), "-c", "import time; time.sleep(60)"], KeptLines(), limit_s=0.5)
    assert time.monotonic() - started_s < 20


def test_a_silent_program_is_cancelled() -> None:
    class Impatient(KeptLines):
        def is_cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        run_lines([str(BASE), "-c", "import time; time.sleep(60)"], Impatient())


def test_variables_reach_the_program_but_not_its_command_line() -> None:
    kept = KeptLines()
    run_lines(
        [str(BASE), "-c", "import os; print(os.environ['HTTPS_PROXY'])"], kept, variables={"HTTPS_PROXY": "http://p:1"}
    )
    assert kept.lines == ["http://p:1"]


@pytest.mark.parametrize(
    ("computer", "kinds"),
    [
        (Computer("linux", "x86_64", None), (OPENVINO, CPU)),
        (Computer("linux", "x86_64", (12, 4)), (NVIDIA, OPENVINO, CPU)),
        (Computer("linux", "x86_64", (11, 8)), (OPENVINO, CPU)),
        (Computer("linux", "aarch64", None), (CPU,)),
        (Computer("win32", "amd64", None), (OPENVINO, CPU, DIRECTML)),
        (Computer("win32", "amd64", (13, 0)), (NVIDIA, OPENVINO, CPU, DIRECTML)),
        (Computer("darwin", "arm64", None), (COREML, CPU)),
    ],
    ids=["linux", "linux with a card", "linux with an old driver", "arm", "windows", "windows with a card", "mac"],
)
def test_what_is_offered(computer: Computer, kinds: tuple[EngineKind, ...]) -> None:
    assert engine_kind.kinds_for(computer) == kinds
    assert ("12.0" in engine_kind.advice(computer)) == (computer.cuda == (11, 8))


def test_the_driver_is_asked() -> None:
    assert engine_kind.cuda_version("| NVIDIA-SMI 550.54  Driver Version: 550.54  CUDA Version: 12.4 |") == (12, 4)
    assert engine_kind.cuda_version("no devices were found") is None


def test_the_marker_is_written_last(tmp_path: Path, stand_in_wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(environment, "_self_test", lambda folder, _: seen.append(marker_of(folder).exists()))
    create(BASE, tmp_path / "environment", KIND, PackageSource(stand_in_wheels), Watcher())
    assert seen == [False]
