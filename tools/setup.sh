#!/usr/bin/env bash
# Sets up what the targets of the Makefile need; takes under a second when all is there.
#
#   tools/setup.sh light   to run the engine: GDAL from apt, .venv with requirements/run.txt
#   tools/setup.sh full    to develop and train: also QGIS and Xvfb from apt, and all other requirements
#
# The Python is always the system's, because apt's GDAL and QGIS are built for that one. numpy stays in the
# system's minor series, because apt's compiled modules (osgeo.gdal_array, for one) are built for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONNOUSERSITE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

readonly python=/usr/bin/python3

fail() {
    echo "setup: $*" >&2
    exit 1
}

can_import() {
    "$python" -I -c "import $1" 2>/dev/null
}

has_command() {
    command -v "$1" >/dev/null
}

# Prints the apt packages of which something is not there, one a line.
missing_packages() {
    can_import "osgeo.gdal_array, osgeo.ogr" || echo python3-gdal
    can_import ensurepip || echo python3-venv
    if [ "$1" = full ]; then
        can_import qgis.core || printf '%s\n' qgis python3-qgis qgis-providers
        has_command gdalinfo || echo gdal-bin
        has_command xvfb-run || echo xvfb
        has_command xauth || echo xauth
        has_command xdotool || echo xdotool
    fi
}

install_packages() {
    local as_root=(env DEBIAN_FRONTEND=noninteractive)
    has_command apt-get || fail "This is missing: $* (the names are Debian's). Install it and run make again."
    if [ "$(id -u)" -ne 0 ]; then
        has_command sudo || fail "Run as root: apt-get install --no-install-recommends $*; then run make again."
        as_root=(sudo "${as_root[@]}")
    fi
    local install=("${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@")
    echo "setup: apt-get install $*"
    # Installing fails without package lists, or with such as are out of date: then they are updated first.
    if compgen -G "/var/lib/apt/lists/*Packages*" >/dev/null && "${install[@]}"; then
        return
    fi
    if ! { "${as_root[@]}" apt-get update -qq && "${install[@]}"; }; then
        fail "apt-get failed, see above. Install these by hand and run make again: $*"
    fi
}

# Makes .venv; makes it anew when the Python, its numpy or the folder is not the one that it was made for.
make_venv() {
    local made_for=.venv/.made-for
    local now
    now="$("$python" -I -c 'import sys, numpy; print(sys.version, numpy.__version__)') in $PWD"
    if [ ! -f "$made_for" ] || [ "$(<"$made_for")" != "$now" ]; then
        [ ! -L .venv ] || rm .venv # a link to the environment of another folder, which --clear would empty
        "$python" -m venv --clear --system-site-packages .venv
        "$python" -I -c 'import numpy; print("numpy==" + numpy.__version__.rpartition(".")[0] + ".*")' \
            >.venv/constraints.txt
        echo "$now" >"$made_for"
    fi
}

pip_install() {
    .venv/bin/python -m pip install --quiet --constraint .venv/constraints.txt "$@"
}

# Whether the stamp of a level bears the checksum of the requirements as they are.
is_installed() {
    [ -f ".venv/.$1" ] && sha256sum --check --status ".venv/.$1"
}

install_light() {
    is_installed light && return
    echo "setup: installing requirements/run.txt into .venv"
    pip_install -r requirements/run.txt
    sha256sum requirements/run.txt >.venv/.light
}

install_full() {
    is_installed full && return
    echo "setup: installing the requirements of tests and training into .venv (1.6 GB the first time, some minutes)"
    pip_install -r requirements/run.txt -r requirements/test.txt -r requirements/train.txt
    pip_install --no-deps -r requirements/train-no-deps.txt
    sha256sum requirements/*.txt >.venv/.full
}

main() {
    local level=$1
    local packages
    mapfile -t packages < <(missing_packages "$level")
    [ "${#packages[@]}" -eq 0 ] || install_packages "${packages[@]}"
    make_venv
    install_light
    [ "$level" = light ] || install_full
}

case ${1:-} in
    light | full) main "$1" ;;
    *) fail "Say what to set up: tools/setup.sh light, or tools/setup.sh full." ;;
esac
