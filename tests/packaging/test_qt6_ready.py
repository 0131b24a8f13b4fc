"""What Qt 6 and QGIS 4 no longer have is not used; read from the sources, since both versions cannot be here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "road_extractor_plugin"
SOURCES = sorted(PACKAGE.rglob("*.py"))

GONE = {
    "exec_",
    "print_",
    "QRegExp",
    "QRegExpValidator",
    "QDesktopWidget",
    "QVariant",
    "QMatrix",
    "QStringRef",
    "QTextCodec",
    "fromTime_t",
    "toTime_t",
    "setMargin",
    "setTabStopWidth",
    "qrand",
    "midRef",
    "QSignalMapper",
    "AA_EnableHighDpiScaling",
    "AA_UseHighDpiPixmaps",
    "setCodec",
    "QWebView",
    "QWebEngineView",
}
"""Names of Qt 5 that Qt 6 lacks, and QVariant types, which are QMetaType there."""

ALIASES = {
    "QgsMapLayerProxyModel": "Qgis.LayerFilter",
    "QgsUnitTypes": "Qgis.DistanceUnit and the like",
    "QgsProcessing": "Qgis.ProcessingSourceType",
}
"""Classes of QGIS whose unscoped values are still there in QGIS 4 as attributes, as QGIS 3.22 has no other."""


def unscoped(tree: ast.AST) -> Iterator[str]:
    """`Qt.AlignLeft` and the like: a value of a class of Qt or QGIS that does not stand in an enum.

    Values of enums begin with a capital letter. Their enum does too, and so do classes in classes: those are followed
    by another attribute, or called.
    """
    followed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    annotations = {
        id(part)
        for node in ast.walk(tree)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if annotation is not None
        for part in ast.walk(annotation)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        owner, value = node.value.id, node.attr
        is_of_qt = owner == "Qt" or (owner[:1] == "Q" and owner[1:2].isalpha() and owner not in ALIASES)
        if is_of_qt and value[0].isupper() and not value.isupper() and id(node) not in followed | called | annotations:
            yield f"{owner}.{value}, line {node.lineno}"


def gone(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, (ast.ImportFrom, ast.Import)) else []
        names += [node.attr] if isinstance(node, ast.Attribute) else []
        names += [node.id] if isinstance(node, ast.Name) else []
        for name in names:
            if name in GONE or name.startswith("PyQt5"):
                yield f"{name}, line {getattr(node, 'lineno', 0)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_source_is_ready(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [*unscoped(tree), *gone(tree)] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("Qt.AlignLeft", 1),
        ("label.setAlignment(Qt.AlignLeft | Qt.AlignTop)", 2),
        ("QMessageBox.Yes", 1),
        ("Qgis.Warning", 1),
        ("Qt.AlignmentFlag.AlignLeft", 0),
        ("QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow", 0),
        ("QgsTask.Flag(0)", 0),
        ("def f(level: Qgis.MessageLevel) -> None: ...", 0),
        ("dialog.exec_()", 1),
        ("from qgis.PyQt.QtCore import QRegExp", 1),
    ],
)
def test_scan_finds(code: str, found: int) -> None:
    tree = ast.parse(code)
    assert len([*unscoped(tree), *gone(tree)]) == found
