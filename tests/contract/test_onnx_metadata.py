"""Reading ONNX metadata without a protobuf library, against the library as oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from road_extractor_plugin.contract.errors import ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.onnx_metadata import read_onnx_metadata


def test_same_as_the_onnx_library(tiny_model: Path) -> None:
    expected = {entry.key: entry.value for entry in onnx.load(str(tiny_model)).metadata_props}
    assert len(expected) > 5
    assert read_onnx_metadata(tiny_model) == expected


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(metadata=st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=300), max_size=5))
def test_any_text(tmp_path: Path, card: ModelCard, network_file: Callable[..., Path], metadata: dict[str, str]) -> None:
    path = network_file(tmp_path / "any.onnx", card, metadata=metadata)
    assert read_onnx_metadata(path) == metadata


def test_every_cut_is_noticed(tiny_model: Path) -> None:
    whole = tiny_model.read_bytes()
    # The last field ends with the file, so each cut falls into some field, or between two and loses some metadata.
    expected = read_onnx_metadata(tiny_model)
    for length in range(0, len(whole), 37):
        tiny_model.write_bytes(whole[:length])
        try:
            assert read_onnx_metadata(tiny_model).items() < expected.items()
        except ModelUnreadableError as error:
            assert str(tiny_model) in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"This is a text file, not a network.", id="text"),
        pytest.param(b"\xff" * 64, id="endless number"),
        pytest.param(bytes(1000), id="zeros"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(64), id="picture"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelUnreadableError, match=r"other\.onnx"):
        read_onnx_metadata(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadableError, match="No such file"):
        read_onnx_metadata(tmp_path / "missing.onnx")
