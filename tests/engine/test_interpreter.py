"""Which Python is found, on machines that are made of empty files, and how it is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.engine.interpreter import (
    Host,
    Interpreter,
    environment_python,
    find_interpreter,
    marker_of,
    process_options,
)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def host(root: Path, platform: str, executable: str, prefix: str) -> Host:
    return Host(platform, str(root / executable), str(root / prefix), ("/qgis/libraries",))


@pytest.mark.parametrize(
    ("platform", "executable", "prefix", "there", "expected"),
    [
        ("linux", "usr/bin/python3", "usr", ["usr/bin/python3"], "usr/bin/python3"),
        ("linux", "usr/bin/qgis", "usr", ["usr/bin/qgis", "usr/bin/python3"], "usr/bin/python3"),
        ("win32", "bin/qgis-bin.exe", "apps/Python312", ["apps/Python312/python.exe"], "apps/Python312/python.exe"),
        ("win32", "bin/qgis-ltr-bin.exe", "apps/x", ["bin/python3.exe"], "bin/python3.exe"),
        (
            "win32",
            "bin/qgis-bin.exe",
            "apps/x",
            ["apps/Python39/python.exe", "apps/qgis/python.exe"],
            "apps/Python39/python.exe",
        ),
        ("darwin", "Contents/MacOS/QGIS", "x", ["Contents/MacOS/bin/python3"], "Contents/MacOS/bin/python3"),
        ("darwin", "Contents/MacOS/QGIS", "Fw", ["Fw/bin/python3"], "Fw/bin/python3"),
    ],
    ids=["Linux", "Linux, embedded", "prefix", "beside the program", "OSGeo4W", "application", "framework"],
)
def test_python_of_qgis(
    tmp_path: Path, platform: str, executable: str, prefix: str, there: list[str], expected: str
) -> None:
    for name in there:
        touch(tmp_path / name)
    found = find_interpreter(None, tmp_path / "no environment", host(tmp_path, platform, executable, prefix))
    assert found == Interpreter(tmp_path / expected, ("/qgis/libraries",))


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_the_environment_goes_before_qgis_and_sees_none_of_its_libraries(tmp_path: Path, platform: str) -> None:
    touch(tmp_path / "usr/bin/python3")
    python = touch(environment_python(tmp_path / "environment", platform))
    touch(marker_of(tmp_path / "environment"))
    found = find_interpreter(None, tmp_path / "environment", host(tmp_path, platform, "usr/bin/python3", "usr"))
    assert found == Interpreter(python)


def test_the_chosen_one_goes_before_all(tmp_path: Path) -> None:
    touch(environment_python(tmp_path / "environment"))
    touch(marker_of(tmp_path / "environment"))
    chosen = touch(tmp_path / "mine" / "python3.11")
    assert find_interpreter(chosen, tmp_path / "environment") == Interpreter(chosen)


def test_a_chosen_one_that_is_gone_is_no_reason_for_another(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match="does not exist"):
        find_interpreter(tmp_path / "python", None)


def test_no_second_qgis_is_started(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match="is no Python"):
        find_interpreter(touch(tmp_path / "qgis-bin.exe"), None)


def test_no_python_anywhere(tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match="No Python was found beside"):
        find_interpreter(None, None, host(tmp_path, "win32", "bin/qgis-bin.exe", "apps/Python39"))


def test_the_environment_is_clean_and_windows_shows_no_console() -> None:
    variables = {"PATH": "/bin", "PYTHONHOME": "/qgis", "PYTHONPATH": "x", "PythonUserBase": "y", "HOME": "/me"}
    variables["__PYVENV_LAUNCHER__"] = "/qgis/python"
    assert process_options("linux", variables)["env"] == {"PATH": "/bin", "HOME": "/me"}
    assert "creationflags" not in process_options("linux", variables)
    assert process_options("win32", variables)["creationflags"] == 0x08000000


def started(interpreter: Interpreter, code: str, **options: Any) -> str:
    """What a program prints that is started like the worker."""
    command = interpreter.command()
    command[command.index("-c") + 1] = "import sys; sys.path += sys.argv[1:]\n" + code
    return subprocess.run(command, capture_output=True, text=True, check=True, **process_options(), **options).stdout


def test_plugins_beside_ours_hide_no_library(tmp_path: Path) -> None:
    for name in ("numpy", "only_there"):
        touch(tmp_path / name / "__init__.py")
    interpreter = Interpreter(Path(sys.executable), (str(tmp_path),))
    printed = started(interpreter, "import numpy, only_there, road_extractor_plugin; print(numpy.__version__)")
    assert printed.strip()


def test_folders_and_variables_of_the_user_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "json.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    assert "loads" in started(Interpreter(Path(sys.executable)), "import json; print(dir(json))")
