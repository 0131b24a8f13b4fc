"""Fixtures that several folders of tests share: a model card and a small network that needs no training."""

from __future__ import annotations

import dataclasses
import struct
import sys
import threading
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

import hypothesis
import numpy as np
import numpy.typing as npt
import pytest

from road_extractor_plugin.contract.deepness import deepness_metadata
from road_extractor_plugin.contract.model_card import (
    CARD_KEY,
    SCHEMA,
    Evaluation,
    InputSpec,
    ModelCard,
    OutputSpec,
    Producer,
    SelfTest,
    Thresholds,
    TilingSpec,
)
from road_extractor_plugin.contract.torchscript_archive import CARD_FILE

# how long an example takes says more about the machine than about the code
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

LOCAL_RADIUS_PX = 3
"""Three 3 x 3 convolutions see three pixels around."""


def pytest_configure(config: pytest.Config) -> None:
    """Hide QGIS where pytest-qgis is not loaded, so that those tests prove that the engine needs no QGIS."""
    if not config.pluginmanager.has_plugin("pytest_qgis"):
        for package in ("qgis", "PyQt5", "PyQt6"):
            sys.modules[package] = None  # type: ignore[assignment]


def make_card(**changes: Any) -> ModelCard:
    """A complete card of a network for 1 m imagery; `changes` replace its fields."""
    card = ModelCard(
        schema=SCHEMA,
        name="test network",
        version="1",
        licence="CC0-1.0",
        attributions=("Drawn by the tests.",),
        producer=Producer("tests", "none", "none", "three convolutions"),
        input=InputSpec(
            bands=("red", "green", "blue"),
            value_range=(0.0, 255.0),
            scale=1 / 255,
            mean=(0.4, 0.4, 0.4),
            std=(0.2, 0.2, 0.2),
            nodata_rule="mean",
            ground_resolution_m=1.0,
            ground_resolution_range_m=(0.5, 2.0),
        ),
        tiling=TilingSpec(tile_px=128, multiple_of=32, margin_px=8),
        outputs=(OutputSpec("road_probability", 1, 1, "probability of road", 0),),
        thresholds=Thresholds(0.5, 0.25),
        evaluation=(Evaluation("drawn", "test", "IoU", {"iou": 1.0}),),
        self_test=SelfTest(1, 64, (0, 5), (0, 5), (0.5, 0.5), 1.0),
    )
    return dataclasses.replace(card, **changes)


