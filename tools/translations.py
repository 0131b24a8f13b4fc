"""Take the texts of the plugin into its translations, and compile them. Needs lrelease (Debian: qttools5-dev-tools).

python tools/translations.py

New texts come in unfinished, texts that are gone go. Texts are found in the syntax tree, because the context of a
text is not always the class that it stands in: modules have a function `_tr` or `tr` for theirs.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "road_extractor_plugin"
FOLDER = PACKAGE / "resources" / "i18n"
HELPERS = {"tr", "_tr"}
"""Functions of a module that translate in the context that stands in them."""
WITH_CONTEXT = {"translate", "QT_TRANSLATE_NOOP"}


class Text(NamedTuple):
    """A text to translate."""

    context: str
    source: str


def texts_of(package: Path) -> list[Text]:
    """All texts in the modules of a package, sorted, each once."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(package.rglob("*.py"))}
    contexts = {path: _helper_contexts(tree) for path, tree in trees.items()}
    found: set[Text] = set()
    for path, tree in trees.items():
        known = {**_imported_contexts(tree, package, contexts), **contexts[path]}
        found.update(_texts_in(tree, known, ""))
    return sorted(found)


def _helper_contexts(tree: ast.Module) -> dict[str, str]:
    """Context of each helper that a module defines."""
    return {
        node.name: context
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name in HELPERS
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and _name(call) == "translate"
        for context in _strings(call)
    }


def _imported_contexts(tree: ast.Module, package: Path, contexts: dict[Path, dict[str, str]]) -> dict[str, str]:
    """Context of each helper that a module imports from another."""
    return {
        alias.asname or alias.name: contexts[path][alias.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(package.name)
        for path in [package.parent / f"{node.module.replace('.', '/')}.py"]
        for alias in node.names
        if alias.name in contexts.get(path, {})
    }


def _texts_in(node: ast.AST, helpers: dict[str, str], class_name: str) -> Iterator[Text]:
    for child in ast.iter_child_nodes(node):
        yield from _texts_in(child, helpers, child.name if isinstance(child, ast.ClassDef) else class_name)
        if isinstance(child, ast.Call):
            strings = list(_strings(child))
            name, is_method = _name(child), isinstance(child.func, ast.Attribute)
            if name in WITH_CONTEXT and len(strings) > 1:
                yield Text(strings[0], strings[1])
            elif name == "tr" and is_method and strings:
                yield Text(class_name, strings[0])
            elif name in helpers and not is_method and strings:
                yield Text(helpers[name], strings[0])


def _strings(call: ast.Call) -> Iterator[str]:
    """The arguments that are plain strings."""
    for argument in call.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def read_translations(path: Path) -> dict[Text, str]:
    """The finished entries of a .ts file."""
    if not path.exists():
        return {}
    return {
        Text(context.findtext("name", ""), message.findtext("source", "")): message.findtext("translation", "")
        for context in ET.parse(path).getroot().iter("context")
        for message in context.iter("message")
        if message.findtext("translation")
    }


def write_translations(path: Path, language: str, texts: list[Text], translations: dict[Text, str]) -> None:
    """Write a .ts file; texts without a translation are marked as unfinished."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>"]
    lines.append(f'<TS version="2.1" language="{language}" sourcelanguage="en">')
    for context in dict.fromkeys(text.context for text in texts):
        lines += ["<context>", f"    <name>{escape(context)}</name>"]
        for text in texts:
            if text.context == context:
                lines += _message(text.source, translations.get(text, ""))
        lines.append("</context>")
    path.write_text("\n".join([*lines, "</TS>", ""]), encoding="utf-8")


def _message(source: str, translation: str) -> list[str]:
    state = "" if translation else ' type="unfinished"'
    return [
        "    <message>",
        f"        <source>{escape(source)}</source>",
        f"        <translation{state}>{escape(translation)}</translation>",
        "    </message>",
    ]


def main() -> int:
    """Renew all translations; fails where one has gaps."""
    texts, gaps = texts_of(PACKAGE), 0
    for path in sorted(FOLDER.glob("*.ts")):
        translations = read_translations(path)
        write_translations(path, path.stem.rpartition("_")[2], texts, translations)
        missing = [text for text in texts if text not in translations]
        for text in missing:
            print(f"{path.name}: {text.context}: {text.source!r}")
        gaps += len(missing)
        subprocess.run(["lrelease", "-silent", str(path)], check=True)
    print(f"{len(texts)} texts, {gaps} translations missing")
    return int(gaps > 0)


if __name__ == "__main__":
    sys.exit(main())
