"""A memory of speeds that never gets in the way."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from road_extractor_plugin.compute.predictors.speed_record import Measurement, Setting, SpeedRecord, key_of

DAY = date(2026, 3, 1)
FOUND = Measurement(Setting("openvino", 2), {"openvino with 2 threads": 0.1, "cpu": 0.2}, DAY.isoformat())


@pytest.fixture
def record(tmp_path: Path) -> SpeedRecord:
    return SpeedRecord(tmp_path / "new" / "speeds.json")


def test_what_is_stored_is_found(record: SpeedRecord) -> None:
    record.store("a", FOUND)
    assert record.find("a", DAY) == FOUND
    assert record.find("b", DAY) is None
    assert [path.name for path in record.path.parent.iterdir()] == ["speeds.json"]


def test_old_and_future_figures_do_not_count(record: SpeedRecord) -> None:
    record.store("a", FOUND)
    assert record.find("a", date(2026, 4, 29)) == FOUND
    assert record.find("a", date(2026, 4, 30)) is None
    assert record.find("a", date(2026, 2, 28)) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b'{"a": 1}', b'{"a": {"fastest": {}}}', b'{"a": null}']
)
def test_a_corrupt_file_is_as_none(record: SpeedRecord, content: bytes) -> None:
    record.path.parent.mkdir()
    record.path.write_bytes(content)
    assert record.find("a", DAY) is None
    record.store("b", FOUND)
    assert record.find("b", DAY) == FOUND


def test_a_folder_that_cannot_be_made_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    record = SpeedRecord(tmp_path / "file" / "speeds.json")
    record.store("a", FOUND)
    assert record.find("a", DAY) is None


def test_the_oldest_of_very_many_is_forgotten(record: SpeedRecord) -> None:
    for number in range(101):
        record.store(str(number), FOUND)
    assert record.find("0", DAY) is None
    assert record.find("1", DAY) == FOUND
    assert record.find("100", DAY) == FOUND


def test_the_key_changes_with_all_that_matters(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(b"one")
    key = key_of(model, ("onnxruntime 1",), 2)
    assert key == key_of(model, ("onnxruntime 1",), 2)
    others = {key_of(model, ("onnxruntime 2",), 2), key_of(model, ("onnxruntime 1",), 4)}
    model.write_bytes(b"two and more")
    others.add(key_of(model, ("onnxruntime 1",), 2))
    model.write_bytes(b"one")
    os.utime(model, (0, 0))
    others.add(key_of(model, ("onnxruntime 1",), 2))
    assert len(others) == 4
    assert key not in others


def test_in_words() -> None:
    assert FOUND.in_words() == (
        "fastest when measured on 2026-03-01 (seconds per megapixel: openvino with 2 threads 0.1, cpu 0.2)"
    )
