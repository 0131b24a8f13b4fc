"""The one place that chooses what a network runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Optional

from road_extractor_plugin.compute.predictors.devices import (
    AUTO,
    CPU,
    DeviceKind,
    Preference,
    devices_for,
    has_nvidia_driver,
)
from road_extractor_plugin.compute.predictors.measured import MeasuredPredictor
from road_extractor_plugin.compute.predictors.predictor import Predictor
from road_extractor_plugin.compute.predictors.speed_record import Setting, SpeedRecord, key_of
from road_extractor_plugin.compute.predictors.steady import Opener, SteadyPredictor
from road_extractor_plugin.compute.predictors.streams import Streams, usable_cpus
from road_extractor_plugin.contract.errors import ComputeError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard

_CPUS_WORTH_COUNTING = 4
"""With fewer logical processors, the libraries' own choice of threads can hardly be bettered."""


def open_predictor(
    path: Path,
    card: ModelCard,
    *,
    device: str = AUTO,
    threads: int = 0,
    kinds: Optional[Sequence[DeviceKind]] = None,
) -> Predictor:
    """Load a model on the device that a user names, or on the best one.

    "auto" means:

    1. A graphics processor that is surely the fastest, if it works.
    2. Otherwise what was the fastest when measured with this model on this machine.
    3. Otherwise the first that works, and in a longer run the others are measured against it.

    A device that was asked for is taken or is an error; it is never replaced in silence. In mid-run, though, any device
    may fail, and then the processor goes on with a warning.

    Args:
        path: The model's file.
        card: Its contract.
        device: "auto" or the name of a `DeviceKind`.
        threads: Processor threads for one tile; 0 leaves it to the library, or to the measurement.
        kinds: What to choose from; by default all that can run such a file.

    Raises:
        ComputeError: No library is installed that can run the file, or the device asked for is not here or fails.
        ModelUnreadableError: The file is no model.
        RequestError: An unknown device.
    """
    if threads < 0:
        raise RequestError("threads", threads, "0 or more")
    choice = _Choice(path, card, threads, tuple(kinds or devices_for(path)))
    return choice.automatic() if device == AUTO else choice.as_asked(device)


@dataclass(frozen=True)
class _Choice:
    path: Path
    card: ModelCard
    threads: int
    kinds: tuple[DeviceKind, ...]

    def as_asked(self, name: str) -> Predictor:
        here = ", ".join((AUTO, *(kind.name for kind in self.kinds if not kind.problem())))
        kind = next((kind for kind in self.kinds if kind.name == name), None)
        if kind is None:
            raise RequestError("device", name, f"one of {here}")
        problem = kind.problem()
        if problem and kind.name == CPU:
            kind.runtime.targets()  # raises the error that says what to install
        if problem:
            raise ComputeError(
                f"The device '{name}' is not here: {problem.rstrip('.')}", f"It needs {kind.package}; here are {here}"
            )
        return SteadyPredictor(self._open(Setting(name, self.threads)), self._reserve(name), ["as asked"])

    def automatic(self) -> Predictor:
        here = [kind for kind in self.kinds if not kind.problem()]
        if not here:
            # The processor's library is what most machines want; it raises the error that says how to install it.
            next((kind for kind in self.kinds if kind.name == CPU), self.kinds[-1]).runtime.targets()
        notes: list[str] = []
        for kind in here:
            if kind.preference is Preference.FIRST:  # 1
                opened = self._try(Setting(kind.name, self.threads), notes)
                if opened:
                    return SteadyPredictor(opened, self._reserve(kind.name), ["taken first where it works", *notes])
        if has_nvidia_driver() and not any(kind.preference is Preference.FIRST for kind in here):
            needed = next((kind.package for kind in self.kinds if kind.preference is Preference.FIRST), "")
            notes.append(f"the NVIDIA GPU is not used: that needs {needed}")
        return self._fastest([kind for kind in here if kind.preference is Preference.IF_FASTEST], notes)

    def _fastest(self, here: Sequence[DeviceKind], notes: list[str]) -> Predictor:
        versions = tuple(kind.runtime.version for kind in here)
        key = key_of(self.path, (*versions, str(Streams.of(self.threads, usable_cpus()))), usable_cpus())
        record = SpeedRecord()
        known = record.find(key)
        if known and known.fastest.device in {kind.name for kind in here}:  # 2
            opened = self._try(known.fastest, notes)
            if opened:
                return SteadyPredictor(opened, self._reserve(known.fastest.device), [known.in_words(), *notes])
        settings = self._settings(here)
        while settings:  # 3
            setting = settings.pop(0)
            opened = self._try(setting, notes)
            if opened:
                remember = partial(record.store, key)
                measured = MeasuredPredictor(setting, opened, settings, self._open, remember)
                return SteadyPredictor(measured, self._reserve(setting.device if not settings else ""), notes)
        raise ComputeError(f"No device can run '{self.path}': {'; '.join(notes)}", "Run the command `devices`")

    def _settings(self, here: Sequence[DeviceKind]) -> list[Setting]:
        settings = [Setting(kind.name, self.threads) for kind in here]
        if not self.threads and usable_cpus() >= _CPUS_WORTH_COUNTING:
            settings += [Setting(kind.name, usable_cpus()) for kind in here if kind.is_processor]
        return settings

    def _try(self, setting: Setting, notes: list[str]) -> Optional[Predictor]:
        try:
            return self._open(setting)
        except ComputeError as error:
            notes.append(f"{setting.device} is listed, but failed: {error}")
            return None

    def _open(self, setting: Setting) -> Predictor:
        kind = next(kind for kind in self.kinds if kind.name == setting.device)
        return kind.open(self.path, self.card, setting.threads)

    def _reserve(self, name: str) -> Optional[Opener]:
        """The processor, for every device but the processor."""
        here = any(kind.name == CPU and not kind.problem() for kind in self.kinds)
        return partial(self._open, Setting(CPU)) if here and name != CPU else None
