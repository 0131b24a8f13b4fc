"""The card of a TorchScript file is read without torch."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from road_extractor_plugin.contract.errors import ModelCardError, ModelUnreadableError
from road_extractor_plugin.contract.model_card import ModelCard
from road_extractor_plugin.contract.model_file import read_card


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return path


def test_the_suffix_does_not_matter(tmp_path: Path, card: ModelCard) -> None:
    for name in ("model.pt", "model.torchscript", "model"):
        path = archive(tmp_path / name, {"m/code/net.py": "", "m/extra/model_card.json": card.to_json()})
        assert read_card(path) == card


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"m/code/net.py": ""}, "has no model card"),
        ({"m/data.pkl": "", "m/data/0": ""}, "no TorchScript network"),
        ({"readme.txt": "hello"}, "no TorchScript network"),
    ],
    ids=["no card", "weights alone", "another archive"],
)
def test_other_archives_are_named(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    with pytest.raises(ModelUnreadableError, match=sentence):
        read_card(archive(tmp_path / "model.pt", files))


def test_a_wrong_card(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.pt", {"m/code/net.py": "", "m/extra/model_card.json": "{}"})
    with pytest.raises(ModelCardError, match="schema None"):
        read_card(path)


def test_damaged(tmp_path: Path, card: ModelCard) -> None:
    path = archive(tmp_path / "model.pt", {"m/code/net.py": "", "m/extra/model_card.json": card.to_json()})
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"schema": 1', b'"schema": 2', 1))
    with pytest.raises(ModelUnreadableError, match="cut short or damaged"):
        read_card(path)
