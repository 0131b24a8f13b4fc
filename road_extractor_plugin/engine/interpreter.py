"""Which Python the worker runs on, and how it is started so that nothing of QGIS gets into it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from road_extractor_plugin.contract.errors import ComputeError

PLUGIN_PARENT = Path(__file__).resolve().parents[2]
"""The folder from which the plugin is imported."""

_SERVE = "import sys; sys.path += sys.argv[1:]; from road_extractor_plugin.engine.worker import main; main()"
"""The folders go behind those of the interpreter: beside the plugin lie others, whose names must hide no library."""

_NO_CONSOLE = 0x08000000
"""CREATE_NO_WINDOW of Windows."""


@dataclass(frozen=True)
class Interpreter:
    """A Python."""

    path: Path
    search_folders: tuple[str, ...] = ()
    """Where it looks for libraries besides its own folders."""

    def command(self) -> list[str]:
        """How the worker is started: isolated from variables and folders of the user."""
        return [str(self.path), "-I", "-X", "utf8", "-c", _SERVE, str(PLUGIN_PARENT), *self.search_folders]


@dataclass(frozen=True)
class Host:
    """What this process knows of its own Python; QGIS on Windows and macOS is a program with a Python built in."""

    platform: str
    executable: str
    prefix: str
    search_folders: tuple[str, ...] = ()

    @classmethod
    def here(cls) -> Host:
        """Of this process."""
        return cls(sys.platform, sys.executable or "", sys.base_prefix, tuple(filter(None, sys.path)))


def find_interpreter(chosen: Path | None, environment: Path | None, host: Host | None = None) -> Interpreter:
    """The Python for the worker: the first of these that there is.

    1. The one that the user chose.
    2. That of the environment made for the engine.
    3. That of QGIS, with all folders in which QGIS itself would find libraries, those of the user among them.

    Args:
        chosen: A program; None leaves it to the rest.
        environment: Folder of a virtual environment, which need not exist.
        host: The process that asks; by default this one.

    Raises:
        ComputeError: The chosen one is none, or QGIS comes without one.
    """
    host = host or Host.here()
    if chosen is not None:
        return _chosen(chosen)
    if environment is not None:
        path = environment_python(environment, host.platform)
        if path.is_file() and is_complete(environment):
            return Interpreter(path)
    for path in _beside_host(host):
        if path.is_file():
            return Interpreter(path, host.search_folders)
    raise ComputeError(
        f"No Python was found beside '{host.executable}'",
        "Choose the Python for the engine in the settings of Road Extractor",
    )


def environment_python(environment: Path, platform: str = sys.platform) -> Path:
    """The Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if platform == "win32" else "bin/python")


def marker_of(environment: Path) -> Path:
    """The file that stands in an environment whose installation was finished."""
    return environment / "road_extractor.json"


def is_complete(environment: Path) -> bool:
    """Whether the installation of an environment was finished."""
    return marker_of(environment).is_file()


def base_candidates(host: Host | None = None) -> tuple[Path, ...]:
    """Pythons that may make the environment, the most likely to work first: that of QGIS, then those of the system.

    In a Flatpak the system's are those of its runtime, which are what the worker can start there.
    """
    host = host or Host.here()
    names = ("python.exe", "py.exe") if host.platform == "win32" else ("python3", "python")
    found = [shutil.which(name) for name in names]
    system = [Path(path) for path in ("/usr/bin/python3", "/opt/homebrew/bin/python3", "/usr/local/bin/python3")]
    candidates = [*_beside_host(host), *(Path(path) for path in found if path), *system]
    return tuple(dict.fromkeys(path for path in candidates if path.is_file()))


def process_options(platform: str = sys.platform, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Arguments of `Popen`: no console window, a folder that may be removed meanwhile, a clean environment."""
    kept = {
        name: value
        for name, value in (os.environ if variables is None else variables).items()
        # they tell QGIS's Python where its parts are; another Python does not start with them
        if not name.upper().startswith(("PYTHON", "__PYVENV"))
    }
    options: dict[str, Any] = {"env": kept, "cwd": tempfile.gettempdir()}
    if platform == "win32":
        options["creationflags"] = _NO_CONSOLE
    return options


def _chosen(path: Path) -> Interpreter:
    if not path.is_file():
        raise ComputeError(f"The Python chosen for the engine, '{path}', does not exist", "Choose another")
    if not _is_python(path):  # a click on Run must not open a second QGIS
        raise ComputeError(f"'{path}', chosen for the engine, is no Python", "Choose a file named python")
    return Interpreter(path)


def _is_python(path: Path) -> bool:
    return path.name.lower().startswith("python")


def _beside_host(host: Host) -> list[Path]:
    """Where QGIS keeps its Python, the most likely place first."""
    program, prefix = Path(host.executable), Path(host.prefix)
    itself = [program] if host.executable and _is_python(program) else []
    if host.platform == "win32":  # OSGeo4W and the installer: bin/qgis-bin.exe, bin/python3.exe, apps/Python312
        installed = sorted(program.parent.parent.glob("apps/Python3*/python.exe"), reverse=True)
        return [*itself, prefix / "python.exe", program.with_name("python3.exe"), *installed]
    if host.platform == "darwin":  # QGIS.app/Contents/MacOS/QGIS
        return [*itself, program.parent / "bin" / "python3", prefix / "bin" / "python3"]
    return [*itself, prefix / "bin" / "python3"]
