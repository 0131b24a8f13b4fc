"""The settings of each data set: our own, and those of the paper (IGARSS 2023) as its code has them.

The preset `paper`, with pairs taken by name instead of by the order of a listing:

| | DeepGlobe | Massachusetts | SpaceNet |
|---|---|---|---|
| images | as they are, 1024 px | resized to 1536 px | bands 5, 3, 2, stretched |
| left out | none | white frame | dark frame; areas other than 2 to 5 |
| split | 1,530 for validation, seed 7 | as published | 1,050 for validation, seed 7 |
| crops | 512 px | 512 px | 650 px |
| training crops of an image | 9 | 25 | 9 |
| other crops of an image | 4 | 9 | 4 |

Resized masks are cut at half again, where the paper's code takes only pixels of exactly 255.
"""

from __future__ import annotations

from model_training.preparation.settings import Cutting, Draw, Imagery, RoadStyle, Settings

DEEPGLOBE_RESOLUTION_M, MASSACHUSETTS_RESOLUTION_M, SPACENET_RESOLUTION_M = 0.5, 1.0, 0.3
SPACENET_AREAS = (2, 3, 4, 5)
"""Las Vegas, Paris, Shanghai, Khartoum."""
SPACENET_BANDS = (5, 3, 2)
"""Red, green and blue of WorldView-3's eight bands."""
SPACENET_ROADS = RoadStyle(width_m=4.0)
"""Two metres to each side of the centre-line, as the data set's own tools draw them."""

PAPER = {
    "deepglobe": Settings(
        "deepglobe",
        "paper",
        Cutting(by_paper=True),
        Imagery(ground_resolution_m=DEEPGLOBE_RESOLUTION_M),
        draw=Draw(seed=7, validation_count=1530),
    ),
    "massachusetts": Settings(
        "massachusetts",
        "paper",
        Cutting(by_paper=True),
        Imagery(ground_resolution_m=MASSACHUSETTS_RESOLUTION_M, resize_px=1536, white_is_empty=True, drop="white"),
    ),
    "spacenet": Settings(
        "spacenet",
        "paper",
        Cutting(crop_px=650, by_paper=True),
        Imagery(bands=SPACENET_BANDS, stretch="always", drop="dark"),
        roads=SPACENET_ROADS,
        draw=Draw(seed=7, validation_count=1050),
    ),
}
