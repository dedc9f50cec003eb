#!/bin/sh
# Make .venv, or complete the one that is there, with exactly what requirements.lock says (every file checked by its hash).
# PYTHON: the interpreter to use, else the first of the usual names that is recent enough. UV: uv's name; empty, pip is used.
set -eu
cd "$(dirname "$0")/.."
export UV_PYTHON_DOWNLOADS=never
venv=.venv
names="${PYTHON:-python3 python3.13 python3.12 python3.11 python}"
uv="${UV-uv}"

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
give_up() { echo "$1" >&2; exit 1; }
has_uv() { [ -n "$uv" ] && "$uv" --version >/dev/null 2>&1; }

make_venv() {
  for name in $names; do
    if recent "$name"; then
      "$name" -m venv --clear --without-pip $venv && return
      has_uv && "$uv" venv --quiet --clear --python "$name" $venv && return
      rm -rf $venv
      give_up "$name cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)."
    fi
  done
  give_up "Vivier needs Python 3.11 or later; tried: $names. If it is elsewhere: make setup PYTHON=/path/to/python3"
}

install_with_uv() {
  "$uv" pip install --quiet --python $venv/bin/python --require-hashes -r requirements.lock &&
    "$uv" pip install --quiet --python $venv/bin/python --no-deps --no-build-isolation -e .
}

install_with_pip() {
  pip="$venv/bin/python -m pip --disable-pip-version-check --no-input"
  $pip --version >/dev/null 2>&1 || $venv/bin/python -m ensurepip >/dev/null ||
    give_up "This Python has neither pip nor uv (on Debian and Ubuntu: apt install python3-venv)."
  # Bytecode is written as modules are first used: a third of the time would go into what is never imported.
  $pip install --quiet --no-compile --require-hashes -r requirements.lock
  $pip install --quiet --no-deps --no-build-isolation -e .
}

recent $venv/bin/python || make_venv
echo "Installing what Vivier needs into $venv ..."
if has_uv; then
  install_with_uv || { echo "uv could not install; trying with pip." >&2; install_with_pip; }
else
  install_with_pip
fi
# What a server loads, as bytecode: where a start may write none, each would compile it again.
PYTHONDONTWRITEBYTECODE='' $venv/bin/python -c 'import api.app, api.commands.serving.demo, api.commands.match'
