"""The zip that goes to plugins.qgis.org: what its validator asks for, and what must not be inside."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from tools import build_plugin

MANDATORY_KEYS = (
    "name",
    "description",
    "version",
    "qgisMinimumVersion",
    "author",
    "email",
    "about",
    "tracker",
    "repository",
)
FORBIDDEN_SUFFIXES = {".pyc", ".exe", ".dll", ".so", ".dylib", ".bat", ".sh", ".ps1", ".cmd"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The packaged plugin."""
    with zipfile.ZipFile(build_plugin.package(tmp_path_factory.mktemp("build"))) as packaged:
        yield packaged


@pytest.fixture(scope="module")
def metadata(archive: zipfile.ZipFile) -> configparser.SectionProxy:
    """The metadata in it, read as QGIS and plugins.qgis.org do."""
    parser = configparser.ConfigParser()
    parser.read_string(archive.read("road_extractor_plugin/metadata.txt").decode())
    return parser["general"]


def test_zip_is_named_after_the_version(archive: zipfile.ZipFile, metadata: configparser.SectionProxy) -> None:
    assert archive.filename is not None
    assert Path(archive.filename).name == f"road_extractor_plugin-{metadata['version']}.zip"


def test_zip_has_one_top_folder(archive: zipfile.ZipFile) -> None:
    assert {PurePosixPath(name).parts[0] for name in archive.namelist()} == {"road_extractor_plugin"}


def test_zip_is_small_enough_to_upload(archive: zipfile.ZipFile) -> None:
    assert archive.filename is not None
    assert Path(archive.filename).stat().st_size <= build_plugin.MAX_ZIP_BYTES


@pytest.mark.parametrize("name", ["__init__.py", "plugin.py", "LICENSE", "metadata.txt", "contract/model_card.py"])
def test_zip_holds(archive: zipfile.ZipFile, name: str) -> None:
    assert archive.read(f"road_extractor_plugin/{name}")


def test_zip_holds_a_model(archive: zipfile.ZipFile) -> None:
    assert any(PurePosixPath(name).match("road_extractor_plugin/models/*.onnx") for name in archive.namelist())


def test_zip_holds_neither_caches_nor_programs_nor_hidden_files(archive: zipfile.ZipFile) -> None:
    paths = [PurePosixPath(name) for name in archive.namelist()]
    assert not [path for path in paths if path.suffix in FORBIDDEN_SUFFIXES]
    assert not [path for path in paths if any(part.startswith((".", "__pycache__")) for part in path.parts)]
    assert not [entry.filename for entry in archive.infolist() if entry.external_attr >> 16 & 0o111]


def test_zip_holds_nothing_of_the_training(archive: zipfile.ZipFile) -> None:
    assert not [name for name in archive.namelist() if "model_training" in name]
    sources = {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}
    assert not [name for name, source in sources.items() if b"import model_training" in source]


@pytest.mark.parametrize("key", MANDATORY_KEYS)
def test_metadata_says(metadata: configparser.SectionProxy, key: str) -> None:
    assert metadata[key].strip()


def test_metadata_serves_every_supported_qgis(metadata: configparser.SectionProxy) -> None:
    assert (metadata["qgisMinimumVersion"], metadata["qgisMaximumVersion"]) == ("3.22", "4.99")


def test_metadata_names_an_icon_in_the_zip(archive: zipfile.ZipFile, metadata: configparser.SectionProxy) -> None:
    assert archive.read(f"road_extractor_plugin/{metadata['icon']}")


def test_metadata_ends_with_the_newest_change(metadata: configparser.SectionProxy) -> None:
    changelog = (build_plugin.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(line for line in changelog.splitlines() if line.startswith("- "))
    assert newest in metadata["changelog"]


def test_changelog_may_hold_percent_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metadata.txt").write_text("[general]\nversion=1.0\n", encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.0\n\n- Fix: 5 % faster.\n", encoding="utf-8")
    monkeypatch.setattr(build_plugin, "ROOT", tmp_path)
    parser = configparser.ConfigParser()
    parser.read_string(build_plugin.metadata_with_changelog())
    assert parser["general"]["changelog"].split("\n") == ["", "1.0", "- Fix: 5 % faster."]


def test_same_files_make_the_same_zip(archive: zipfile.ZipFile, tmp_path: Path) -> None:
    assert archive.filename is not None
    assert build_plugin.package(tmp_path).read_bytes() == Path(archive.filename).read_bytes()


def test_too_large_a_zip_is_refused_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_plugin, "MAX_ZIP_BYTES", 1000)
    with pytest.raises(build_plugin.PackageTooLargeError, match=r"plugins\.qgis\.org takes"):
        build_plugin.package(tmp_path)
    assert not list(tmp_path.glob("*.zip"))


def test_install_replaces_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QGIS_PROFILE_PATH", str(tmp_path / "profile"))
    installed = tmp_path / "profile" / "python" / "plugins" / "road_extractor_plugin"
    installed.mkdir(parents=True)
    (installed / "of_an_older_version.py").touch()
    assert build_plugin.install(tmp_path / "build") == installed
    assert (installed / "metadata.txt").is_file()
    assert not (installed / "of_an_older_version.py").exists()


def test_install_replaces_a_link_and_not_what_it_links_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QGIS_PROFILE_PATH", str(tmp_path / "profile"))
    plugins = tmp_path / "profile" / "python" / "plugins"
    plugins.mkdir(parents=True)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "work_in_progress.py").touch()
    (plugins / "road_extractor_plugin").symlink_to(checkout)
    installed = build_plugin.install(tmp_path / "build")
    assert not installed.is_symlink()
    assert (checkout / "work_in_progress.py").exists()


def test_plugin_imports_from_the_zip_without_any_package(archive: zipfile.ZipFile) -> None:
    assert archive.filename is not None
    program = f"import sys; sys.path.insert(0, {archive.filename!r}); import road_extractor_plugin"
    # -I -S: neither site packages nor the working folder can be imported from, only the standard library.
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, timeout=60)
