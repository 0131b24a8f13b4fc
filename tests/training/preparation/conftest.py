"""The command line of `prepare`."""

from __future__ import annotations

import argparse
import csv
from typing import Callable

import pytest

from model_training.preparation.command import add_parser


@pytest.fixture
def prepare() -> Callable[..., list[dict[str, str]]]:
    """Runs `prepare` with options in this process: `prepare("deepglobe", folder, "-o", out)` -> manifest's rows."""

    def run(*words: object) -> list[dict[str, str]]:
        parser = argparse.ArgumentParser()
        add_parser(parser.add_subparsers(required=True))
        options = parser.parse_args(["prepare", *map(str, words), "--workers", "1"])
        options.command(options)
        manifest = options.output / "manifest.csv"
        if not manifest.exists():
            return []
        with manifest.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return run
