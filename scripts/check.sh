#!/usr/bin/env bash
# From a fresh clone to passed tests: installs the packages, builds, runs every test.
# check.sh [PRESET]: release (the default), debug, asan or ubsan.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}

scripts/install_packages.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset"
