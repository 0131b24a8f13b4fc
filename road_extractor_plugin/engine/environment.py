"""The virtual environment for the engine: made, looked at and removed, without touching QGIS's own Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from road_extractor_plugin.contract.errors import Cancelled, EngineSetupError
from road_extractor_plugin.engine.engine_kind import EngineKind
from road_extractor_plugin.engine.interpreter import PLUGIN_PARENT, environment_python, is_complete, marker_of
from road_extractor_plugin.engine.subprocess_lines import KeptLines, Listener, run_lines

_OLDEST = (3, 9)
_CHECK_LIMIT_S = 60.0
_PROBE = "import sys, venv; print(sys.version_info[0], sys.version_info[1])"
_VERSIONS = """
import importlib.metadata, json, sys
import numpy, onnxruntime, scipy, skimage
versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-image")}
print(json.dumps({"python": sys.version.split()[0], **versions, "onnxruntime": onnxruntime.__version__}))
"""
_SELF_TEST = """
import sys
sys.path.append(sys.argv[1])
from road_extractor_plugin.cli.main import main
sys.exit(main(["selftest"]))
"""


@dataclass(frozen=True)
class PackageSource:
    """Where packages come from."""

    wheels: Optional[Path] = None
    """A folder with wheels: nothing is fetched from anywhere else. None is pip's own configuration."""
    proxy: Optional[str] = None
    """URL of a proxy, with user and password where it wants them; given to pip as a variable, which no list of
    processes shows."""


@dataclass(frozen=True)
class EnvironmentState:
    """What became of the environment."""

    is_ready: bool
    detail: str
    """Versions of what is in it, or what is wrong with it."""


def create(base: Path, folder: Path, kind: EngineKind, source: PackageSource, listener: Listener) -> EnvironmentState:
    """Make the environment anew, in place of an earlier one.

    1. A bare virtual environment.
    2. The packages of a kind of engine, as wheels only: nothing is compiled.
    3. The bundled model's own test vectors are computed in it.
    4. Only then a marker says that it is complete; without it nobody uses the environment.

    Args:
        base: A Python of 3.9 or newer; stays as it is.
        folder: For the environment; its parents are made.
        kind: What to put into it.
        source: Where from.
        listener: Is told each line of what goes on; asked whether to stop.

    Raises:
        EngineSetupError: A step failed; what was made is removed.
        Cancelled: The user asked for it; what was made is removed.
    """
    try:
        _remove(folder)
        _make_bare(base, folder, listener)
        _install(base, folder, kind, source, listener)
        versions = _versions(folder)
        _self_test(folder, listener)
        marker_of(folder).write_text(json.dumps({"kind": kind.name, "versions": versions}), encoding="utf-8")
    except (EngineSetupError, Cancelled):
        _remove(folder)
        raise
    except OSError as error:
        _remove(folder)
        remedy = "See that the disk has room and that the folder may be written"
        raise EngineSetupError(f"The engine cannot be put into '{folder}': {error.strerror}", remedy) from error
    return EnvironmentState(is_ready=True, detail=_readable(versions))


def look_at(folder: Path) -> EnvironmentState:
    """Whether the environment works; starts its Python, which takes a second or two."""
    if not folder.exists():
        return EnvironmentState(is_ready=False, detail="The engine is not installed yet.")
    if not is_complete(folder):
        return EnvironmentState(is_ready=False, detail="The installation of the engine was not finished.")
    try:
        return EnvironmentState(is_ready=True, detail=_readable(_versions(folder)))
    except EngineSetupError as error:
        return EnvironmentState(is_ready=False, detail=str(error))


def self_test(folder: Path, listener: Listener) -> None:
    """Compute the bundled model's test vectors in the environment.

    Raises:
        EngineSetupError: They come out wrong, or not at all.
    """
    _self_test(folder, listener)


