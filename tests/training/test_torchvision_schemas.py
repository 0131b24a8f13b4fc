from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from model_training import torchvision_schemas


def in_new_process(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout.strip()


@pytest.mark.parametrize("package", ["network", "training"])
def test_importing_our_packages_makes_timm_and_lightning_importable(package: str) -> None:
    code = f"import model_training.{package}, timm, lightning, torchvision; print(torchvision.__name__)"
    assert in_new_process(code) == "torchvision"


def test_the_operators_are_known_to_torch() -> None:
    for schema in torchvision_schemas.OPERATOR_SCHEMAS[:1]:
        assert hasattr(torch.ops.torchvision, schema.split("(")[0])


def test_nothing_is_declared_twice() -> None:
    import torchvision

    assert torchvision is not None
    assert torchvision_schemas.declare_missing_operators() is None
