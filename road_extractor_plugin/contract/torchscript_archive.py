"""Reading the card of a TorchScript file with the standard library alone: such a file is a zip archive."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from road_extractor_plugin.contract.errors import ModelUnreadableError

CARD_FILE = "model_card.json"
"""The card's name among the extra files of the archive."""

_LARGEST_CARD = 16 * 1024 * 1024


def is_torchscript(path: Path) -> bool:
    """Whether a file is such an archive, or at least one; what is not is taken for ONNX."""
    return zipfile.is_zipfile(path)


def read_torchscript_card(path: Path) -> str:
    """The card's JSON.

    Raises:
        ModelUnreadableError: The file is damaged, holds no network, or none with a card.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
            if not any(len(name.parts) > 1 and name.parts[1] == "code" for name in names):
                raise ModelUnreadableError(path, "it holds weights or something else, but no TorchScript network")
            entry = next((name for name in names if name.parts[1:] == ("extra", CARD_FILE)), None)
            if entry is None:
                raise ModelUnreadableError(path, "it is TorchScript, but has no model card")
            info = archive.getinfo(str(entry))
            if info.file_size > _LARGEST_CARD:
                raise ModelUnreadableError(path, f"its card would be {info.file_size / 1e6:.0f} MB")
            return archive.read(info).decode("utf-8")
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ModelUnreadableError(path, f"it is cut short or damaged ({error})") from error
