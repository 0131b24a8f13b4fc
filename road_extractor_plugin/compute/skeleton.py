"""Thinning a road mask to lines one pixel wide."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.morphology import skeletonize

BoolMask = npt.NDArray[np.bool_]


def thin(mask: BoolMask) -> BoolMask:
    """Skeleton of a mask: the same 8-connected components and the same holes, lines one pixel wide.

    Zhang-Suen thinning (1984, doi:10.1145/357994.358023) as scikit-image has it. A pixel of the result depends on the
    mask within about the local road width only. Ends are shortened by about half the road's width.

    Args:
        mask: (height, width), True on road.

    Returns:
        (height, width), True on the skeleton.
    """
    skeleton: BoolMask = skeletonize(_without_steps(mask)) if mask.any() else mask.copy()
    return skeleton


def _without_steps(mask: BoolMask) -> BoolMask:
    """The mask without one half of each staircase of single steps, which Zhang-Suen eats from one end to its middle.

    # a .        o is a step when exactly the four marked neighbours are road. Its road neighbours a and b
    . o b        then have a neighbour in the south or west, so they are no steps themselves, and as they touch
    . . #        each other nothing comes apart.
    """
    framed = np.pad(mask, 1)
    north_west, north, north_east = framed[:-2, :-2], framed[:-2, 1:-1], framed[:-2, 2:]
    west, east = framed[1:-1, :-2], framed[1:-1, 2:]
    south_west, south, south_east = framed[2:, :-2], framed[2:, 1:-1], framed[2:, 2:]
    step = north & east & north_west & south_east & ~(south | west)
    step &= ~(north_east | south_west)
    less: BoolMask = mask & ~step
    return less
