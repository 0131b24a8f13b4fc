"""What runs left behind, to compare it with what others left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from osgeo import ogr


def results(folder: Path) -> dict[str, Any]:
    """What does not tell of times, by name: rasters and pictures byte by byte, networks feature by feature."""
    return {
        path.name: _content(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".tif", ".gpkg", ".png"} and not path.parent.name.startswith(".")
    }


def _content(path: Path) -> Any:
    if path.suffix != ".gpkg":
        return path.read_bytes()
    dataset = ogr.Open(str(path))
    layers = {name: dataset.GetLayerByName(name) for name in ("centerlines", "nodes", "polygons")}
    return {name: [feature.ExportToJson() for feature in layer] for name, layer in layers.items()}
