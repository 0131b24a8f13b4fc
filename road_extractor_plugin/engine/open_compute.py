"""The one place that loads what computes into this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from road_extractor_plugin.compute.protocol import Compute, Meter, Tracer
from road_extractor_plugin.contract.errors import ComputeError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card
from road_extractor_plugin.contract.request import ExtractRequest


def open_compute(request: ExtractRequest, threads: int = 0) -> Compute:
    """Load the model that a request names, on the device that it names.

    Args:
        request: Names them.
        threads: Processor threads for the network; 0 takes what is best for a process that has the machine alone.

    Raises:
        ModelUnreadableError: The file is not a model.
        ModelCardError: Its card is wrong.
        ModelContractMissingError: It has no card, and the request does not say what is missing.
        ComputeError: A library that computes is not installed.
        RequestError: The device is unknown or not here.
    """
    return load_model(request.model, read_card(request.model, request.model_options), request.device, threads)


def load_model(path: Path, card: ModelCard, device: str, threads: int = 0) -> Compute:
    """Load a model whose card is known.

    Raises:
        ModelUnreadableError: The file is not a model.
        ComputeError: A library that computes is not installed.
        RequestError: The device is unknown or not here.
    """
    with _told_what_is_missing():
        from road_extractor_plugin.compute.local import LocalCompute
    return LocalCompute(path, card, device=device, threads=threads)


def open_tracer() -> Tracer:
    """What traces, without a model.

    Raises:
        ComputeError: A library that computes is not installed.
    """
    with _told_what_is_missing():
        from road_extractor_plugin.compute.local import LocalTracer
    return LocalTracer()


def open_meter() -> Meter:
    """What compares, without a model.

    Raises:
        ComputeError: A library that computes is not installed.
    """
    with _told_what_is_missing():
        from road_extractor_plugin.compute.metrics.meter import LocalMeter
    return LocalMeter()


@contextmanager
def _told_what_is_missing() -> Iterator[None]:
    """Import inside this; `ComputeError` where a library is not installed."""
    try:
        yield
    except ImportError as error:
        raise ComputeError(
            f"A library that the engine needs is missing ({error})",
            f"Install it: '{sys.executable}' -m pip install onnxruntime scikit-image scipy",
        ) from error
