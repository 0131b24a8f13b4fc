"""The command line `python -m model_training prepare`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_training.preparation.settings import TEST, Cutting, Draw, Imagery, RoadStyle, Settings
from road_extractor_plugin.contract.errors import RequestError

if TYPE_CHECKING:
    from model_training.preparation.sources import Source

DESCRIPTION = """\
Cut images and labels into crops for training.

  prepare deepglobe DIR -o DATA/deepglobe                        the Kaggle trees, as unpacked
  prepare massachusetts DIR -o DATA/massachusetts
  prepare spacenet DIR -o DATA/spacenet                          AOI trees with GeoJSON roads
  prepare folder DIR -o DATA/mine --ground-resolution 0.5        images/ and masks/ of your own
  prepare geo IMAGERY... --roads roads.gpkg --target-resolution 0.5 -o DATA/mine

The output has <split>/images, <split>/masks and, where imagery is missing, <split>/valid, with manifest.csv (a line per
crop), left_out.csv (crops without imagery, not made) and splits.csv (a line per image). The same command again goes on
where it was interrupted.
"""
_CROP_OPTIONS = ("crop", "overlap", "whole", "target_resolution")
_WHOLE_SPLITS = {"geo": ()}
"""Of other layouts the test images, which roads cut at crops' borders would make worse than they are; the rasters of
`geo` may be too large for that."""
_DEFAULT_ROAD_WIDTH_M = {"spacenet": 4.0, "geo": 7.0}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `prepare` to the commands of `python -m model_training`."""
    parser = commands.add_parser(
        "prepare",
        help="cut a data set, or your own rasters and roads, into crops",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    layouts = parser.add_subparsers(title="layouts", required=True, metavar="LAYOUT", dest="layout")
    _add_deepglobe(layouts.add_parser("deepglobe", help="DeepGlobe roads, 1024 px at 0.5 m"))
    _add_massachusetts(layouts.add_parser("massachusetts", help="Massachusetts roads, 1500 px at 1 m"))
    _add_spacenet(layouts.add_parser("spacenet", help="SpaceNet 3 and 5 roads, 1300 px at 0.3 m"))
    _add_folder(layouts.add_parser("folder", help="folders images and masks, paired by name"))
    _add_geo(layouts.add_parser("geo", help="georeferenced rasters and a vector layer of roads"))
    for layout in layouts.choices.values():
        _add_common(layout)
    parser.set_defaults(command=run)


def _add_deepglobe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="DIR", help="the folder with train/ (and valid/, test/)")
    _add_preset(parser)
    _add_unlabelled(parser)


def _add_massachusetts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="DIR", help="the folder with tiff/")
    _add_preset(parser)


def _add_spacenet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="DIR", help="the folder with the AOI_... trees")
    parser.add_argument(
        "--aoi", type=int, nargs="+", default=[], metavar="N", help="numbers of the areas (default: all)"
    )
    parser.add_argument(
        "--imagery",
        choices=("multispectral", "rgb"),
        default="multispectral",
        help="PS-MS or MUL-PanSharpen, or PS-RGB or RGB-PanSharpen (default: multispectral)",
    )
    _add_preset(parser)
    _add_unlabelled(parser)
    _add_colours(parser)
    _add_road_width(parser, _DEFAULT_ROAD_WIDTH_M["spacenet"])


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, metavar="DIR", help="has images/, masks/, perhaps valid/; or train/images/ ..."
    )
    parser.add_argument(
        "--ground-resolution", type=float, metavar="M", help="metres per pixel of images without georeference"
    )
    parser.add_argument(
        "--white-is-empty", action="store_true", help="white areas at an image's edge are a lack of imagery"
    )
    _add_colours(parser)


def _add_geo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, nargs="+", metavar="RASTER", help="raster files, or folders of them")
    parser.add_argument("--roads", type=Path, required=True, metavar="FILE", help="lines or polygons, any OGR format")
    parser.add_argument("--layer", help="layer in that file (default: the first)")
    parser.add_argument("--where", metavar="SQL", help="which features are roads, as in \"highway <> 'footway'\"")
    parser.add_argument("--width-field", metavar="FIELD", help="field with the full width of a line in metres")
    _add_road_width(parser, _DEFAULT_ROAD_WIDTH_M["geo"])
    _add_bands(parser)


def _add_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset",
        choices=("default", "paper"),
        default="default",
        help="paper: crops, split and left-out images exactly as for the IGARSS 2023 paper",
    )


