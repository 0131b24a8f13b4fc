"""What this machine can run a model on, and whether each device computes rightly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from road_extractor_plugin.compute.local import LocalCompute
from road_extractor_plugin.compute.predictors.devices import DeviceKind, devices_for
from road_extractor_plugin.compute.self_test import self_test_difference
from road_extractor_plugin.contract.errors import ComputeError, RequestError
from road_extractor_plugin.contract.model_card import ModelCard


@dataclass(frozen=True)
class DeviceStatus:
    """One way to run a network, here or not."""

    name: str
    """As `--device` takes it."""
    hardware: str
    runtime: str
    """Library and version; empty if it is not installed."""
    package: str
    """What to install for it."""
    problem: str
    """Why it is not here; empty if it is listed, which is not yet a proof that it works."""


def device_statuses(model: Path) -> tuple[DeviceStatus, ...]:
    """All devices that such a file can run on."""
    return tuple(_status(kind) for kind in devices_for(model))


def _status(kind: DeviceKind) -> DeviceStatus:
    try:
        version = kind.runtime.version
    except ComputeError:
        version = ""
    return DeviceStatus(kind.name, kind.hardware, version, kind.package, kind.problem())


@dataclass(frozen=True)
class DeviceCheck:
    """A self-test on one device."""

    device: str
    runtime: str
    passed: bool
    largest_difference: Optional[float]
    """From the probabilities in the card; None where none were computed."""
    allowed: float
    problem: str
    """Why it did not pass."""


def check_device(model: Path, card: ModelCard, name: str) -> DeviceCheck:
    """Run the card's self-test on a device, and on no other in its place.

    Raises:
        RequestError: The card has no self-test, or there is no such device.
        ModelUnreadableError: The file is no model.
    """
    if card.self_test is None:
        raise RequestError("model", str(model), "one whose card has a self-test")
    allowed, runtime = card.self_test.tolerance, ""
    try:
        compute = LocalCompute(model, card, device=name)
        runtime = compute.device.runtime
        difference = self_test_difference(compute)
    except ComputeError as error:
        return DeviceCheck(name, runtime, passed=False, largest_difference=None, allowed=allowed, problem=str(error))
    lost = " ".join(compute.device.warnings)
    problem = lost or ("" if difference <= allowed else "It computes something else than the model's author did.")
    return DeviceCheck(name, runtime, not problem, None if lost else difference, allowed, problem)
