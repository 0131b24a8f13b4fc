"""Many small downloads at once, in the thread that asks for them, with the network settings of QGIS."""

from __future__ import annotations

import time
from base64 import b64encode
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Callable, Generic, TypeVar

from qgis.core import QgsApplication, QgsNetworkAccessManager
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QByteArray, QEventLoop, QObject, QTimer, QUrl
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from road_extractor_plugin.contract.feedback import Feedback, stop_if_cancelled

Key = TypeVar("Key")
Content = TypeVar("Content")

_LOOK_MS = 50
"""How often the loop looks for a cancel, a deadline and a retry that is due."""
_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})
_GAPS = frozenset({204, 404, 410})
"""With these a service says that there is nothing at that place."""
_RETRY_AFTER_LIMIT_S = 60.0


@dataclass(frozen=True)
class WebAccess:
    """What a service wants to see of who asks."""

    auth_config: str = ""
    """Id of a configuration of the authentication manager of QGIS."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Such as Referer."""
    user: str = ""
    """For HTTP's basic authentication, kept with the layer and not in the manager."""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Patience:
    """How hard a download is tried."""

    parallel: int = 6
    """Requests at a time; browsers allow themselves as many per server."""
    attempts: int = 4
    first_pause_s: float = 0.5
    """Before the second attempt; doubled before each later one. A Retry-After of the service goes first."""
    timeout_s: float = 20.0
    """For one attempt."""
    give_up_after: int = 24
    """Downloads in a row that failed: then the service is taken for dead."""


@dataclass(frozen=True)
class Downloaded(Generic[Key, Content]):
    """How a download ended."""

    key: Key
    content: Content | None
    """None when it failed."""
    problem: str = ""
    """Why it failed, in a few words."""
    size_bytes: int = 0


@dataclass
class _Attempt(Generic[Key]):
    key: Key
    url: str
    number: int = 1
    due_s: float = 0.0
    """Not to be started before, on the monotonic clock."""
    deadline_s: float = 0.0