def _add_unlabelled(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unlabelled", action="store_true", help="cut the images published without labels too")


def _add_colours(parser: argparse.ArgumentParser) -> None:
    _add_bands(parser)
    parser.add_argument(
        "--stretch",
        choices=("auto", "always"),
        default="auto",
        help="2nd to 98th percentile of each band: of images that are not 8-bit, or of all (default: auto)",
    )


def _add_bands(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bands", type=_bands, metavar="R,G,B", help="bands for red, green and blue, from 1")


def _add_road_width(parser: argparse.ArgumentParser, default: float) -> None:
    parser.add_argument(
        "--road-width", type=float, metavar="M", help=f"full width of a line without its own (default: {default:g} m)"
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where the crops go")
    crops = parser.add_argument_group("crops (not with --preset paper)")
    crops.add_argument("--crop", type=int, metavar="PX", help="side of the crops (default: 512)")
    crops.add_argument("--overlap", type=int, metavar="PX", help="least overlap of neighbours (default: 0)")
    crops.add_argument(
        "--whole", nargs="*", metavar="SPLIT", help="splits whose images are not cut (default: test, but none of geo)"
    )
    crops.add_argument(
        "--target-resolution",
        type=float,
        metavar="M",
        help="metres per pixel of the crops (default: the images' own; spacenet: 0.3; geo needs it)",
    )
    parser.add_argument(
        "--least-valid",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="leave out crops of which no larger share is imagery (default: 0)",
    )
    splits = parser.add_argument_group("splits, where the data set does not say them; whole images are drawn")
    splits.add_argument("--seed", type=int, metavar="N", help="of the draw (default: 7)")
    splits.add_argument("--validation-share", type=float, metavar="SHARE", help="default: 0.1")
    splits.add_argument("--test-share", type=float, metavar="SHARE", help="default: 0")
    splits.add_argument("--splits", type=Path, metavar="CSV", help="a splits.csv of an earlier run instead")
    splits.add_argument(
        "--list",
        action="append",
        default=[],
        metavar="SPLIT=FILE",
        help="a text file of image names instead; repeatable",
    )
    work = parser.add_argument_group("work")
    work.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: one per core)"
    )
    work.add_argument("--dry-run", action="store_true", help="say how many crops and gigabytes, and write nothing")


def _bands(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def run(options: argparse.Namespace) -> None:
    """Prepare a data set.

    Raises:
        RoadExtractorError: Options contradict each other, or files are missing or cannot be used.
    """
    # Here, so that `--help` answers at once.
    from model_training.preparation.run import Request, prepare
    from model_training.preparation.splits import assign_splits, read_lists

    if options.workers < 1:
        raise RequestError("--workers", options.workers, "at least 1")
    settings = settings_from(options)
    sources = _sources(options, settings)
    given = read_lists(options.splits, options.list)
    if options.layout == "spacenet":
        given = _by_chip(given)
    splits = assign_splits(sources, given, settings.draw)
    request = Request(sources, splits, settings)
    prepare(request, options.output, workers=options.workers, dry_run=options.dry_run)


def settings_from(options: argparse.Namespace) -> Settings:
    """The settings that the options ask for.

    Raises:
        RequestError: A value is out of its range, or changes what the paper's preset fixes.
    """
    from dataclasses import replace

    from model_training.preparation.presets import PAPER

    layout = options.layout
    draw = _given(options, "seed", "validation_share", "test_share")
    if getattr(options, "preset", "default") == "paper":
        _refuse_with_paper(options)
        paper = PAPER[layout]
        return replace(paper, draw=replace(paper.draw, **draw), least_valid=options.least_valid)
    whole = _WHOLE_SPLITS.get(layout, (TEST,)) if options.whole is None else tuple(options.whole)
    cutting = {"crop_px": options.crop, "overlap_px": options.overlap, "whole_splits": whole}
    if layout == "geo" and options.target_resolution is None:
        raise RequestError("--target-resolution", None, "given in metres per pixel, so that all rasters come out alike")
    return Settings(
        layout,
        cutting=Cutting(**{name: value for name, value in cutting.items() if value is not None}),
        imagery=_imagery(options),
        roads=_roads(options),
        draw=Draw(**draw),
        least_valid=options.least_valid,
    )


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Options that the user gave, and that this layout has."""
    values = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _refuse_with_paper(options: argparse.Namespace) -> None:
    fixed = {*_given(options, *_CROP_OPTIONS, "bands", "road_width")}
    changed = {"stretch": "auto", "imagery": "multispectral"}
    fixed |= {name for name, default in changed.items() if getattr(options, name, default) != default}
    if fixed:
        name = "--" + sorted(fixed)[0].replace("_", "-")
        raise RequestError(name, getattr(options, sorted(fixed)[0]), "left out with --preset paper, which fixes it")


def _imagery(options: argparse.Namespace) -> Imagery:
    from model_training.preparation import presets

    layout = options.layout
    stated = {"deepglobe": presets.DEEPGLOBE_RESOLUTION_M, "massachusetts": presets.MASSACHUSETTS_RESOLUTION_M}
    target, bands = options.target_resolution, getattr(options, "bands", None)
    if layout == "spacenet":
        # In degrees, its pixels are not square on the ground.
        target = target or presets.SPACENET_RESOLUTION_M
        bands = bands or (presets.SPACENET_BANDS if options.imagery == "multispectral" else None)
    return Imagery(
        ground_resolution_m=stated.get(layout, getattr(options, "ground_resolution", None)),
        target_resolution_m=target,
        bands=bands,
        stretch=getattr(options, "stretch", "auto"),
        white_is_empty=layout == "massachusetts" or getattr(options, "white_is_empty", False),
        by_window=layout == "geo",
    )


def _roads(options: argparse.Namespace) -> RoadStyle | None:
    if options.layout not in _DEFAULT_ROAD_WIDTH_M:
        return None
    width_m = options.road_width if options.road_width is not None else _DEFAULT_ROAD_WIDTH_M[options.layout]
    return RoadStyle(width_m, **_given(options, "width_field", "layer", "where"))


def _sources(options: argparse.Namespace, settings: Settings) -> Sequence[Source]:
    from model_training.preparation import layouts, presets

    is_paper = settings.preset == "paper"
    if options.layout == "deepglobe":
        return layouts.deepglobe(options.input, with_unlabelled=options.unlabelled or is_paper)
    if options.layout == "massachusetts":
        return layouts.massachusetts(options.input)
    if options.layout == "spacenet":
        return layouts.spacenet(
            options.input,
            imagery=options.imagery,
            areas=presets.SPACENET_AREAS if is_paper else options.aoi,
            with_unlabelled=options.unlabelled or is_paper,
        )
    if options.layout == "folder":
        return layouts.folder(options.input)
    return layouts.geo(options.input, options.roads)


def _by_chip(given: dict[str, str]) -> dict[str, str]:
    """Published lists name SpaceNet images with their product, which the crops' names leave out."""
    from model_training.preparation.layouts import spacenet_chip

    return {spacenet_chip(name) or name: split for name, split in given.items()}
