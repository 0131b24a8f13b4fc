"""Skeleton pixels as a graph that has the topology of the skeleton, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from road_extractor_plugin.compute.raster_rows import places_in

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PixelGraph:
    """An undirected graph whose vertices are the pixels of a skeleton, all of them."""

    pixels: Indices
    """(n, 2) row, column of the skeleton pixels in row-major order."""
    links: Indices
    """(m, 2) neighbouring pixels, as indices into `pixels`; in order, and the lower index first."""


def pixel_graph(skeleton: npt.NDArray[np.bool_]) -> PixelGraph:
    r"""Link the neighbouring pixels of a skeleton.

    1. Pixels that share a side are linked.
    2. Pixels that share a corner are linked unless a third pixel shares a side with both: the way over it is there
       already, and a corner of a staircase must not look like a junction (mixed adjacency, Rosenfeld 1970).
    3. The eastern link of each full 2 x 2 block, which thinning leaves where lines cross, is left out: the other three
       go round, and a block is no hole.

         # #   a - b        # .   a            # #   a - b       so pixels - links = components - holes,
         . #       |        . #     \          # #   |           the Euler number of the 8-connected skeleton
                   c                  b              c - d

    Args:
        skeleton: (height, width), True on the one-pixel-wide lines.

    Returns:
        The graph; memory and time grow with the number of skeleton pixels.
    """
    rows, columns = places_in(skeleton)
    stride = skeleton.shape[1] + 1  # one column more, so that no neighbour wraps into the next row
    flat = rows * stride + columns
    right, down = _find(flat, flat + 1), _find(flat, flat + stride)
    down_right, down_left = _find(flat, flat + stride + 1), _find(flat, flat + stride - 1)
    left = _find(flat, flat - 1)
    east_of_block = (down >= 0) & (left >= 0) & (down_left >= 0)
    links = [
        _links_to(right, right >= 0),  # 1
        _links_to(down, (down >= 0) & ~east_of_block),  # 1, 3
        _links_to(down_right, (down_right >= 0) & (right < 0) & (down < 0)),  # 2
        _links_to(down_left, (down_left >= 0) & (left < 0) & (down < 0)),  # 2
    ]
    all_links = np.concatenate(links)
    in_order = np.lexsort((all_links[:, 1], all_links[:, 0]))
    return PixelGraph(np.column_stack([rows, columns]), all_links[in_order])


def _find(flat: Indices, wanted: Indices) -> Indices:
    """Index of each wanted value in the sorted `flat`, -1 where it is missing."""
    index = np.minimum(np.searchsorted(flat, wanted), max(flat.size - 1, 0))
    return np.where(flat[index] == wanted, index, -1) if flat.size else index


def _links_to(neighbour: Indices, linked: npt.NDArray[np.bool_]) -> Indices:
    """(k, 2) pairs of a pixel and its neighbour."""
    pixel = np.flatnonzero(linked)
    return np.column_stack([pixel, neighbour[pixel]])
