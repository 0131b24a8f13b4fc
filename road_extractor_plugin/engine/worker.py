"""The worker process: networks and array mathematics, away from QGIS. `worker_process` starts `main` and talks to it.

One thread receives, one runs the network, one gives a sign of life each second while there is work, and each raster
is traced in one of its own, for that goes on while the network runs. So the worker ends at once when its parent does,
whatever it is computing, and a slow network is never taken for a dead one.
"""

from __future__ import annotations

import dataclasses
import os
import queue
import signal
import sys
import threading
import time
import traceback
from io import BufferedIOBase
from pathlib import Path
from typing import Callable

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.polylines import Polylines
from road_extractor_plugin.compute.protocol import Compute
from road_extractor_plugin.compute.raster_rows import PackedRows
from road_extractor_plugin.contract.errors import Cancelled, ComputeError, RoadExtractorError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.trace_settings import TraceSettings
from road_extractor_plugin.engine.graph_wire import graph_parts
from road_extractor_plugin.engine.open_compute import load_model, open_meter, open_tracer
from road_extractor_plugin.engine.wire import (
    PROTOCOL,
    Array,
    Message,
    WireError,
    error_values,
    read_value,
    receive,
    send,
)

SIGN_OF_LIFE_S = 1.0

_BAD_MESSAGE = 3
"""Exit status."""


def main() -> None:
    """Serve the parent until it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal of QGIS is for QGIS
    incoming, outgoing = _take_standard_streams()
    Worker(incoming, outgoing).serve()


def _take_standard_streams() -> tuple[BufferedIOBase, BufferedIOBase]:
    """Keep stdin and stdout for messages; what a library prints goes to stderr, and it reads nothing."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, outgoing


