"""Which bands of a raster the network sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from road_extractor_plugin.contract.errors import RasterUnusableError
from road_extractor_plugin.core.gdal_binding import gdal

_COLOURS = {"red": gdal.GCI_RedBand, "green": gdal.GCI_GreenBand, "blue": gdal.GCI_BlueBand}


@dataclass(frozen=True)
class BandChoice:
    """Bands of a raster for the network's channels."""

    indexes: tuple[int, ...]
    """One per channel, from 1; a band may serve several channels."""
    alpha: int | None
    """The band that says where there is imagery."""
    warnings: tuple[str, ...]


def expand_palette(dataset: gdal.Dataset) -> gdal.Dataset:
    """Red, green, blue and alpha bands in place of a band of palette indexes; any other raster as it is."""
    band = dataset.GetRasterBand(1)
    is_palette = band.GetColorInterpretation() == gdal.GCI_PaletteIndex and band.GetColorTable() is not None
    if dataset.RasterCount != 1 or not is_palette:
        return dataset
    return gdal.Translate("", dataset, format="VRT", rgbExpand="rgba")


def choose_bands(
    dataset: gdal.Dataset, path: Path | str, channels: tuple[str, ...], indexes: tuple[int, ...] | None
) -> BandChoice:
    """Choose the bands for the network's channels.

    1. Bands that the user names are taken; one band serves all channels.
    2. Where the raster says which bands are red, green and blue and the channels are those, they are taken.
    3. Else a raster of one band serves all channels with it, and one of more gives its first bands.
    An alpha band is never a colour.

    Args:
        dataset: The raster, palette expanded.
        path: For messages.
        channels: Names of the network's channels.
        indexes: The user's choice, from 1.

    Raises:
        RasterUnusableError: Too few bands, or a chosen one does not exist.
    """
    meanings = {i: dataset.GetRasterBand(i).GetColorInterpretation() for i in range(1, dataset.RasterCount + 1)}
    alpha = next((index for index, meaning in meanings.items() if meaning == gdal.GCI_AlphaBand), None)
    colours = tuple(index for index in meanings if index != alpha)
    if indexes is not None:
        return BandChoice(_checked(indexes, colours, len(channels), path), alpha, ())
    by_meaning = {meanings[index]: index for index in reversed(colours)}
    wanted = [_COLOURS.get(name, gdal.GCI_Undefined) for name in channels]
    if all(meaning != gdal.GCI_Undefined and meaning in by_meaning for meaning in wanted):
        return BandChoice(tuple(by_meaning[meaning] for meaning in wanted), alpha, ())
    return BandChoice(*_in_order(colours, alpha, channels, path))


def _in_order(
    colours: tuple[int, ...], alpha: int | None, channels: tuple[str, ...], path: Path | str
) -> tuple[tuple[int, ...], int | None, tuple[str, ...]]:
    """Rule 3."""
    names = ", ".join(channels)
    if len(colours) == 1 < len(channels):
        warning = f"The raster has one band; it is used for all of {names}, which the model was not trained for."
        return colours * len(channels), alpha, (warning,)
    if len(colours) < len(channels):
        problem = f"has {len(colours)} bands without transparency, the model needs {len(channels)} ({names})"
        raise RasterUnusableError(path, problem, "Choose a raster that has them, or one band to use for all")
    chosen = colours[: len(channels)]
    if len(colours) == len(channels):
        return chosen, alpha, ()
    listed = ", ".join(map(str, chosen))
    warning = f"The raster does not say what its bands are; bands {listed} of {len(colours)} are taken as {names}."
    return chosen, alpha, (warning,)


def _checked(indexes: tuple[int, ...], colours: tuple[int, ...], count: int, path: Path | str) -> tuple[int, ...]:
    """Rule 1."""
    if len(indexes) not in (1, count):
        problem = f"cannot be read with {len(indexes)} chosen bands, the model needs {count}"
        raise RasterUnusableError(path, problem, f"Choose {count} bands, or one for all")
    missing = [index for index in indexes if index not in colours]
    if missing:
        problem = f"has no band {missing[0]} with imagery"
        raise RasterUnusableError(path, problem, f"Choose from bands {', '.join(map(str, colours))}")
    return indexes if len(indexes) == count else indexes * count
