#!/usr/bin/env bash
# From a fresh clone to a first result: installs the packages, builds, and scores the embedded sample
# in FP32 and INT8. Flags go to `bertq run --task mrpc`: try.sh -m CHECKPOINT --data DEV.TSV
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh
cmake --preset release >&2
cmake --build --preset release >&2
exec build/release/bin/bertq run --task mrpc "$@"
