"""The models that ship with the plugin."""

from __future__ import annotations

from pathlib import Path

from road_extractor_plugin.contract.errors import ModelUnreadableError

MODELS_FOLDER = Path(__file__).resolve().parent.parent / "models"

_DEFAULT = "convnext.onnx"


def bundled_models() -> tuple[Path, ...]:
    """All of them, the default first."""
    return tuple(sorted(MODELS_FOLDER.glob("*.onnx"), key=lambda path: (path.name != _DEFAULT, path.name)))


def default_model() -> Path:
    """The one to use when the user names none.

    Raises:
        ModelUnreadableError: The installation is incomplete.
    """
    models = bundled_models()
    if not models:
        raise ModelUnreadableError(MODELS_FOLDER / _DEFAULT, "no model came with this installation")
    return models[0]
