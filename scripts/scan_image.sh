#!/bin/sh
# Look for known vulnerabilities in an image, which is built first unless one is named: sh scripts/scan_image.sh [IMAGE]
# Ends with 1 where serious ones are known that a newer version corrects, and where there is nothing to look with.
set -eu

fail() {
    echo "make scan: $1" >&2
    exit 1
}

command -v docker >/dev/null || fail "Docker is not here; run it where images are built, or have your registry scan the image"
if command -v trivy >/dev/null; then
    scanner=trivy
elif command -v grype >/dev/null; then
    scanner=grype
else
    fail "neither trivy nor grype is here; install one of them"
fi

image=${1:-}
if [ -z "$image" ]; then
    image=vivier:scanned
    docker build --pull --tag "$image" "$(dirname "$0")/.."
fi
case $scanner in
    trivy) exec trivy image --ignore-unfixed --severity HIGH,CRITICAL --exit-code 1 "$image" ;;
    grype) exec grype "$image" --only-fixed --fail-on high ;;
esac
