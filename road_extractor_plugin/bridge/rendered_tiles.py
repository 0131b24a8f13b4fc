"""Tiles of any raster layer, rendered as the map shows it, from a copy of what the layer is made of."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np
import numpy.typing as npt
from qgis.core import QgsRasterBlockFeedback, QgsRasterInterface, QgsRasterLayer, QgsRasterPipe, QgsRectangle
from qgis.PyQt.QtCore import QEventLoop

from road_extractor_plugin.bridge.downloads import Patience
from road_extractor_plugin.bridge.tile_images import pixels_of
from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled
from road_extractor_plugin.contract.tiles import FetchedTile, TileIndex, TileLattice

TILE_PX = 512
_LOOK_S = 0.05
_ON_THIS_COMPUTER = frozenset({"gdal", "virtualraster", "postgresraster"})
"""Providers whose transparent pixels are so for good."""


class RenderedTiles:
    """A `TileSource` of a raster layer.

    1. Each thread renders with a chain of its own, from provider to colours, that was copied in the main thread; the
       layer is not touched afterwards. Opacity of the layer is left out.
    2. QGIS does not tell when a request of a provider failed: what did not come is transparent. So a tile of a service
       with transparent pixels is asked for again, each time a pixel larger on all sides, because providers keep the
       last image. What stays transparent counts as missing, and the rest of the tile is used.
    3. A tile that takes too long is stopped and counts as transparent.

    Args:
        layer: Valid; make the source in the main thread.
        lattice: Which tiles there shall be, in the layer's coordinate reference system.
        patience: How many at a time, and how hard each is tried.
    """

    def __init__(self, layer: QgsRasterLayer, lattice: TileLattice, patience: Patience) -> None:
        self.lattice = lattice
        self._extent = QgsRectangle(layer.extent())
        self._patience = patience
        self._is_remote = layer.providerType() not in _ON_THIS_COMPUTER
        self._chains: queue.Queue[tuple[QgsRasterPipe, QgsRasterInterface]] = queue.Queue()
        for _ in range(patience.parallel if self._is_remote else 1):
            chain = _chain(layer)
            self._chains.put((chain, chain.last()))

    def fetch(self, tiles: Sequence[TileIndex], feedback: Feedback) -> Generator[FetchedTile, None, None]:
        """Render tiles, in the order in which they are done.

        Raises:
            Cancelled: The user asked for it.
        """
        watch = _Watch(self._patience.timeout_s)
        pool = ThreadPoolExecutor(self._chains.qsize())
        try:
            waiting: set[Future[FetchedTile]] = {pool.submit(self._tile, index, watch) for index in tiles}
            while waiting:
                stop_if_cancelled(feedback)
                done, waiting = wait(waiting, _LOOK_S, FIRST_COMPLETED)
                watch.stop_overdue()
                for future in done:
                    yield future.result()
        finally:
            watch.stop_all()
            pool.shutdown(cancel_futures=True)

    def _tile(self, index: TileIndex, watch: _Watch) -> FetchedTile:
        """Rule 2."""
        pixels = None
        for attempt in range(self._patience.attempts if self._is_remote else 1):
            if attempt and watch.stopped.wait(self._patience.first_pause_s * 2 ** (attempt - 1)):
                break
            pixels = self._render(index, attempt, watch)
            if pixels is not None and (not self._is_remote or self._is_complete(index, pixels)):
                return FetchedTile(index, pixels)
        if pixels is None or not pixels[3].any():
            return FetchedTile(index, None, "the service gave no image" if self._is_remote else "no image")
        return FetchedTile(index, pixels, "a part of the image is transparent")

    def _render(self, index: TileIndex, margin_px: int, watch: _Watch) -> npt.NDArray[np.uint8] | None:
        chain, last = self._chains.get()
        _loop = QEventLoop()  # without one, a thread that Qt did not start has no timers, which the network needs
        request = QgsRasterBlockFeedback()
        watch.add(request)
        try:
            side_px = TILE_PX + 2 * margin_px
            block = last.block(1, self._rectangle(index, margin_px), side_px, side_px, request)
            image = block.image() if block is not None and block.isValid() else None
        finally:
            watch.remove(request)
            self._chains.put((chain, last))
        if image is None or image.isNull():
            return None
        inner = slice(margin_px, margin_px + TILE_PX)
        return np.ascontiguousarray(pixels_of(image)[:, inner, inner])

    def _is_complete(self, index: TileIndex, pixels: npt.NDArray[np.uint8]) -> bool:
        """Whether all of it is there that lies on the layer."""
        whole, (x, y) = self._rectangle(index, 0), self.lattice.pixel_size
        part = whole.intersect(self._extent)
        top, bottom = (whole.yMaximum() - part.yMaximum()) / y, (whole.yMaximum() - part.yMinimum()) / y
        left, right = (part.xMinimum() - whole.xMinimum()) / x, (part.xMaximum() - whole.xMinimum()) / x
        return bool(pixels[3, math.ceil(top) : int(bottom), math.ceil(left) : int(right)].all())

    def _rectangle(self, index: TileIndex, margin_px: int) -> QgsRectangle:
        lattice = self.lattice
        (x, y), (width, height) = lattice.pixel_size, lattice.tile_size
        west, north = lattice.west + index.column * width, lattice.north - index.row * height
        return QgsRectangle(
            west - margin_px * x, north - height - margin_px * y, west + width + margin_px * x, north + margin_px * y
        )


class _Watch:
    """Stops what takes too long (rule 3), and everything at the end."""

    def __init__(self, timeout_s: float) -> None:
        self.stopped = threading.Event()
        self._timeout_s = timeout_s
        self._deadline_s: dict[QgsRasterBlockFeedback, float] = {}
        self._lock = threading.Lock()

    def add(self, request: QgsRasterBlockFeedback) -> None:
        """Something has begun."""
        with self._lock:
            self._deadline_s[request] = time.monotonic() + self._timeout_s
        if self.stopped.is_set():
            request.cancel()

    def remove(self, request: QgsRasterBlockFeedback) -> None:
        """It is done."""
        with self._lock:
            del self._deadline_s[request]

    def stop_overdue(self) -> None:
        """Stop what began too long ago."""
        self._stop(time.monotonic())

    def stop_all(self) -> None:
        """Stop everything, and what begins from now on."""
        self.stopped.set()
        self._stop(math.inf)

    def _stop(self, before_s: float) -> None:
        with self._lock:
            for request in [request for request, end_s in self._deadline_s.items() if end_s < before_s]:
                request.cancel()


def _chain(layer: QgsRasterLayer) -> QgsRasterPipe:
    """Rule 1."""
    chain = QgsRasterPipe()
    for part in (layer.dataProvider(), layer.renderer(), layer.brightnessFilter(), layer.hueSaturationFilter()):
        chain.set(part.clone())
    chain.renderer().setOpacity(1.0)
    provider = chain.provider()
    if provider.providerCapabilities() & provider.ProviderCapability.ProviderHintCanPerformProviderResampling:
        provider.setZoomedOutResamplingMethod(provider.ResamplingMethod.Average)
        provider.enableProviderResampling(True)
    return chain
