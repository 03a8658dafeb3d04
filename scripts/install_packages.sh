#!/usr/bin/env bash
# Installs what bertq is built and tested with from Debian 12's own packages, the one list of them, and
# the packages named as arguments.
set -euo pipefail

packages=(
  g++ cmake ninja-build                      # the tools
  libxbyak-dev libicu-dev nlohmann-json3-dev # the product
  libfmt-dev libcxxopts-dev zlib1g-dev libsnappy-dev
  libyaml-cpp-dev libxxhash-dev
  libeigen3-dev doctest-dev libhwloc-dev pkg-config # the tests
  libbenchmark-dev                           # the benchmarks
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
    missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "installing: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive \
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