class Worker:
    """Answers one request after another."""

    def __init__(self, incoming: BufferedIOBase, outgoing: BufferedIOBase) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._sending = threading.Lock()
        self._requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._rows: dict[int, queue.SimpleQueue[Message]] = {}
        """By the request that asked for them."""
        self._working = threading.Event()
        self._counting = threading.Lock()
        self._at_work = 0
        self._cancelled: set[int] = set()
        self._compute: Compute | None = None
        self._handlers: dict[str, Callable[[Message], Message]] = {
            "ping": lambda message: Message("done", message.request),
            "load": self._load,
            "predict": self._predict,
            "trace": self._trace,
            "measure masks": self._measure_masks,
            "measure lines": self._measure_lines,
        }

    def serve(self) -> None:
        """Work until the process ends."""
        for target in (self._receive, self._give_signs_of_life):
            threading.Thread(target=target, daemon=True).start()
        python = ".".join(map(str, sys.version_info[:3]))
        self.send(Message("hello", 0, {"protocol": PROTOCOL, "python": python}))
        while True:
            self._work(self._requests.get())

    def send(self, message: Message) -> None:
        """Tell the parent; without one there is nothing left to do."""
        try:
            with self._sending:
                send(self._outgoing, message)
        except OSError:
            os._exit(0)

    def next_rows(self, request: int) -> Message:
        """Wait for the answer to a message that asks for rows."""
        return self._rows[request].get()

    def is_cancelled(self, request: int) -> bool:
        """Whether the parent wants no answer any more."""
        return request in self._cancelled

    def _receive(self) -> None:
        """Sort what comes in. The end of the stream is the end of the parent."""
        while True:
            try:
                message = receive(self._incoming)
            except (WireError, OSError) as error:
                sys.stderr.write(f"{error}\n")
                os._exit(_BAD_MESSAGE)
            if message is None:
                os._exit(0)
            if message.kind == "cancel":
                self._cancelled.add(message.request)
            elif message.kind in {"rows", "no rows"}:
                if message.request in self._rows:
                    self._rows[message.request].put(message)
            elif message.kind == "trace":
                self._rows[message.request] = queue.SimpleQueue()
                threading.Thread(target=self._work, args=(message,), daemon=True).start()
            else:
                self._requests.put(message)

    def _give_signs_of_life(self) -> None:
        while True:
            self._working.wait()
            time.sleep(SIGN_OF_LIFE_S)
            if self._working.is_set():
                self.send(Message("alive", 0))

    def _work(self, message: Message) -> None:
        self._count(1)
        reply = self._reply(message)
        self._cancelled.discard(message.request)
        self._count(-1)
        self.send(reply)

    def _count(self, more: int) -> None:
        with self._counting:
            self._at_work += more
            if self._at_work:
                self._working.set()
            else:
                self._working.clear()

    def _reply(self, message: Message) -> Message:
        try:
            return self._handlers[message.kind](message)
        except RoadExtractorError as error:
            return Message("error", message.request, error_values(error))
        except MemoryError:
            no_memory = ComputeError("The memory of this machine ran out", "Close programs or choose smaller tiles")
            return Message("error", message.request, error_values(no_memory))
        except Exception as error:  # noqa: BLE001  (outermost door: the parent is told, and the worker goes on)
            first_line = str(error).partition("\n")[0]
            values = {"what": f"{type(error).__name__}: {first_line}", "log": traceback.format_exc()}
            return Message("failed", message.request, values)

    def _load(self, message: Message) -> Message:
        values = message.values
        if self._compute is not None:
            self._compute.close()  # first, so that two models are never in memory
            self._compute = None
        card = ModelCard.from_json(values["card"])
        self._compute = load_model(Path(values["path"]), card, values["device"])
        return Message("done", message.request, {"device": dataclasses.asdict(self._compute.device)})

    def _predict(self, message: Message) -> Message:
        if self._compute is None:
            raise ComputeError("No model is loaded", "Run it again")
        probability = self._compute.predict(message.arrays[0])
        device = dataclasses.asdict(self._compute.device)  # it may have changed: a graphics card that is lost
        return Message("done", message.request, {"device": device}, (probability,))

    def _trace(self, message: Message) -> Message:
        values = message.values
        asked = _ParentsRaster(self, message.request, tuple(values["shape"]))
        settings, pixel_size_m = read_value(TraceSettings, values["settings"]), tuple(values["pixel_size_m"])

        def send_mask(mask: PackedRows) -> None:
            for rows, block in mask.blocks():
                self.send(Message("mask", message.request, {"rows": rows}, (np.frombuffer(block, np.uint8),)))

        try:
            traced = open_tracer().trace(asked, settings, pixel_size_m, asked, send_mask)
        finally:
            del self._rows[message.request]
        graph_values, arrays = graph_parts(traced.graph)
        return Message("done", message.request, graph_values, tuple(arrays))

    def _measure_masks(self, message: Message) -> Message:
        predicted, true = (
            np.unpackbits(packed, axis=1, count=message.values["width"]).view(np.bool_) for packed in message.arrays
        )
        measured = open_meter().measure_masks(predicted, true, _ParentsFeedback(self, message.request))
        return Message("done", message.request, dataclasses.asdict(measured))

    def _measure_lines(self, message: Message) -> Message:
        points, offsets, true_points, true_offsets = message.arrays
        measured = open_meter().measure_lines(
            Polylines(points, offsets), Polylines(true_points, true_offsets), _ParentsFeedback(self, message.request)
        )
        return Message("done", message.request, dataclasses.asdict(measured))


class _ParentsFeedback:
    """The parent's `Feedback` during one request."""

    def __init__(self, worker: Worker, request: int) -> None:
        self._worker = worker
        self._request = request

    def progress(self, fraction: float, stage: str) -> None:
        """Pass it on."""
        self._worker.send(Message("progress", self._request, {"fraction": fraction, "stage": stage}))

    def warning(self, text: str) -> None:
        """Pass it on."""
        self._worker.send(Message("warning", self._request, {"text": text}))

    def is_cancelled(self) -> bool:
        """Whether the parent cancelled this request."""
        return self._worker.is_cancelled(self._request)


class _ParentsRaster(_ParentsFeedback):
    """The parent's raster, too: `RasterRows` during one request."""

    def __init__(self, worker: Worker, request: int, shape: tuple[int, int]) -> None:
        super().__init__(worker, request)
        self.shape = shape

    def read(self, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """See `RasterRows.read`.

        Raises:
            Cancelled: The parent cannot read them.
        """
        self._worker.send(Message("rows", self._request, {"start": start, "stop": stop}))
        answer = self._worker.next_rows(self._request)
        if answer.kind == "no rows":
            raise Cancelled
        rows: Array = answer.arrays[0]
        return rows
