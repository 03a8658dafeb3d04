#!/usr/bin/env bash
# Uses bertq as its users do.
#
#   install_test.sh installed SOURCE BUILD   installs BUILD into an empty folder; programs in C++ and C
#                                            are built against that and run
#   install_test.sh in_tree SOURCE BUILD     a project that has SOURCE in its own tree (FetchContent)
set -euo pipefail
way=$1 source=$2 build=$3
here=$source/tests/install

work=$(mktemp -d "$build/$way.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# The README's commands for a first program. They write first.cpp, which all projects in C++ build.
awk '/^## /{inside = /^## In your program/} inside' "$source/README.md" |
  awk '/^```/{fence = !fence; block += fence; next} fence && block == 2' > first.sh
sed -n "/^cat > first.cpp/,/^END/p" first.sh | bash

# What was compiled for an earlier run of this test is not compiled again, where that can be known.
launcher=()
if command -v ccache > /dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi

say() { echo "== $* (${SECONDS} s)"; }
fail() { echo "$*" >&2; exit 1; }

# build_and_run NAME PROJECT [cmake's flags]: what the program prints has to be what is expected.
build_and_run() {
  local name=$1 project=$2
  shift 2
  say "$name"
  cmake -S "$here/$project" -B "$name" -G Ninja "-DPROGRAM=$work/first.cpp" "${launcher[@]}" "$@" \
    > "$name.log" 2>&1 &&
    cmake --build "$name" >> "$name.log" 2>&1 || { cat "$name.log"; fail "$name: does not build"; }
  check "$name" "$name/consumer"
}

check() {
  local name=$1
  shift
  "$@" > "$name.out" || fail "$name: exit code $?"
  diff "$here/expected.txt" "$name.out" || fail "$name: prints something else"
}

in_tree() {
  build_and_run fetch_content fetch_content "-DBERTQ_SOURCE=$source"
}

# Nothing but the API leaves the shared library.
check_symbols() {
  say "symbols"
  nm -D --defined-only --format=just-symbols "$1" > symbols
  ! grep -vE '^(bertq_[a-z0-9_]+|_Z(NK?|TIN|TSN|TVN)5bertq.*)$' symbols ||
    fail "$1: exports what is not bertq's"
  ! c++filt < symbols | grep -E '^bertq::(engine|jit|loaders|tokenizer)::|::Impl::|^bertq_sample' ||
    fail "$1: exports what is not for programs"
  grep -q '^_ZN5bertq8versionsEv$' symbols || fail "$1: lacks the API"
}

installed() {
  say "install"
  cmake --install "$build" --prefix "$work/before" > install.log || { cat install.log; exit 1; }
  # Nothing of it may know where it was put at first.
  mv before prefix
  local prefix=$work/prefix
  local lib
  lib=$(dirname "$(find "$prefix" -name libbertq.so)")
  check_symbols "$lib/libbertq.so"
  "$prefix/bin/bertq" --version
  local file
  for file in man/man1/bertq.1 bash-completion/completions/bertq doc/bertq/LICENSE \
    doc/bertq/third_party.md; do
    [ -s "$prefix/share/$file" ] || fail "share/$file: expected to be installed, is not"
  done

  build_and_run find_shared find_package "-DCMAKE_PREFIX_PATH=$prefix" -DFORM=shared
  build_and_run find_static find_package "-DCMAKE_PREFIX_PATH=$prefix" -DFORM=static
  build_and_run c99_shared c99 "-DCMAKE_PREFIX_PATH=$prefix" -DFORM=shared
  build_and_run c99_static c99 "-DCMAKE_PREFIX_PATH=$prefix" -DFORM=static

  say "pkg-config, as in the README"
  export PKG_CONFIG_PATH=$lib/pkgconfig
  mkdir empty
  (cd empty && check readme env "LD_LIBRARY_PATH=$lib" bash -euo pipefail ../first.sh)
  say "pkg-config --static"
  cp -r "$prefix" archive_only
  find archive_only -name 'libbertq.so*' -delete
  export PKG_CONFIG_PATH=${lib/#$prefix/$work/archive_only}/pkgconfig
  # shellcheck disable=SC2046 # words are what pkg-config gives
  ${CXX:-c++} -std=c++20 first.cpp $(pkg-config --static --cflags --libs bertq) -o pkg_static
  check pkg_config_static ./pkg_static

  say "examples"
  cmake -S "$source/engine/examples" -B examples -G Ninja "-DCMAKE_PREFIX_PATH=$prefix" > examples.log 2>&1 &&
    cmake --build examples >> examples.log 2>&1 || { cat examples.log; fail "examples: do not build"; }
  run_examples
}

# On the sample: each has to find what is there to be found.
run_examples() {
  local sample=$source/engine/sample
  mkdir questions && cp "$sample"/squad/* "$sample/vocab.txt" questions/
  printf 'The strike ended on Monday.\nA storm struck the coast.\n' > lines.txt
  examples/search "$sample" lines.txt A storm struck the coast. | head -n 1 | grep -q '^1.000  A storm' ||
    fail "search: does not find the line itself"
  printf '1\tThe strike ended on Monday.\tOn Monday the strike ended.\n' |
    examples/classify_tsv "$sample" 2 3 | grep -qP '^1\t.*\tequivalent\t0\.\d+$' ||
    fail "classify_tsv: no label"
  echo 'A storm struck Zanhalett on Saturday, leaving 62,500 households without telephone service.' \
    > document.txt
  echo 'How many households lost phone service?' | examples/ask questions document.txt |
    grep -q '^  62,500  ' || fail "ask: another answer"
  examples/classify "$sample" 'The strike ended on Monday.' 'On Monday the strike ended.' |
    grep -qP '^equivalent\t0\.\d+$' || fail "classify: no label"
}

"$way"
say "all as expected"
