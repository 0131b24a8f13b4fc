#!/usr/bin/env bash
# Runs all tests, in the four processes that they need, and repeats each one's closing line at the end.
#
# Training has a process of its own, because its data loaders fork, beside the threads of whatever ran before.
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

run 1-without-qgis "${pytest[@]}" -p no:pytest_qgis tests --ignore=tests/qgis --ignore=tests/desktop --ignore=tests/training
run 2-training "${pytest[@]}" -p no:pytest_qgis tests/training
run 3-qgis-offscreen env QT_QPA_PLATFORM=offscreen "${pytest[@]}" tests/qgis
run 4-qgis-desktop xvfb-run -a "${pytest[@]}" -p no:pytest_qgis tests/desktop

echo "== closing lines"
tail -qn 1 "$logs"/*.log
exit "$failed"
