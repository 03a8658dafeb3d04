#!/usr/bin/env bash
# Builds the fuzz targets, one for each format of checkpoints and of settings (recipes, LPOT's files,
# journals), and runs each for SECONDS (default 15): fuzz.sh [SECONDS]. What fails is kept under build/fuzz/tests/fuzz/.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh clang-14 libclang-rt-14-dev
cmake --preset fuzz -DBERTQ_FUZZ_SECONDS="${1:-15}"
cmake --build --preset fuzz
ctest --preset fuzz