def remove(folder: Path) -> None:
    """Remove the environment and all that is in it.

    Raises:
        EngineSetupError: Something in it is in use.
    """
    _remove(folder)
    if folder.exists():
        raise EngineSetupError(
            f"'{folder}' cannot be removed completely",
            "Stop what runs in Road Extractor, or start QGIS again, then retry",
        )


def kind_of(folder: Path) -> str:
    """Name of the kind of engine that is in the environment; empty where that is not known."""
    try:
        return str(json.loads(marker_of(folder).read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def usable_base(candidates: tuple[Path, ...]) -> Path:
    """The first Python that can make the environment.

    Raises:
        EngineSetupError: None can; each is named with the reason.
    """
    reasons = []
    for path in candidates:
        problem = _problem_of(path)
        if not problem:
            return path
        reasons.append(f"{path} ({problem})")
    tried = "; ".join(reasons) or "there is none"
    raise EngineSetupError(
        f"No Python that can make the engine's environment was found: {tried}",
        "Install Python 3.9 or newer (python.org; on Debian and Ubuntu: apt install python3-venv), or choose one",
    )


def _problem_of(path: Path) -> str:
    """What keeps a Python from being the base; empty if nothing does."""
    said = KeptLines()
    try:
        status = run_lines([str(path), "-I", "-c", _PROBE], said, limit_s=_CHECK_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    if status:
        return said.lines[-1] if said.lines else f"status {status}"
    version = tuple(int(part) for part in said.lines[-1].split())
    return "" if version >= _OLDEST else f"version {version[0]}.{version[1]}, 3.9 is needed"


def _make_bare(base: Path, folder: Path, listener: Listener) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Without pip: some systems leave out the part of Python that would put it there.
    status = run_lines([str(base), "-I", "-m", "venv", "--without-pip", str(folder)], listener)
    if status:
        raise EngineSetupError(f"'{base}' cannot make a virtual environment", "Choose another Python")


def _install(base: Path, folder: Path, kind: EngineKind, source: PackageSource, listener: Listener) -> None:
    python = environment_python(folder)
    pip = [str(python), "-I", "-m", "pip"]
    if run_lines([str(python), "-I", "-m", "ensurepip", "--default-pip"], KeptLines()):
        pip = [str(base), "-m", "pip", "--python", str(python)]  # the base's own pip, 22.3 or newer
    options = ["--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    if source.wheels is not None:
        options += ["--no-index", "--find-links", str(source.wheels)]
    variables = {} if source.proxy is None else {"HTTP_PROXY": source.proxy, "HTTPS_PROXY": source.proxy}
    said = KeptLines(listener)
    if run_lines([*pip, "install", *options, *kind.packages], said, variables=variables):
        errors = [line for line in said.lines if "ERROR" in line]
        remedy = (
            "See that the folder holds the wheels for this computer's Python"
            if source.wheels is not None
            else "See that the computer is online, and check the proxy in the settings of QGIS"
        )
        reason = errors[-1].replace("ERROR: ", "").rstrip(".") if errors else "pip gave no reason"
        raise EngineSetupError(f"The packages of the engine cannot be installed: {reason}", remedy)


def _versions(folder: Path) -> dict[str, str]:
    """What is in the environment.

    Raises:
        EngineSetupError: Something is missing or does not start.
    """
    said, command = KeptLines(), [str(environment_python(folder)), "-I", "-c", _VERSIONS]
    try:
        status = run_lines(command, said, limit_s=_CHECK_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        said.line(str(error))
        status = 1
    if status:
        reason = said.lines[-1] if said.lines else f"its Python ended with status {status}"
        raise EngineSetupError(f"The engine's environment is broken: {reason}", "Repair it with Engine set-up")
    return dict(json.loads(said.lines[-1]))


def _self_test(folder: Path, listener: Listener) -> None:
    command = [str(environment_python(folder)), "-I", "-X", "utf8", "-c", _SELF_TEST, str(PLUGIN_PARENT)]
    if run_lines(command, listener):
        raise EngineSetupError(
            "The engine computes wrongly on this computer, or not at all",
            "Choose another kind of engine; CPU always works",
        )


def _readable(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
