from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from model_training.errors import EncoderWeightsError
from model_training.network.encoder import LITE0, Encoder, load_in_order


def encoder(name: str, weights: str) -> Encoder:
    return Encoder(name, weights=weights, drop_path=0.0, layer_scale_init=1.0).eval()


def test_imagenet_weights_of_lite0_work_and_its_constant_padding_changes_nothing() -> None:
    ours = encoder(LITE0, "imagenet")
    theirs = timm.create_model(LITE0, features_only=True, out_indices=(1, 2, 3, 4)).eval()
    theirs.load_state_dict(ours.body.state_dict())
    image = torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for mine, original in zip(ours(image), theirs(image)):
            torch.testing.assert_close(mine, original)
            assert mine.std() > 0.1  # Untrained statistics would let the signal fade or explode.


@pytest.mark.parametrize("features_only", [True, False], ids=["stages", "whole network"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", ["test_convnext", "test_efficientnet"])
def test_weights_from_a_file_are_those_of_the_file(tmp_path: Path, name: str, suffix: str, features_only: bool) -> None:
    given = timm.create_model(name, features_only=features_only).state_dict()
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": given}, path)
    else:
        save_file(given, path)
    by_name = {key.replace(".", "_"): value for key, value in given.items()}
    for key, value in encoder(name, str(path)).body.state_dict().items():
        assert torch.equal(value, by_name[key.replace(".", "_")])


@pytest.mark.parametrize(
    ("name", "file", "content", "problem"),
    [
        ("test_efficientnet", "w.pth", None, r"w\.pth' is missing"),
        ("test_efficientnet", "w.pth", b"text", "is damaged, or no file of weights"),
        ("test_efficientnet", "w.safetensors", b"text", "is damaged, or no file of weights"),
        ("test_efficientnet", "w.pth", {"a": torch.zeros(3)}, "has no 'conv_stem.weight'; it must be of this network"),
        ("test_efficientnet", "w.pth", {"conv_stem.weight": torch.zeros(3)}, r"is \(3,\), not"),
        ("no_such_network", "w.pth", None, "timm has no network"),
    ],
    ids=["missing", "text", "text as safetensors", "other names", "wrong shape", "name"],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, file: str, content: dict[str, torch.Tensor] | bytes | None, problem: str
) -> None:
    path = tmp_path / file
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(EncoderWeightsError, match=problem) as caught:
        Encoder(name, weights=str(path), drop_path=0.0, layer_scale_init=1.0)
    assert "Set network.encoder_weights to a file" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [({"a": torch.zeros(3)}, "'a' in .* has shape"), ({}, "holds 0 arrays")],
    ids=["shape", "few"],
)
def test_weights_that_do_not_fit_by_their_order_are_refused(
    tmp_path: Path, content: dict[str, torch.Tensor], problem: str
) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(EncoderWeightsError, match=problem):
        load_in_order(encoder("test_efficientnet", "none").body, tmp_path / "w.pth", LITE0)


def test_weights_that_cannot_be_downloaded_are_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def offline(name: str, **options: Any) -> Any:
        if options.get("pretrained"):
            raise OSError("cannot find the requested files.\nMore lines.")
        return create(name, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(EncoderWeightsError, match=r"cannot find the requested files\. Set network\.encoder_weights to"):
        encoder("test_convnext", "imagenet")


def test_an_encoder_without_the_four_strides_is_refused() -> None:
    with pytest.raises(EncoderWeightsError):
        encoder("test_vit", "none")
