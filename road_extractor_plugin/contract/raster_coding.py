"""What the numbers of the stored probability and mask rasters mean, both of uint8."""

from __future__ import annotations

NODATA = 255
"""In both: nothing is known there."""

CERTAIN = 254
"""In the probability raster: probability 1; 0 is 0."""
