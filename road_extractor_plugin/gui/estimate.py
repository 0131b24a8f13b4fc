"""What a job means, in words, before it starts."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication

from road_extractor_plugin.bridge.numbers import filled
from road_extractor_plugin.contract.tiles import TileLattice
from road_extractor_plugin.gui.job import Job

_LARGE_MEGAPIXELS = 400
"""Minutes to hours on a processor."""
_LARGE_TILES = 2_000
_LARGE_WHERE_FORBIDDEN = 250
"""Tiles of a service whose terms forbid much: about what looking around on the map fetches."""
_TILES_PER_S = 15.0
"""Of a usual service over a usual connection."""
_DOWNLOAD_BYTES_PER_PIXEL = 0.35
"""Of aerial imagery as JPEG."""
_DISK_BYTES_PER_PIXEL = 4


def is_large(job: Job) -> bool:
    """Whether the user should think twice: minutes to hours, or more than a service likes."""
    return (
        job.megapixels >= _LARGE_MEGAPIXELS
        or job.tiles >= _LARGE_TILES
        or (bool(job.imagery.terms) and job.tiles >= _LARGE_WHERE_FORBIDDEN)
    )


def minutes(job: Job, speed_mpx_s: float | None) -> float:
    """How long it takes: the network works while imagery is fetched."""
    computing_s = job.megapixels / speed_mpx_s if speed_mpx_s else 0.0
    return max(computing_s, job.tiles / _TILES_PER_S) / 60


def describe(job: Job, speed_mpx_s: float | None) -> str:
    """Ground resolutions, size, and what is to be fetched.

    Args:
        job: What is about to start.
        speed_mpx_s: Megapixels per second of the last run; None before the first one.
    """
    return f"{_resolution(job)} {describe_size(job, speed_mpx_s)}"


def describe_size(job: Job, speed_mpx_s: float | None) -> str:
    """The same without the ground resolutions."""
    parts = [_size(job)]
    if job.imagery.lattice is not None:
        parts.append(_fetching(job, job.imagery.lattice))
    if speed_mpx_s is not None or job.tiles:
        parts.append(_duration(minutes(job, speed_mpx_s)))
    if job.imagery.terms:
        parts.append(
            _tr("The terms of use of {owner} forbid to download imagery in bulk: make sure that you may.").format(
                owner=job.imagery.terms
            )
        )
    return " ".join(parts)


def _resolution(job: Job) -> str:
    found, wanted = job.imagery.ground_resolution_m, job.ground_resolution_m
    level = "" if job.imagery.lattice is None else f" ({job.imagery.lattice.level})"
    return filled(
        _tr("Imagery has {found:.2f} m per pixel on the ground{level}, the model wants {wanted:.2f} m."),
        found=found,
        level=level,
        wanted=wanted,
    )


def _size(job: Job) -> str:
    return filled(
        _tr("{area:,.2f} km² are {megapixels:,.1f} megapixels."), area=job.ground_area_km2, megapixels=job.megapixels
    )


def _fetching(job: Job, lattice: TileLattice) -> str:
    pixels = job.tiles * lattice.tile_px**2
    return filled(
        _tr("About {tiles:,} tiles are fetched, {download:,.0f} MB; they take {disk:,.0f} MB of disk meanwhile."),
        tiles=job.tiles,
        download=pixels * _DOWNLOAD_BYTES_PER_PIXEL / 1e6,
        disk=pixels * _DISK_BYTES_PER_PIXEL / 1e6,
    )


def _duration(duration_min: float) -> str:
    if duration_min < 1:
        return _tr("That takes less than a minute.")
    if round(duration_min) == 1:
        return _tr("That takes about a minute.")
    return filled(_tr("That takes about {minutes:,.0f} minutes."), minutes=duration_min)


def _tr(text: str) -> str:
    return QCoreApplication.translate("estimate", text)
