"""Make the pictures of the user guide: the real QGIS on a virtual screen, with the built plugin in a fresh profile.

    xvfb-run -a -s "-screen 0 1400x950x24" .venv/bin/python tools/guide_pictures.py

They go to docs/images/guide_*.jpg. QGIS is started once in English, and once in German for the one picture of that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LIMIT_S = 1800


def main() -> int:
    """Make them."""
    program = shutil.which("qgis.bin") or shutil.which("qgis")
    if program is None:
        sys.stderr.write("QGIS is not installed: run `make test` first, which installs it.\n")
        return 2
    # Not in the folder of temporary files: QGIS would mark each layer from there.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="guide_") as folder:
        return max(_take(program, Path(folder) / language, language) for language in ("en", "de"))


def _take(program: str, home: Path, language: str) -> int:
    """Start QGIS in a language, and let it take its pictures; its exit status."""
    profile = home / "qgis" / "profiles" / "guide"
    environment = {**os.environ, "HOME": str(home), "QGIS_PROFILE_PATH": str(profile)}
    subprocess.run([sys.executable, ROOT / "tools" / "build_plugin.py", "install"], env=environment, check=True)
    _write_settings(profile, language)
    task = {"root": str(ROOT), "folder": str(home), "pictures": str(ROOT / "docs" / "images"), "language": language}
    environment.update(PYTHONPATH=sysconfig.get_path("purelib"), ROAD_EXTRACTOR_GUIDE=json.dumps(task))
    environment.pop("QT_QPA_PLATFORM", None)
    arguments = ["--noversioncheck", "--nologo", "--profiles-path", str(home / "qgis"), "--profile", "guide"]
    script = ROOT / "tools" / "guide_pictures_in_qgis.py"
    return subprocess.run(
        [program, *arguments, "--code", str(script)], env=environment, timeout=_LIMIT_S, check=False, cwd=home
    ).returncode


def _write_settings(profile: Path, language: str) -> None:
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        "[PythonPlugins]\nroad_extractor_plugin=true\nprocessing=true\n"
        f"[locale]\noverrideFlag=true\nuserLocale={language}\n"
        f"globalLocale={'de_DE' if language == 'de' else 'en_US'}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main())
