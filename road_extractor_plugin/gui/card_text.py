"""A model's card for people."""

from __future__ import annotations

from html import escape
from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication

from road_extractor_plugin.bridge.numbers import number
from road_extractor_plugin.contract.model_card import Evaluation, ModelCard

_FIGURES = {"iou": "IoU", "f1": "F1", "relaxed_f1": "relaxed F1"}
"""Those that fit beside each other, by the names under which the field knows them."""


def card_html(card: ModelCard, path: Path) -> str:
    """Name, what it wants, what it was made of, licence, data and figures, as rich text."""
    finest, coarsest = card.input.ground_resolution_range_m
    takes = _tr("{bands}; {finest} to {coarsest} m per pixel, best {best}").format(
        bands=", ".join(card.input.bands),
        finest=number(finest),
        coarsest=number(coarsest),
        best=number(card.input.ground_resolution_m),
    )
    rows = [
        (_tr("Imagery"), escape(takes)),
        (_tr("Threshold"), number(card.thresholds.high)),
        (_tr("Network"), escape(card.producer.architecture)),
        (_tr("Licence"), escape(card.licence)),
        (_tr("Data"), "<br>".join(map(escape, card.attributions)) or escape(_tr("not said"))),
        (_tr("File"), escape(str(path))),
    ]
    facts = "".join(f"<p><b>{escape(title)}</b><br>{text}</p>" for title, text in rows)
    return f"<h4>{escape(card.name)} {escape(card.version)}</h4>{facts}{_figures_html(card.evaluation)}"


def _figures_html(evaluations: tuple[Evaluation, ...]) -> str:
    if not evaluations:
        return f"<p>{escape(_tr('Its maker gave no figures.'))}</p>"
    shared = [name for name in evaluations[0].figures if all(name in each.figures for each in evaluations)]
    names = [name for name in _FIGURES if name in shared] or shared
    header = "".join(f"<th>{escape(_FIGURES.get(name, name))}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{escape(each.data)}, {escape(each.split)}</td>"
        + "".join(f"<td align='right'>{number(each.figures[name], 3)}</td>" for name in names)
        + "</tr>"
        for each in evaluations
    )
    protocols = "<br>".join(escape(text) for text in dict.fromkeys(each.protocol for each in evaluations))
    title = escape(_tr("Measured"))
    return f"<p><b>{title}</b></p><table cellspacing='4'><tr><th></th>{header}</tr>{rows}</table><p>{protocols}</p>"


def _tr(text: str) -> str:
    return QCoreApplication.translate("card_text", text)
