"""Where things are kept that can be made again at any time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "ROAD_EXTRACTOR_CACHE"
"""Environment variable with another folder."""


def cache_folder() -> Path:
    """The folder of this user; it need not exist yet."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "road_extractor"
