"""What the user chose last, kept in the QGIS profile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

from qgis.core import QgsApplication, QgsSettings

from road_extractor_plugin.contract.batch import RASTER_PATTERNS
from road_extractor_plugin.contract.trace_settings import PRESETS
from road_extractor_plugin.engine.worker_pool import WorkerChoice

_SECTION = "road_extractor"
_NO = "no"

_DEFAULT_IDLE_MINUTES = 10.0


Choice = TypeVar("Choice", bound=Enum)


class AreaChoice(str, Enum):
    """Which part of the layer is searched for roads."""

    VISIBLE = "visible"
    RECTANGLE = "rectangle"
    POLYGONS = "polygons"
    LAYER = "layer"


@dataclass(frozen=True)
class Settings:
    """The choices of the dock; None leaves one to the default."""

    area: AreaChoice = AreaChoice.VISIBLE
    model: Path | None = None
    """None is the bundled model."""
    threshold: float | None = None
    """Road probability from which on something is road, in 0..1 without 0; None is the model's own."""
    preset: str | None = None
    """A name in `PRESETS`."""
    output_folder: Path | None = None
    """None is a folder beside the project."""


def load_settings() -> Settings:
    """The choices of the last run; what is missing or cannot be understood is left to the default."""
    threshold, preset = _number("threshold"), _text("preset")
    return Settings(
        area=_one_of(AreaChoice, "area", AreaChoice.VISIBLE),
        model=_path("model"),
        threshold=threshold if threshold is not None and 0 < threshold <= 1 else None,
        preset=preset if preset in PRESETS else None,
        output_folder=_path("output_folder"),
    )


def save_settings(settings: Settings) -> None:
    """Keep the choices for the next run and the next session."""
    _store("area", settings.area.value)
    _store("model", settings.model)
    _store("threshold", settings.threshold)
    _store("preset", settings.preset)
    _store("output_folder", settings.output_folder)


def load_worker_choice() -> WorkerChoice:
    """The Python that computes, and after how many minutes without work its process is ended."""
    minutes = _number("worker_idle_minutes")
    is_sensible = minutes is not None and 0 <= minutes < math.inf
    return WorkerChoice(
        interpreter=_path("worker_interpreter"),
        environment=environment_folder(),
        idle_s=60 * (minutes if minutes is not None and is_sensible else _DEFAULT_IDLE_MINUTES),
    )


def save_worker_choice(choice: WorkerChoice) -> None:
    """Keep it, but for the environment, whose place is fixed."""
    _store("worker_interpreter", choice.interpreter)
    _store("worker_idle_minutes", choice.idle_s / 60)


def environment_folder() -> Path:
    """Where in the QGIS profile the virtual environment for the engine is, or would be."""
    return _profile_folder() / "environment"


def history_file() -> Path:
    """Where in the QGIS profile the list of runs is."""
    return _profile_folder() / "history.json"


def _profile_folder() -> Path:
    return Path(QgsApplication.qgisSettingsDirPath()) / "road_extractor"


@dataclass(frozen=True)
class BatchSettings:
    """The choices of the batch page."""

    folder: Path | None = None
    """Where the rasters are."""
    output_folder: Path | None = None
    patterns: tuple[str, ...] = RASTER_PATTERNS
    """Names of the rasters, as in a shell."""
    recursive: bool = True
    keep_existing: bool = True
    """Whether results of an earlier run are kept rather than made again."""
    merge: bool = True


def load_batch_settings() -> BatchSettings:
    """The choices of the last batch."""
    return BatchSettings(
        folder=_path("batch_folder"),
        output_folder=_path("batch_output_folder"),
        patterns=tuple(_text("batch_patterns").split()) or RASTER_PATTERNS,
        recursive=_text("batch_recursive") != _NO,
        keep_existing=_text("batch_keep_existing") != _NO,
        merge=_text("batch_merge") != _NO,
    )


def save_batch_settings(settings: BatchSettings) -> None:
    """Keep the choices for the next batch."""
    _store("batch_folder", settings.folder)
    _store("batch_output_folder", settings.output_folder)
    _store("batch_patterns", " ".join(settings.patterns))
    _store("batch_recursive", "" if settings.recursive else _NO)
    _store("batch_keep_existing", "" if settings.keep_existing else _NO)
    _store("batch_merge", "" if settings.merge else _NO)


def load_speed_mpx_s() -> float | None:
    """Megapixels per second of the last run on this machine, for estimates; None before the first one."""
    speed = _number("speed_mpx_s")
    return speed if speed is not None and speed > 0 else None


def save_speed_mpx_s(speed_mpx_s: float) -> None:
    """Keep the speed of a finished run."""
    _store("speed_mpx_s", speed_mpx_s)


def _text(key: str) -> str:
    return str(QgsSettings().value(f"{_SECTION}/{key}") or "")


def _one_of(choices: type[Choice], key: str, default: Choice) -> Choice:
    text = _text(key)
    return choices(text) if text in {choice.value for choice in choices} else default


def _path(key: str) -> Path | None:
    text = _text(key)
    return Path(text) if text else None


def _number(key: str) -> float | None:
    try:
        return float(_text(key))
    except ValueError:
        return None


def _store(key: str, value: object) -> None:
    QgsSettings().setValue(f"{_SECTION}/{key}", "" if value is None else str(value))
