from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from model_training.errors import EncoderWeightsError
from model_training.network.encoder import LITE0, Encoder


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


def test_weights_from_a_file_are_those_of_the_file(tmp_path: Path) -> None:
    source = timm.create_model("test_efficientnet", features_only=True)
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    loaded = encoder("test_efficientnet", str(tmp_path / "weights.pth"))
    for key, value in loaded.body.state_dict().items():
        torch.testing.assert_close(value, source.state_dict()[key])


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("test_efficientnet", None, "cannot read"),
        ("test_efficientnet", {"a": torch.zeros(3)}, "has shape"),
        ("test_efficientnet", {}, "0 arrays"),
        ("no_such_network", None, "timm has no network"),
    ],
    ids=["missing file", "wrong shape", "too few", "unknown name"],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, content: dict[str, torch.Tensor] | None, problem: str
) -> None:
    path = tmp_path / "weights.pth"
    if content is not None:
        torch.save(content, path)
    with pytest.raises(EncoderWeightsError, match=problem):
        encoder(name, str(path))


def test_an_encoder_without_the_four_strides_is_refused() -> None:
    with pytest.raises(EncoderWeightsError):
        encoder("test_vit", "none")
