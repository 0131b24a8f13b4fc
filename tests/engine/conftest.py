"""Workers: real ones, and scripts that misbehave in their place."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

from road_extractor_plugin.contract.request import ExtractRequest
from road_extractor_plugin.engine.interpreter import Interpreter
from road_extractor_plugin.engine.worker_pool import WorkerPool

ROOT = Path(__file__).resolve().parents[2]

_BEGIN = """
import os, sys, time
sys.path.append({root!r})
import numpy as np
from road_extractor_plugin.engine.wire import PROTOCOL, Message, receive, send
incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
def hello():
    send(outgoing, Message("hello", 0, {{"protocol": PROTOCOL}}))
"""


@dataclass(frozen=True)
class Impostor(Interpreter):
    """Runs a script in the place of the worker."""

    script: str = ""

    def command(self) -> list[str]:
        return [str(self.path), "-c", _BEGIN.format(root=str(ROOT)) + textwrap.dedent(self.script)]


@pytest.fixture
def impostor() -> Callable[[str], Impostor]:
    """A maker of interpreters that run a script; in it are `hello`, `receive`, `send`, `incoming`, `outgoing`."""
    return lambda script: Impostor(Path(sys.executable), script=script)


@pytest.fixture(scope="session")
def pool() -> Iterator[WorkerPool]:
    """One pool for all tests, so that most of them find a warm worker."""
    pool = WorkerPool()
    yield pool
    pool.close()


@pytest.fixture
def request_for() -> Callable[..., ExtractRequest]:
    """A maker of requests of which only the model matters: (model, device="cpu")."""

    def make(model: Path, device: str = "cpu") -> ExtractRequest:
        return ExtractRequest(Path("scene.tif"), Path("results"), model, device=device)

    return make
