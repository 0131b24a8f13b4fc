#!/usr/bin/env bash
# Runs all tests, in the three processes that they need, and repeats each one's closing line at the end.
#
# The first process has neither pytest-qgis nor a way to import QGIS (tests/conftest.py), so it proves that the
# engine needs neither.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONNOUSERSITE=1

readonly logs=build/test-logs
failed=0

run() {
    local name=$1
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$logs/$name.log" || failed=1
}

rm -rf "$logs"
mkdir -p "$logs"
pytest=(.venv/bin/python -m pytest)

run 1-without-qgis "${pytest[@]}" -p no:pytest_qgis tests --ignore=tests/qgis --ignore=tests/desktop
run 2-qgis-offscreen env QT_QPA_PLATFORM=offscreen "${pytest[@]}" tests/qgis
run 3-qgis-desktop xvfb-run -a "${pytest[@]}" -p no:pytest_qgis tests/desktop

echo "== closing lines"
tail -qn 1 "$logs"/*.log
exit "$failed"
