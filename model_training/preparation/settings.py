"""What a user decides about the preparation of a data set; all of it goes into the output folder as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from road_extractor_plugin.contract.errors import RequestError

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class Cutting:
    """How an image is cut into crops."""

    crop_px: int = 512
    """Side of the square crops."""
    overlap_px: int = 0
    """Least overlap of neighbours; more where that is needed to end at the image's edge."""
    by_paper: bool = False
    """Cut as the paper's code does (`windows.paper_starts`): training crops overlap, the others do not."""
    whole_splits: tuple[str, ...] = ()
    """Splits whose images are not cut at all."""

    def __post_init__(self) -> None:
        """Refuse what cannot be cut.

        Raises:
            RequestError: The crop is not positive, or the overlap not smaller than the crop.
        """
        if self.crop_px < 1:
            raise RequestError("--crop", self.crop_px, "at least 1 px")
        if not 0 <= self.overlap_px < self.crop_px:
            raise RequestError("--overlap", self.overlap_px, f"at least 0 and less than the crop of {self.crop_px} px")


@dataclass(frozen=True)
class Imagery:
    """How pixels are read."""

    ground_resolution_m: Optional[float] = None
    """Metres per pixel of images that do not say it themselves."""
    target_resolution_m: Optional[float] = None
    """Metres on the ground per pixel of the crops; None keeps the images' own pixels."""
    bands: Optional[tuple[int, ...]] = None
    """Bands for red, green and blue, from 1; None chooses them by their meaning."""
    stretch: str = "auto"
    """"auto": from the 2nd to the 98th percentile of each band unless it is 8-bit; "always": 8-bit bands too."""
    resize_px: Optional[int] = None
    """Side to which every image is resized, as the paper does with Massachusetts."""
    white_is_empty: bool = False
    """Large white areas at an image's edge are a lack of imagery, as in Massachusetts."""
    drop: str = "none"
    """Images to leave out: "none", or those with a "white" or "dark" frame by the paper's rules (`borders`)."""
    by_window: bool = False
    """Read window by window, for rasters of any size; False reads a whole image at once."""


@dataclass(frozen=True)
class RoadStyle:
    """How vector roads become surfaces."""

    width_m: float
    """Full width of a line that has none of its own."""
    width_field: Optional[str] = None
    """Field with the full width in metres."""
    layer: Optional[str] = None
    """Layer in the file; None takes the first."""
    where: Optional[str] = None
    """Which features are roads, in OGR's SQL, as in "highway <> 'footway'"."""

    def __post_init__(self) -> None:
        """Refuse roads without width.

        Raises:
            RequestError: The width is not positive.
        """
        if self.width_m <= 0:
            raise RequestError("--road-width", self.width_m, "more than 0 m")


@dataclass(frozen=True)
class Draw:
    """How images are shared out at random where nothing says which split they belong to."""

    seed: int = 7
    validation_share: float = 0.1
    test_share: float = 0.0
    validation_count: Optional[int] = None
    """Number of images for validation instead of a share, for sets that have more than that."""

    def __post_init__(self) -> None:
        """Refuse shares that leave nothing to train on.

        Raises:
            RequestError: A share is negative, or both make up everything.
        """
        if min(self.validation_share, self.test_share) < 0 or self.validation_share + self.test_share >= 1:
            shares = (self.validation_share, self.test_share)
            raise RequestError(
                "--validation-share and --test-share", shares, "at least 0 each and less than 1 together"
            )


@dataclass(frozen=True)
class Settings:
    """Everything that decides what the crops are."""

    dataset: str
    preset: str = "default"
    cutting: Cutting = field(default_factory=Cutting)
    imagery: Imagery = field(default_factory=Imagery)
    roads: Optional[RoadStyle] = None
    """None where labels are masks."""
    draw: Draw = field(default_factory=Draw)
    least_valid: float = 0.0
    """Crops with no larger share of valid pixels are left out."""