def write_local_network(path: Path, card: ModelCard, *, metadata: dict[str, str] | None = None) -> Path:
    """Three convolutions and a sigmoid that call bright pixels road; random enough to see the place of each pixel."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(7)
    bands = len(card.input.bands)
    kernels = [
        random.normal(1.0, 0.3, (4, bands, 3, 3)) / (9 * bands),
        random.normal(1.0, 0.3, (4, 4, 3, 3)) / 36,
        random.normal(1.0, 0.3, (1, 4, 3, 3)) / 36,
    ]
    names = ["image", "first", "second", "third"]
    nodes = [helper.make_node("Conv", [names[i], f"kernel_{i}"], [names[i + 1]], pads=[1, 1, 1, 1]) for i in range(3)]
    nodes += [
        helper.make_node("Mul", ["third", "slope"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "offset"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["road_probability"]),
    ]
    weights = {f"kernel_{i}": kernel for i, kernel in enumerate(kernels)}
    weights.update(slope=np.array(6.0), offset=np.array(6.0))
    graph = helper.make_graph(
        nodes,
        "local",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", bands, "h", "w"])],
        [helper.make_tensor_value_info("road_probability", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    entries = {CARD_KEY: card.to_json(), **deepness_metadata(card)} if metadata is None else metadata
    helper.set_model_props(model, entries)
    onnx.save(model, str(path))
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test read or write what is remembered of this machine."""
    monkeypatch.setenv("ROAD_EXTRACTOR_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def card() -> ModelCard:
    """A complete card."""
    return make_card()


@pytest.fixture
def card_with() -> Callable[..., ModelCard]:
    """A maker of cards with some fields replaced."""
    return make_card


@pytest.fixture
def network_file() -> Callable[..., Path]:
    """A maker of small ONNX networks: (path, card, metadata=None) -> path."""
    return write_local_network


@pytest.fixture
def tiny_model(tmp_path: Path, card: ModelCard) -> Path:
    """A small ONNX network with a card: bright pixels are road, at 1 m per pixel."""
    return write_local_network(tmp_path / "tiny.onnx", card)


@pytest.fixture
def torchscript_model(tmp_path: Path, card: ModelCard) -> Path:
    """A TorchScript network with a card: the sigmoid of the mean of its three bands."""
    torch = pytest.importorskip("torch")

    class Mean(torch.nn.Module):  # type: ignore[name-defined, misc]
        def forward(self, image: Any) -> Any:
            return torch.sigmoid(torch.nn.functional.conv2d(image, torch.full((1, 3, 1, 1), 1 / 3)))

    path = tmp_path / "tiny.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.trace(Mean().eval(), torch.zeros(1, 3, 32, 32))
        torch.jit.save(torch.jit.freeze(module), str(path), _extra_files={CARD_FILE: card.to_json()})
    return path


class TileService:
    """A web service of tiles on this computer, at /{zoom}/{column}/{row}.png, that fails on order.

    A WMTS may ask too: `documents` hold what it says of itself, and a query may name the tile.
    The colour of a pixel tells its place in the world at that zoom level, unless `paint` is replaced.
    """

    def __init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                service.answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Whoever asked has gone."""

        self.tile_px = 256
        self.delay_s = 0.0
        self.rows_from_south = False
        self.retry_after: str | None = None
        self.failures: dict[tuple[int, int, int], list[int]] = {}
        """Status codes of a tile (zoom, column, row) one after another; the last one stays unless it is 200."""
        self.hanging: set[tuple[int, int, int]] = set()
        """Tiles that are never answered."""
        self.broken: set[tuple[int, int, int]] = set()
        """Tiles of which a part is sent."""
        self.asked: list[tuple[int, int, int]] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self.paint: Callable[..., npt.NDArray[np.uint8]] = paint_place
        self.documents: dict[str, bytes] = {}
        """Other files of the service, by their path."""
        self._at_once = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def template(self) -> str:
        """For an XYZ layer."""
        row = "{-y}" if self.rows_from_south else "{y}"
        return f"http://127.0.0.1:{self.port}/{{z}}/{{x}}/{row}.png"

    @property
    def times_asked(self) -> Counter[tuple[int, int, int]]:
        return Counter(self.asked)

    def stop(self) -> None:
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self._stopped.is_set():  # a connection that was kept open
            handler.close_connection = True
            return
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            status, body = self._tile(handler)
        finally:
            with self._lock:
                self._at_once -= 1
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Cache-Control", "no-store")
        if status in (429, 503) and self.retry_after is not None:
            handler.send_header("Retry-After", self.retry_after)
        handler.end_headers()
        handler.wfile.write(body)

    def _tile(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        asked = urlsplit(handler.path)
        query = {name.upper(): values[0] for name, values in parse_qs(asked.query).items()}
        if query.get("REQUEST") != "GetTile" and asked.path in self.documents:
            return 200, self.documents[asked.path]
        if "TILEMATRIX" in query:
            zoom, column, row = (int(query[name]) for name in ("TILEMATRIX", "TILECOL", "TILEROW"))
        else:
            zoom, column, row = (int(part) for part in Path(asked.path).with_suffix("").parts[1:])
        if self.rows_from_south:
            row = 2**zoom - 1 - row
        tile = zoom, column, row
        with self._lock:
            self.asked.append(tile)
            self.headers.append(dict(handler.headers.items()))
            planned = self.failures.get(tile, [200])
            status = planned.pop(0) if len(planned) > 1 else planned[0]
        if tile in self.hanging:
            self._stopped.wait()
        self._stopped.wait(self.delay_s)
        if status != 200:
            return status, b"" if status == 204 else b"no"
        body = png(self.paint(zoom, column, row, self.tile_px))
        return 200, body[:50] if tile in self.broken else body


def paint_place(zoom: int, column: int, row: int, tile_px: int) -> npt.NDArray[np.uint8]:
    """(3, height, width) that is different for every pixel of a few tiles around."""
    y, x = np.mgrid[row * tile_px : (row + 1) * tile_px, column * tile_px : (column + 1) * tile_px]
    return np.stack([x % 256, y % 256, (x // 256 + 7 * (y // 256) + 31 * zoom) % 256]).astype(np.uint8)


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A file of (3 or 4, height, width)."""
    bands, height, width = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.transpose(1, 2, 0).reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[bands], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def tile_service() -> Iterator[TileService]:
    """Tiles on a port of its own, so that no cache knows them."""
    service = TileService()
    yield service
    service.stop()


@pytest.fixture
def png_of() -> Callable[[npt.NDArray[np.uint8]], bytes]:
    """Encodes (3 or 4, height, width)."""
    return png


@pytest.fixture
def stand_in_wheels(tmp_path: Path) -> Path:
    """A folder with wheels that have the names of the engine's packages, and an empty module each."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("numpy", "scipy", "scikit-image", "onnxruntime"):
        stem, module = name.replace("-", "_"), {"scikit-image": "skimage"}.get(name, name)
        info = f"{stem}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{stem}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{module}.py", "__version__ = '1.0'\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return folder
