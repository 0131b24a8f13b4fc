"""Where results go when the user says nothing more."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QStandardPaths

if TYPE_CHECKING:
    from qgis.core import QgsProject


def default_output_folder(project: QgsProject) -> Path:
    """`road_extractor` beside the project, or among the user's documents while the project is not saved."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    beside = project.absolutePath() or documents or str(Path.home())
    return Path(beside) / "road_extractor"


def run_folder(output_folder: Path, layer_name: str, start: datetime, taken: Container[Path] = ()) -> Path:
    """A new folder for each run, so that none overwrites another: the layer's name and the time.

    Args:
        output_folder: Where it shall be.
        layer_name: Of the imagery.
        start: Of the run.
        taken: Folders of runs that have not made theirs yet.
    """
    name = f"{safe_name(layer_name)}_{start:%Y%m%d_%H%M%S}"
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    folders = (output_folder / name for name in names)
    return next(folder for folder in folders if folder not in taken and not folder.exists())


def safe_name(layer_name: str) -> str:
    """A layer's name as files may be called on all systems."""
    return re.sub(r"[^\w-]+", "_", layer_name).strip("_") or "raster"
