#!/usr/bin/env bash
# From a fresh clone to passed tests: installs the packages, builds, runs every test, and lets each
# fuzz target run for some seconds. check.sh [PRESET]: release (the default), debug, asan or ubsan.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}

scripts/install_packages.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset"
[ "$preset" != release ] || scripts/fuzz.sh 10
