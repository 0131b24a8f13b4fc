"""Tiles from a service on this computer: exact, retried, counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Callable

import numpy as np
import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig

from road_extractor_plugin.bridge.downloads import Patience, WebAccess
from road_extractor_plugin.bridge.xyz_tiles import XyzService, XyzTiles, quadkey
from road_extractor_plugin.contract.errors import Cancelled
from road_extractor_plugin.contract.feedback import Feedback, SilentFeedback
from road_extractor_plugin.contract.tiles import FetchedTile, TileIndex

ZOOM = 12
TILES = [TileIndex(row, column) for row in (1100, 1101, 1102) for column in (2100, 2101, 2102)]
ANYBODY, NEVER_CANCELS = WebAccess(), SilentFeedback()
QUICK = Patience(attempts=3, first_pause_s=0.05, timeout_s=30)


@pytest.fixture
def fetch(tile_service: Any) -> Callable[..., dict[TileIndex, FetchedTile]]:
    """Fetches tiles in a thread of Python's, as the engine's reader does."""

    def run(
        tiles: Sequence[TileIndex] = TILES,
        patience: Patience = QUICK,
        access: WebAccess = ANYBODY,
        ratio: int = 1,
        feedback: Feedback = NEVER_CANCELS,
    ) -> dict[TileIndex, FetchedTile]:
        source = XyzTiles(XyzService(tile_service.template, (0, 19), ratio, access), ZOOM, patience)
        found: list[Any] = []

        def work() -> None:
            try:
                found.append({tile.index: tile for tile in source.fetch(tiles, feedback)})
            except Cancelled as error:
                found.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            QgsApplication.processEvents()
            time.sleep(0.005)
        if isinstance(found[0], Cancelled):
            raise found[0]
        assert sorted(found[0]) == sorted(tiles)
        return found[0]

    return run


def expected(tile: TileIndex, painter: Any, tile_px: int = 256) -> Any:
    opaque = np.full((1, tile_px, tile_px), 255, np.uint8)
    return np.concatenate([painter(ZOOM, tile.column, tile.row, tile_px), opaque])


@pytest.mark.parametrize("from_south", [False, True], ids=["rows from the north", "rows from the south (TMS)"])
@pytest.mark.parametrize("ratio", [1, 2], ids=["256 px", "512 px"])
def test_pixels_are_those_of_the_service(fetch: Any, tile_service: Any, from_south: bool, ratio: int) -> None:
    tile_service.rows_from_south, tile_service.tile_px = from_south, 256 * ratio
    for index, tile in fetch(ratio=ratio).items():
        np.testing.assert_array_equal(tile.pixels, expected(index, tile_service.paint, 256 * ratio))
        assert tile.size_bytes > 0


def test_a_few_at_a_time(fetch: Any, tile_service: Any) -> None:
    tile_service.delay_s = 0.1
    start_s = time.monotonic()
    fetch([TileIndex(1000, column) for column in range(2000, 2024)])
    assert time.monotonic() - start_s < 24 * 0.1 / 2
    assert 2 < tile_service.most_at_once <= 6


def test_what_passes_is_tried_again(fetch: Any, tile_service: Any) -> None:
    first, second = TILES[0], TILES[4]
    tile_service.failures[ZOOM, first.column, first.row] = [503, 500, 200]
    tile_service.failures[ZOOM, second.column, second.row] = [429, 200]
    found = fetch()
    assert not any(tile.problem for tile in found.values())
    assert tile_service.times_asked[ZOOM, first.column, first.row] == 3


@pytest.mark.parametrize(
    ("status", "problem", "times"),
    [(404, "the service has none (HTTP 404)", 1), (403, "HTTP 403", 1), (503, "HTTP 503", 3)],
    ids=["nothing there", "refused", "overloaded for good"],
)
def test_what_fails_for_good_is_told(fetch: Any, tile_service: Any, status: int, problem: str, times: int) -> None:
    bad = TILES[4]
    tile_service.failures[ZOOM, bad.column, bad.row] = [status]
    found = fetch()
    assert found[bad].pixels is None
    assert found[bad].problem == problem
    assert tile_service.times_asked[ZOOM, bad.column, bad.row] == times
    assert sum(tile.pixels is not None for tile in found.values()) == 8


def test_no_answer(fetch: Any, tile_service: Any) -> None:
    dead = TILES[4]
    tile_service.hanging.add((ZOOM, dead.column, dead.row))
    found = fetch(patience=Patience(attempts=2, first_pause_s=0.05, timeout_s=3))
    assert found[dead].problem == "no answer in 3 s"
    assert sum(tile.pixels is not None for tile in found.values()) == 8


def test_an_answer_that_is_no_image(fetch: Any, tile_service: Any) -> None:
    bad = TILES[0]
    tile_service.broken.add((ZOOM, bad.column, bad.row))
    assert fetch()[bad].problem == "the answer is no image"
    assert tile_service.times_asked[ZOOM, bad.column, bad.row] == 3


@pytest.mark.parametrize(
    "wait", ["1", format_datetime(datetime.now(timezone.utc) + timedelta(days=3650)), "soon"], ids=str
)
def test_retry_after(fetch: Any, tile_service: Any, wait: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("road_extractor_plugin.bridge.downloads._RETRY_AFTER_LIMIT_S", 1.0)
    tile_service.failures[ZOOM, TILES[0].column, TILES[0].row] = [429, 200]
    tile_service.retry_after = wait
    start_s = time.monotonic()
    found = fetch()
    assert not any(tile.problem for tile in found.values())
    assert (time.monotonic() - start_s > 0.9) == (wait != "soon")


def test_nobody_there(fetch: Any, tile_service: Any) -> None:
    tile_service.stop()
    tiles = [TileIndex(1000, column) for column in range(2000, 2200)]
    start_s = time.monotonic()
    found = fetch(tiles)
    assert time.monotonic() - start_s < 10
    problems = {tile.problem for tile in found.values()}
    assert "Connection refused" in problems
    assert any("failures in a row" in problem for problem in problems)


class CancelledAfter:
    """A feedback that wants to stop after a while."""

    def __init__(self, wait_s: float) -> None:
        self._end_s = time.monotonic() + wait_s

    def progress(self, fraction: float, stage: str) -> None: ...

    def warning(self, text: str) -> None: ...

    def is_cancelled(self) -> bool:
        return time.monotonic() > self._end_s


def test_cancel_while_a_request_hangs(fetch: Any, tile_service: Any) -> None:
    tile_service.hanging.update((ZOOM, tile.column, tile.row) for tile in TILES)
    start_s = time.monotonic()
    with pytest.raises(Cancelled):
        fetch(patience=Patience(), feedback=CancelledAfter(0.3))
    assert time.monotonic() - start_s < 1.3


def test_service_sees_who_asks(fetch: Any, tile_service: Any) -> None:
    fetch(TILES[:1], access=WebAccess(headers={"Referer": "https://map.example/"}, user="me", password="word"))
    assert tile_service.headers[0]["Referer"] == "https://map.example/"
    assert tile_service.headers[0]["Authorization"] == "Basic bWU6d29yZA=="
    assert "QGIS" in tile_service.headers[0]["User-Agent"]


def test_authentication_manager(fetch: Any, tile_service: Any) -> None:
    manager = QgsApplication.authManager()
    manager.setMasterPassword("for the tests", True)
    config = QgsAuthMethodConfig("Basic")
    config.setName("tiles")
    config.setConfig("username", "me")
    config.setConfig("password", "word")
    assert manager.storeAuthenticationConfig(config)
    fetch(TILES[:1], access=WebAccess(auth_config=config.id()))
    assert tile_service.headers[0]["Authorization"] == "Basic bWU6d29yZA=="


def test_larger_images_than_said_are_scaled(fetch: Any, tile_service: Any) -> None:
    tile_service.tile_px = 512
    tile_service.paint = lambda *_: np.full((3, 512, 512), 77, np.uint8)
    assert (fetch(TILES[:1])[TILES[0]].pixels[:3] == 77).all()


def test_quadkey() -> None:
    # the example of the documentation of Bing Maps: tile (3, 5) at level 3
    assert quadkey(3, TileIndex(row=5, column=3)) == "213"
