"""Which split an image belongs to: said by the data set, by the user's lists, or drawn; and the table of that."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from model_training.errors import DatasetError
from model_training.preparation.settings import TEST, TRAIN, VALIDATION, Draw
from model_training.preparation.sources import Source
from road_extractor_plugin.contract.errors import RequestError

_COLUMNS = ("image", "split")
_log = logging.getLogger(__name__)

Splits = dict[str, str]
"""Split of each source by its name."""


def assign_splits(sources: Sequence[Source], given: Mapping[str, str], draw: Draw) -> Splits:
    """Give every source its split.

    1. The user's lists go first, for images with labels; then they must name all that the data set leaves open.
    2. Then what the data set says.
    3. Whole images are drawn for what is left, never crops, so that no two splits show the same ground.

    Raises:
        DatasetError: The user's lists leave out an image, or two images have the same name.
    """
    _check_unique(sources)
    splits = {source.name: source.split for source in sources if source.split is not None}  # 2
    names = {source.name for source in sources if source.labels is not None}
    splits.update((name, split) for name, split in given.items() if name in names)  # 1
    left = [source for source in sources if source.name not in splits]
    if given and left:
        raise DatasetError(left[0].image, "is in none of the given split lists", "Add it to one of them")
    splits.update(draw_splits([source.name for source in left], draw))  # 3
    return {name: splits[name] for name in sorted(splits)}


def _check_unique(sources: Sequence[Source]) -> None:
    first: dict[str, Source] = {}
    for source in sources:
        other = first.setdefault(source.name, source)
        if other is not source:
            raise DatasetError(source.image, f"has the same name as '{other.image}'", "Rename one of the two")


def draw_splits(names: Sequence[str], draw: Draw) -> Splits:
    """Draw among sorted names as scikit-learn's `train_test_split` does, so that the paper's split is the same draw.

    The first of a permutation are for validation, the next for testing, the others for training.
    """
    count = len(names)
    validation = _validation_count(count, draw)
    testing = round(count * draw.test_share)
    # The legacy generator, on purpose: it is scikit-learn's.
    order = np.random.RandomState(draw.seed).permutation(count)
    parts = [VALIDATION] * validation + [TEST] * testing
    parts += [TRAIN] * (count - len(parts))
    ordered = sorted(names)
    return {ordered[int(index)]: part for index, part in zip(order, parts)}


def _validation_count(count: int, draw: Draw) -> int:
    """The fixed number where the set is larger, else the share, but at least one image of two."""
    if draw.validation_count is not None and draw.validation_count < count:
        return draw.validation_count
    by_share = round(count * draw.validation_share)
    validation = max(by_share, 1) if count > 1 and draw.validation_share > 0 else by_share
    if draw.validation_count is not None and count:
        sentence = "The paper's %d images for validation are too many for %d; %d are drawn."
        _log.warning(sentence, draw.validation_count, count, validation)
    return validation


def read_lists(table: Path | None, lists: Iterable[str]) -> Splits:
    """Read the user's split lists.

    Args:
        table: A CSV file like the splits.csv that `prepare` writes.
        lists: As in "train=train.txt": a text file with one image name to a line, as others publish their splits.

    Raises:
        DatasetError: A file cannot be read, or names an image in two splits.
        RequestError: An entry of `lists` is not of that form.
    """
    splits = {} if table is None else read_splits(table)
    for entry in lists:
        split, equals, name = entry.partition("=")
        if not equals or not split:
            raise RequestError("--list", entry, "of the form SPLIT=FILE, as in train=train.txt")
        path = Path(name)
        for image in _lines(path):
            if splits.setdefault(image, split) != split:
                raise DatasetError(
                    path, f"names '{image}', which is in '{splits[image]}' already", "Take it out of one"
                )
    return splits


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            path, f"cannot be read as a list of images ({error})", "Give one image name to a line"
        ) from error
    return [line.split()[0] for line in lines if line.strip()]


def write_splits(path: Path, splits: Splits) -> None:
    """Write the table image, split."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(splits.items())


def read_splits(path: Path) -> Splits:
    """Read what `write_splits` wrote.

    Raises:
        DatasetError: It cannot be read, or is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["image"]: row["split"] for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, KeyError) as error:
        problem = f"cannot be read as a table of splits ({error})"
        raise DatasetError(path, problem, "It needs the columns image and split") from error
