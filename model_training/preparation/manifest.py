"""The tables beside the crops: the manifest, the splits, and the settings that made them.

manifest.csv    a line per crop (`CropRecord`), sorted; written when all is done
journal.csv     the same, line by line while the work goes on; an interrupted run continues from it
left_out.csv    a line per crop that was not made, with the reason (`LeftOut`); only where there are such
splits.csv      a line per image
settings.json   what was asked for; another request needs another folder
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType

from model_training.errors import DatasetError
from model_training.preparation.crops import CropRecord, LeftOut
from model_training.preparation.settings import Settings
from model_training.preparation.splits import Splits, read_splits, write_splits

MANIFEST, JOURNAL, LEFT_OUT = "manifest.csv", "journal.csv", "left_out.csv"
SPLITS, SETTINGS = "splits.csv", "settings.json"
_COLUMNS = tuple(field.name for field in dataclasses.fields(CropRecord))
_LEFT_OUT_COLUMNS = tuple(field.name for field in dataclasses.fields(LeftOut))
_ANOTHER = "Choose another output folder, or remove this one"


def check_same_request(folder: Path, settings: Settings, splits: Splits) -> None:
    """Refuse a folder with crops of another request: they would mix.

    Raises:
        DatasetError: Settings, images or splits differ from those of the earlier run.
    """
    path = folder / SETTINGS
    if path.is_file() and path.read_text(encoding="utf-8") != _as_json(settings):
        raise DatasetError(folder, "holds crops made with other settings (see its settings.json)", _ANOTHER)
    if (folder / SPLITS).is_file() and read_splits(folder / SPLITS) != splits:
        raise DatasetError(folder, "holds crops of other images or splits (see its splits.csv)", _ANOTHER)


def write_request(folder: Path, settings: Settings, splits: Splits) -> None:
    """Keep what was asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS).write_text(_as_json(settings), encoding="utf-8")
    write_splits(folder / SPLITS, splits)


def _as_json(settings: Settings) -> str:
    return json.dumps(dataclasses.asdict(settings), indent=2) + "\n"


def read_records(folder: Path) -> dict[str, CropRecord]:
    """Records of crops made so far, by crop; a line torn by an interruption is left out."""
    rows = (row for name in (MANIFEST, JOURNAL) for row in _rows(folder / name, _COLUMNS))
    return {row["crop"]: _record(row) for row in rows}


def read_left_out(folder: Path) -> dict[str, LeftOut]:
    """Crops left out so far, likewise."""
    rows = _rows(folder / LEFT_OUT, _LEFT_OUT_COLUMNS)
    return {
        row["crop"]: LeftOut(row["crop"], row["source"], row["reason"], int(row["source_changed_ns"])) for row in rows
    }


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The whole lines of a table but for its header; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, fieldnames=columns))
    return [row for row in rows if row[columns[0]] != columns[0] and row[columns[-1]]]


def _record(row: dict[str, str]) -> CropRecord:
    return CropRecord(
        crop=row["crop"],
        split=row["split"],
        source=row["source"],
        row_px=int(row["row_px"]),
        column_px=int(row["column_px"]),
        height_px=int(row["height_px"]),
        width_px=int(row["width_px"]),
        ground_resolution_m=float(row["ground_resolution_m"]),
        valid_fraction=float(row["valid_fraction"]),
        road_fraction=float(row["road_fraction"]),
        sha256=row["sha256"],
    )


class Journal:
    """Lines of a table, safe on disk as they come; a context manager."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", newline="", encoding="utf-8")
        # After a line that an interruption tore, if there is one; an empty line is skipped when read.
        self._file.write("\r\n" if self._file.tell() else "")
        self._writer = csv.writer(self._file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, records: Iterable[CropRecord | LeftOut]) -> None:
        """Add lines."""
        self._writer.writerows(map(dataclasses.astuple, records))
        self._file.flush()


def write_manifest(folder: Path, records: Iterable[CropRecord]) -> Path:
    """Write the manifest at once and drop the journal."""
    path = folder / MANIFEST
    _write_table(path, _COLUMNS, records)
    (folder / JOURNAL).unlink(missing_ok=True)
    return path


def write_left_out(folder: Path, left_out: Collection[LeftOut]) -> None:
    """Write what was left out at once, in place of the lines as they came; no file where there is nothing."""
    if left_out:
        _write_table(folder / LEFT_OUT, _LEFT_OUT_COLUMNS, left_out)
    else:
        (folder / LEFT_OUT).unlink(missing_ok=True)


def _write_table(path: Path, columns: tuple[str, ...], records: Iterable[CropRecord | LeftOut]) -> None:
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(dataclasses.astuple(record) for record in sorted(records, key=lambda record: record.crop))
    part.replace(path)
