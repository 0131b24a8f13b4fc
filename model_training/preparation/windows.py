"""Where the crops of an image lie."""

from __future__ import annotations

from dataclasses import dataclass

from model_training.preparation.settings import TRAIN, Cutting
from road_extractor_plugin.contract.grid import AxisTiles, Window


@dataclass(frozen=True)
class CropWindow:
    """A crop of an image, counted from 1 in rows and columns of crops."""

    row: int
    column: int
    window: Window

    def crop_name(self, source_name: str) -> str:
        """File name without suffix: `<source>_<row>_<column>`."""
        return f"{source_name}_{self.row}_{self.column}"


def crop_windows(height_px: int, width_px: int, cutting: Cutting, split: str) -> tuple[CropWindow, ...]:
    """The crops of an image, row by row; one that reaches beyond the image is invalid there."""
    crop_px = cutting.crop_px
    if split in cutting.whole_splits:
        return (CropWindow(1, 1, Window(0, 0, height_px, width_px)),)
    if cutting.by_paper:
        rows, columns = (paper_starts(length, crop_px, with_overlap=split == TRAIN) for length in (height_px, width_px))
    else:
        rows, columns = (AxisTiles(length, crop_px, cutting.overlap_px).starts for length in (height_px, width_px))
    return tuple(
        CropWindow(i, j, Window(row, column, crop_px, crop_px))
        for i, row in enumerate(rows, start=1)
        for j, column in enumerate(columns, start=1)
    )


def paper_starts(length_px: int, crop_px: int, *, with_overlap: bool) -> tuple[int, ...]:
    """First pixels of the crops along one axis, by the rule of the paper's code (IGARSS 2023).

    1. n = ceil(length / crop) crops cover the axis; with overlap there are n - 1 more.
    2. The step is crop - int((crop n - length) / (n - 1)).
    3. Crops start at 0, step, 2 step, ... up to length - crop + 1.
    4. A last crop that would end one pixel beyond the image is moved back by one.

    | axis | crop | starts with overlap | without |
    |---|---|---|---|
    | 1024 (DeepGlobe) | 512 | 0, 256, 512 | 0, 512 |
    | 1536 (Massachusetts, resized) | 512 | 0, 256, 512, 768, 1024 | 0, 512, 1024 |
    | 1300 (SpaceNet) | 650 | 0, 325, 650 | 0, 650 |

    For lengths other than these, rule 3 may leave a few pixels at the end uncut. An axis no longer than a crop, where
    the paper's code divides by zero, has one crop here.
    """
    count = -(-length_px // crop_px)
    if count == 1:
        return (0,)
    count += (count - 1) * with_overlap  # 1
    step = crop_px - (crop_px * count - length_px) // (count - 1)  # 2
    last = length_px - crop_px
    return tuple(min(start, last) for start in range(0, last + 2, step))  # 3, 4