class Downloader(Generic[Content]):
    """Downloads from one service.

    1. At most `parallel` requests are on at a time.
    2. What may pass (no connection, time-out, HTTP 408, 429, 5xx, content that cannot be decoded) is tried again after
       a pause that doubles, or after the Retry-After that the service names; then nothing else is asked of it
       meanwhile either.
    3. What will not pass (HTTP 404 and other refusals) is not tried again.
    4. After `give_up_after` downloads in a row that failed, the rest fails at once. That a service has nothing at a
       place (HTTP 404) is an answer and no failure in this sense.

    Requests go through QgsNetworkAccessManager, so that proxy, certificates and cache are those of QGIS. Everything
    happens in an event loop in the calling thread, which needs none of its own; no Python code runs inside the loop.

    Args:
        access: Who asks.
        patience: How hard it is tried.
        decode: Makes of the bytes what is wanted, None where they are not that.
    """

    def __init__(self, access: WebAccess, patience: Patience, decode: Callable[[QByteArray], Content | None]) -> None:
        self._access = access
        self._patience = patience
        self._decode = decode
        self._failed_in_a_row = 0
        self._quiet_until_s = 0.0

    def fetch(
        self, urls: Sequence[tuple[Key, str]], feedback: Feedback
    ) -> Generator[Downloaded[Key, Content], None, None]:
        """Download, each URL under its key, and give what came in the order in which it came.

        Close the generator where it is not used up, in the same thread.

        Raises:
            Cancelled: The user asked for it; seen within a tenth of a second.
        """
        waiting = deque(_Attempt(key, url) for key, url in urls)
        running: dict[QNetworkReply, _Attempt[Key]] = {}
        loop = QEventLoop()  # before any timer: a thread that Qt did not start has none until then
        alarm = QTimer()
        alarm.timeout.connect(loop.quit)
        alarm.start(_LOOK_MS)
        try:
            while waiting or running:
                stop_if_cancelled(feedback)
                if self._is_dead() and not running:
                    problem = f"not asked for after {self._failed_in_a_row} failures in a row"
                    yield from (Downloaded(attempt.key, None, problem) for attempt in waiting)
                    return
                self._start_due(waiting, running, loop)
                loop.exec()
                yield from self._collect(waiting, running)
        finally:
            for reply in running:
                reply.abort()
                sip.delete(reply)

    def _is_dead(self) -> bool:
        return self._failed_in_a_row >= self._patience.give_up_after

    def _start_due(
        self, waiting: deque[_Attempt[Key]], running: dict[QNetworkReply, _Attempt[Key]], loop: QEventLoop
    ) -> None:
        """Rule 1."""
        now_s = time.monotonic()
        if now_s < self._quiet_until_s or self._is_dead():
            return
        for _ in range(len(waiting)):
            if len(running) >= self._patience.parallel:
                return
            attempt = waiting.popleft()
            if attempt.due_s > now_s:
                waiting.append(attempt)
                continue
            attempt.deadline_s = now_s + self._patience.timeout_s
            reply = _unwatched(_unwatched(QgsNetworkAccessManager.instance()).get(self._request(attempt.url)))
            reply.finished.connect(loop.quit)
            running[reply] = attempt

    def _collect(
        self, waiting: deque[_Attempt[Key]], running: dict[QNetworkReply, _Attempt[Key]]
    ) -> list[Downloaded[Key, Content]]:
        """Take what is over."""
        done = []
        for reply in [reply for reply in running if _is_over(reply, running[reply])]:
            attempt = running.pop(reply)
            outcome = self._judge(reply, attempt)
            sip.delete(reply)
            if outcome is None:
                waiting.append(attempt)
            else:
                done.append(outcome)
        return done

    def _request(self, url: str) -> QNetworkRequest:
        request = QNetworkRequest(QUrl(url))
        for attribute, value in (
            (QNetworkRequest.Attribute.CacheLoadControlAttribute, QNetworkRequest.CacheLoadControl.PreferCache),
            (
                QNetworkRequest.Attribute.RedirectPolicyAttribute,
                QNetworkRequest.RedirectPolicy.NoLessSafeRedirectPolicy,
            ),
        ):
            request.setAttribute(attribute, value)
        for name, value in self._access.headers.items():
            request.setRawHeader(name.encode(), value.encode())
        if self._access.user:
            login = f"{self._access.user}:{self._access.password}".encode()
            request.setRawHeader(b"Authorization", b"Basic " + b64encode(login))
        if self._access.auth_config:
            QgsApplication.authManager().updateNetworkRequest(request, self._access.auth_config)
        return request

    def _judge(self, reply: QNetworkReply, attempt: _Attempt[Key]) -> Downloaded[Key, Content] | None:
        """How an attempt ended; None when it is to be tried again."""
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        if not reply.isFinished():
            reply.abort()
            return self._again(attempt, f"no answer in {self._patience.timeout_s:g} s")
        if status in _GAPS:  # 3, 4
            self._failed_in_a_row = 0
            return Downloaded(attempt.key, None, f"the service has none (HTTP {status})")
        if status in _WORTH_RETRYING:
            return self._again(attempt, f"HTTP {status}", _retry_after_s(reply))
        if reply.error() == QNetworkReply.NetworkError.NoError:
            return self._take(reply.readAll(), attempt)
        if status is None:
            return self._again(attempt, _plain(reply.errorString()))
        self._failed_in_a_row += 1
        return Downloaded(attempt.key, None, f"HTTP {status}")  # 3

    def _take(self, body: QByteArray, attempt: _Attempt[Key]) -> Downloaded[Key, Content] | None:
        content = self._decode(body)
        if content is None:
            return self._again(attempt, "the answer is no image")
        self._failed_in_a_row = 0
        return Downloaded(attempt.key, content, size_bytes=body.size())

    def _again(
        self, attempt: _Attempt[Key], problem: str, retry_after_s: float | None = None
    ) -> Downloaded[Key, Content] | None:
        """Rule 2."""
        if attempt.number >= self._patience.attempts or self._is_dead():
            self._failed_in_a_row += 1
            return Downloaded(attempt.key, None, problem)
        now_s = time.monotonic()
        pause_s = self._patience.first_pause_s * 2 ** (attempt.number - 1)
        if retry_after_s is not None:
            pause_s = min(retry_after_s, _RETRY_AFTER_LIMIT_S)
            self._quiet_until_s = now_s + pause_s
        attempt.number += 1
        attempt.due_s = now_s + pause_s
        return None


def _unwatched(thing: QObject) -> QObject:
    """An object that C++ made, so that PyQt does not hear of its end.

    PyQt hears of it in the main thread, later, and by address: where another object lies there by then, it would take
    that one for deleted.
    """
    with suppress(TypeError):  # it was not watched
        thing.destroyed.disconnect()
    return thing


def _is_over(reply: QNetworkReply, attempt: _Attempt[Key]) -> bool:
    return bool(reply.isFinished()) or time.monotonic() > attempt.deadline_s


def _retry_after_s(reply: QNetworkReply) -> float | None:
    """Seconds that the service asks to wait: it may name a number or a date."""
    text = bytes(reply.rawHeader(b"Retry-After")).decode("latin-1").strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max((until - datetime.now(timezone.utc)).total_seconds(), 0.0)


def _plain(text: str) -> str:
    """A message of Qt without the URL, which may hold a key."""
    return text.split("http", 1)[0].strip(" :.-") or "no connection"
