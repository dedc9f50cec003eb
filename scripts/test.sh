#!/bin/sh
# Run the checks beside the tests, on as many cores as there are; arguments are pytest's. The checks speak only where one
# fails: what it said then follows the tests' report, whole.
set -u
cd "$(dirname "$0")/.."
report=$(mktemp)
trap 'rm -f "$report"' EXIT
trap 'kill "$checks" 2>/dev/null; exit 130' INT TERM

"${MAKE:-make}" --no-print-directory lint >"$report" 2>&1 &
checks=$!
status=0
.venv/bin/python -m pytest -n auto --maxprocesses 8 "$@" || status=$?
wait "$checks" || { status=$?; cat "$report"; }
exit "$status"
