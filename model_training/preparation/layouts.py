"""Finding images and labels in the folders of the public data sets, as they are downloaded, and in one's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Optional

from model_training.datasets.folders import SUFFIXES, list_scenes
from model_training.errors import DatasetError
from model_training.preparation.settings import TEST, TRAIN, VALIDATION
from model_training.preparation.sources import Source

_RASTERS = frozenset({*SUFFIXES, ".jp2", ".img", ".vrt"})
_SPLIT_FOLDERS = {"train": TRAIN, "val": VALIDATION, "validation": VALIDATION, "valid": VALIDATION, "test": TEST}
_SPACENET_IMAGERY = {"multispectral": ("PS-MS", "MUL-PanSharpen"), "rgb": ("PS-RGB", "RGB-PanSharpen")}
_TIFF = {".tif", ".tiff"}
_SPACENET_ROADS = ("geojson_roads", "spacenetroads")
_SPACENET_CHIP = re.compile(r"(AOI_(\d+)_[A-Za-z]+)_(?:.*_)?((?:img|chip)\d+)$")


def deepglobe(root: Path, *, with_unlabelled: bool) -> tuple[Source, ...]:
    """DeepGlobe roads as on Kaggle: `train/<id>_sat.jpg`, `train/<id>_mask.png`, and `valid`, `test` without masks.

    The pairs may also lie directly in the folder. Images without labels become the splits `unlabelled_valid` and
    `unlabelled_test` (the paper's code calls them test and hold).

    Raises:
        DatasetError: No images, or an image without mask or the reverse.
    """
    train = root / "train" if (root / "train").is_dir() else root
    pairs = _pairs(_by_ending(train, "_sat"), _by_ending(train, "_mask"), train, "<id>_sat.jpg and <id>_mask.png")
    sources = [Source(name, image, mask) for name, image, mask in pairs]
    for folder in ("valid", "test") if with_unlabelled else ():
        images = _by_ending(root / folder, "_sat")
        sources += [Source(name, images[name], None, split=f"unlabelled_{folder}") for name in sorted(images)]
    return tuple(sources)


def massachusetts(root: Path) -> tuple[Source, ...]:
    """Massachusetts roads as on Kaggle: `tiff/{train,val,test}/<id>.tiff` and `tiff/{train,val,test}_labels/<id>.tif`.

    Raises:
        DatasetError: No images, or an image without label or the reverse.
    """
    base = root / "tiff" if (root / "tiff").is_dir() else root
    sources = []
    for folder, split in (("train", TRAIN), ("val", VALIDATION), ("test", TEST)):
        if (base / folder).is_dir():
            labels = base / f"{folder}_labels"
            pairs = _pairs(
                _by_ending(base / folder), _by_ending(labels), base / folder, f"<id>.tiff, as in {labels.name}"
            )
            sources += [Source(name, image, label, split=split) for name, image, label in pairs]
    if not sources:
        raise DatasetError(root, "has no folder tiff/train, tiff/val or tiff/test", "Give the folder that was unpacked")
    return tuple(sources)


def spacenet(root: Path, *, imagery: str, areas: Sequence[int], with_unlabelled: bool) -> tuple[Source, ...]:
    """SpaceNet 3 and 5 roads: trees of AOI folders, images and GeoJSON roads paired by area and image number.

    Images lie in folders named PS-MS or MUL-PanSharpen (PS-RGB or RGB-PanSharpen), roads in geojson_roads or
    spacenetroads. Images of `..._Test_Public` have no roads and become the split `unlabelled_test`.

    Args:
        root: Folder with one or more AOI trees.
        imagery: "multispectral" or "rgb".
        areas: Numbers of the AOIs wanted; none means all.
        with_unlabelled: Take images without roads too.

    Raises:
        DatasetError: No images, or one outside a test folder without roads, or roads without image.
    """
    folders = _SPACENET_IMAGERY[imagery]
    images = _chips(root, folders, _TIFF, areas)
    for other, found in _SPACENET_IMAGERY.items() if not images else ():
        if _chips(root, found, _TIFF, areas):
            problem = f"holds {' or '.join(found)} images but none of {' or '.join(folders)}"
            raise DatasetError(root, problem, f"Take --imagery {other}, or download the others")
    roads = _chips(root, _SPACENET_ROADS, {".geojson"}, areas)
    is_test = {name: any("test" in part.lower() for part in images[name].relative_to(root).parts) for name in images}
    labelled = {name: path for name, path in images.items() if name in roads or not is_test[name]}
    named = f"{' or '.join(folders)}/*.tif and {' or '.join(_SPACENET_ROADS)}/*.geojson"
    sources = [Source(name, image, label) for name, image, label in _pairs(labelled, roads, root, named)]
    if with_unlabelled:
        unlabelled = sorted(images.keys() - labelled.keys())
        sources += [Source(name, images[name], None, split="unlabelled_test") for name in unlabelled]
    return tuple(sources)


def spacenet_chip(stem: str) -> Optional[str]:
    """Area and number of an image, "AOI_2_Vegas_img1", whatever product its file name says; None for other names."""
    match = _SPACENET_CHIP.search(stem)
    return f"{match.group(1)}_{match.group(3)}" if match else None


def _chips(root: Path, folders: Sequence[str], suffixes: set[str], areas: Sequence[int]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        match = _SPACENET_CHIP.search(path.stem)
        is_wanted = path.suffix.lower() in suffixes and path.parent.name in folders
        if match and is_wanted and (not areas or int(match.group(2)) in areas):
            _add(found, f"{match.group(1)}_{match.group(3)}", path)
    return found


def folder(root: Path) -> tuple[Source, ...]:
    """Folders `images`, `masks` and optionally `valid`, paired by stem; or such folders in train, validation, test.

    Raises:
        DatasetError: A folder is missing or empty, or files do not pair.
    """
    if (root / "images").is_dir():
        return _scenes(root, None)
    parts = [path for path in sorted(root.iterdir() if root.is_dir() else ()) if (path / "images").is_dir()]
    if not parts:
        raise DatasetError(root, "has no folder images", "Put images into images/ and their masks into masks/")
    return tuple(source for path in parts for source in _scenes(path, _SPLIT_FOLDERS.get(path.name, path.name)))


def _scenes(root: Path, split: Optional[str]) -> tuple[Source, ...]:
    return tuple(Source(scene.stem, scene.image, scene.mask, scene.valid, split) for scene in list_scenes(root))


def geo(rasters: Iterable[Path], roads: Path) -> tuple[Source, ...]:
    """Any georeferenced rasters, files or folders of them, and one vector file with the roads of all.

    Raises:
        DatasetError: There are none, or two have the same stem.
    """
    found: dict[str, Path] = {}
    for given in rasters:
        is_folder = given.is_dir()
        for path in sorted(given.rglob("*")) if is_folder else (given,):
            if not is_folder or path.suffix.lower() in _RASTERS:
                _add(found, path.stem, path)
        if not found:
            raise DatasetError(
                given, "holds no rasters", f"Known are {', '.join(sorted(_RASTERS))}; give others by name"
            )
    if not roads.exists():
        raise DatasetError(roads, "does not exist", "Give the vector file with the roads")
    return tuple(Source(name, found[name], roads) for name in sorted(found))


def _by_ending(directory: Path, ending: str = "") -> dict[str, Path]:
    """Images of a folder whose stem has an ending, by the stem without it."""
    found: dict[str, Path] = {}
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        if path.suffix.lower() in SUFFIXES and path.stem.endswith(ending):
            _add(found, path.stem[: len(path.stem) - len(ending)], path)
    return found


def _add(found: dict[str, Path], name: str, path: Path) -> None:
    """Add a file under its name.

    Raises:
        DatasetError: There is one of that name.
    """
    if name in found:
        raise DatasetError(path, f"has the same name as '{found[name]}'", "Rename or remove one of the two")
    found[name] = path


def _pairs(
    images: Mapping[str, Path], labels: Mapping[str, Path], root: Path, named: str
) -> list[tuple[str, Path, Path]]:
    """Name, image and labels, sorted by name.

    Raises:
        DatasetError: There are none, or one is alone.
    """
    if not images:
        raise DatasetError(root, f"holds no images named {named}", "Give the folder that was unpacked")
    for name, path in images.items():
        if name not in labels:
            raise DatasetError(path, "has no labels", f"Files pair as {named}; add the other one or remove this one")
    for name, path in labels.items():
        if name not in images:
            raise DatasetError(path, "has no image", f"Files pair as {named}; add the other one or remove this one")
    return [(name, images[name], labels[name]) for name in sorted(images)]
