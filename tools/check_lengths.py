"""Check that files and functions stay short, for each of the given folders.

python tools/check_lengths.py FOLDER...

A function's length counts its lines from `def` to the end, docstring included.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 80
MAX_MEDIAN_LINES = 12
MAX_90TH_PERCENTILE_LINES = 35
PERCENTILES = 100


class Function(NamedTuple):
    """Where a function stands and how long it is."""

    path: Path
    name: str
    first_line: int
    lines: int


def functions_of(path: Path) -> list[Function]:
    """All functions and methods of a file, nested ones too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        Function(path, node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def complaints_about(folder: Path) -> Iterator[str]:
    """What is too long in a folder, a sentence each."""
    paths = sorted(folder.rglob("*.py"))
    for path in paths:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_FILE_LINES:
            yield f"{path}: {lines} lines, more than {MAX_FILE_LINES}"
    functions = [function for path in paths for function in functions_of(path)]
    for path, name, first_line, lines in functions:
        if lines > MAX_FUNCTION_LINES:
            yield f"{path}:{first_line}: {name} has {lines} lines, more than {MAX_FUNCTION_LINES}"
    lengths = [function.lines for function in functions]
    if len(lengths) > 1:
        yield from complaints_about_spread(folder, lengths)


def complaints_about_spread(folder: Path, lengths: list[int]) -> Iterator[str]:
    """Whether the functions of a folder are too long on the whole."""
    percentile = statistics.quantiles(lengths, n=PERCENTILES, method="inclusive")
    for name, lines, limit in (
        ("median", percentile[49], MAX_MEDIAN_LINES),
        ("90th percentile", percentile[89], MAX_90TH_PERCENTILE_LINES),
    ):
        if lines > limit:
            yield f"{folder}: the {name} of its functions' lengths is {lines:g} lines, more than {limit}"


def main(folders: list[str]) -> int:
    """Print what is too long; 1 when there is anything."""
    complaints = [complaint for folder in folders for complaint in complaints_about(Path(folder))]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
