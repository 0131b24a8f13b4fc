"""Stage, zip or install the plugin. Needs the standard library only.

python tools/build_plugin.py build      build/road_extractor_plugin/
python tools/build_plugin.py package    build/road_extractor_plugin-<version>.zip
python tools/build_plugin.py install    into the QGIS profile in QGIS_PROFILE_PATH, or the default profile
"""

from __future__ import annotations

import argparse
import configparser
import os
import shutil
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PACKAGE = "road_extractor_plugin"
MAX_ZIP_BYTES = 25_000_000
"""The limit of plugins.qgis.org."""
EARLIEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Stands for every file's own time, so that the same files make the same zip."""
READ_BY_ALL = 0o644


class PackageTooLargeError(Exception):
    """The zip is larger than plugins.qgis.org takes."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"The zip has {size_bytes / 1e6:.1f} MB, plugins.qgis.org takes {MAX_ZIP_BYTES / 1e6:.0f} MB. "
            "Ship a smaller model."
        )


def stage(build_folder: Path) -> Path:
    """Copy the plugin with its metadata and licence to `build_folder`, in place of what was there."""
    staged = build_folder / PACKAGE
    _copy_anew(ROOT / PACKAGE, staged)
    shutil.copyfile(ROOT / "LICENSE", staged / "LICENSE")
    (staged / "metadata.txt").write_text(metadata_with_changelog(), encoding="utf-8")
    return staged


def _copy_anew(source: Path, target: Path) -> None:
    """Copy a folder without caches, hidden files and permissions, in place of what was there."""
    if target.is_symlink():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    shutil.copytree(source, target, ignore=ignored, copy_function=shutil.copyfile)


def metadata_with_changelog() -> str:
    """The text of metadata.txt with the changelog as its last entry."""
    metadata = (ROOT / "metadata.txt").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    # A lone % would refer to another entry; an indented line goes on with the entry above it.
    lines = [line.lstrip("# ").replace("%", "%%") for line in changelog.splitlines()[1:] if line]
    return metadata + "\n    ".join(["changelog=", *lines]) + "\n"


def read_version() -> str:
    """The plugin's version, which stands in metadata.txt and nowhere else."""
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "metadata.txt", encoding="utf-8")
    return metadata["general"]["version"]


def package(build_folder: Path) -> Path:
    """Stage and zip the plugin; the same files make the same zip, byte by byte.

    Raises:
        PackageTooLargeError: No zip is left behind.
    """
    staged = stage(build_folder)
    zip_path = build_folder / f"{PACKAGE}-{read_version()}.zip"
    with zipfile.ZipFile(zip_path, "w") as archive:
        for path in sorted(path for path in staged.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(build_folder).as_posix(), EARLIEST_ZIP_TIME)
            entry.external_attr = READ_BY_ALL << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)
    size_bytes = zip_path.stat().st_size
    if size_bytes > MAX_ZIP_BYTES:
        zip_path.unlink()
        raise PackageTooLargeError(size_bytes)
    return zip_path


def install(build_folder: Path) -> Path:
    """Stage the plugin and put it into a QGIS profile, in place of the one that was there."""
    staged = stage(build_folder)
    installed = profile_folder() / "python" / "plugins" / PACKAGE
    _copy_anew(staged, installed)
    return installed


def profile_folder() -> Path:
    """The profile in QGIS_PROFILE_PATH, or the default profile of QGIS 3 on this system."""
    chosen = os.environ.get("QGIS_PROFILE_PATH")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        data = Path(os.environ["APPDATA"])
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "QGIS" / "QGIS3" / "profiles" / "default"


def main() -> int:
    """Run one command and say what it made."""
    commands = {"build": stage, "package": package, "install": install}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=commands)
    try:
        made = commands[parser.parse_args().command](BUILD)
    except PackageTooLargeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
