"""The page of a report: one HTML file without scripts, style inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import quote

from model_training.evaluation.curves import PROTOCOL as CURVES_PROTOCOL
from model_training.evaluation.figures import SceneMeasures
from model_training.evaluation.measure import THUMBNAILS, FolderReport
from road_extractor_plugin.contract.model_card import ModelCard

SCENE_COLUMNS = ("iou", "relaxed_f1", "skeleton_iou", "apls_cosmiq", "apls_sat2graph", "topo_f1")
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
td, th { border-bottom: 1px solid #ddd; padding: .3em .7em; text-align: left; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
img { max-width: 100% }
"""


def index_page(card: ModelCard, reports: Sequence[FolderReport], slugs: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        card: Of the model.
        reports: One per data set.
        slugs: Of each data set, what its files are called.
    """
    title = escape(f"{card.name} {card.version}")
    thresholds = f"high {card.thresholds.high:g}, low {card.thresholds.low:g}, chosen on held-out scenes"
    body = "".join(_section(report, slugs[report.name]) for report in reports)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f"<p>Ground resolution {card.input.ground_resolution_m:g} m; thresholds {thresholds}. "
        'Tables: <a href="evaluation.json">evaluation.json</a>, <a href="evaluation.csv">evaluation.csv</a>, '
        f'<a href="curves.csv">curves.csv</a>.</p>\n{body}</body>\n</html>\n'
    )


def worst_first(scenes: Iterable[SceneMeasures]) -> list[SceneMeasures]:
    """By IoU."""
    return sorted(scenes, key=lambda scene: (scene.masks.iou, scene.stem))


def _section(report: FolderReport, slug: str) -> str:
    figures = "".join(
        f'<tr><td>{name}</td><td class="n">{value:.4f}</td><td>{escape(report.protocols[name])}</td></tr>\n'
        for name, value in report.figures.items()
    )
    header = "".join(f'<th class="n">{name}</th>' for name in SCENE_COLUMNS)
    scenes = "".join(_scene_row(scene, slug) for scene in worst_first(report.scenes))
    name = escape(report.name)
    return (
        f"<h2>{name}: {len(report.scenes)} scenes</h2>\n"
        f'<table>\n<tr><th>figure</th><th class="n">value</th><th>protocol</th></tr>\n{figures}</table>\n'
        f'<p><img src="{quote(f"curves_{slug}.png")}" alt="Curves of {name}"><br>{escape(CURVES_PROTOCOL)}</p>\n'
        "<p>Worst IoU first. Each picture: image and label above, prediction and heat map below.</p>\n"
        f"<table>\n<tr><th>scene</th><th></th>{header}</tr>\n{scenes}</table>\n"
    )


def _scene_row(scene: SceneMeasures, slug: str) -> str:
    figures, stem = scene.figures(), escape(scene.stem)
    large, small = (quote(f"pictures/{slug}/{part}{scene.stem}.jpg") for part in ("", f"{THUMBNAILS}/"))
    cells = "".join(f'<td class="n">{figures[name]:.3f}</td>' for name in SCENE_COLUMNS)
    picture = f'<a href="{large}"><img src="{small}" loading="lazy" alt="{stem}"></a>'
    return f"<tr><td>{stem}</td><td>{picture}</td>{cells}</tr>\n"
