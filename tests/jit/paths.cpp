#include "paths.h"

#include <cstdio>

#include "jit/isa_testing.h"
#include "support/skipped.h"

namespace bertq::testing {

// Asked for the first time before Paths assumes that amx is there, and kept.
const std::string& why_no_amx_hardware() {
  static const std::string why = jit::why_unavailable(jit::Isa::amx);
  return why;
}

Paths::Paths() {
  static bool first = true;
  const bool emulate_amx = !why_no_amx_hardware().empty() && jit::available(jit::Isa::avx512);
  for (const jit::Isa isa : jit::all_isas()) {
    if (isa == jit::Isa::reference) continue;
    const bool emulated = isa == jit::Isa::amx && emulate_amx;
    const std::string why =
        isa == jit::Isa::amx ? why_no_amx_hardware() : jit::why_unavailable(isa);
    if (emulated) {
      jit::assume_available_for_tests(isa, true);
      emulator_.emplace();
      if (first) {
        std::printf("amx: executed through the emulator of tests/support, not on AMX hardware\n");
      }
    } else if (!why.empty()) {
      if (first) print_skipped("kernels of " + std::string(jit::isa_name(isa)), why);
      continue;
    }
    generated_.push_back({isa, emulated});
  }
  first = false;
}

// Without the emulator, what asks for the best path must not get this one.
Paths::~Paths() {
  if (emulator_) jit::assume_available_for_tests(jit::Isa::amx, false);
}

std::vector<Path> Paths::all() const {
  std::vector<Path> paths = {{jit::Isa::reference, false}};
  paths.insert(paths.end(), generated_.begin(), generated_.end());
  return paths;
}

std::string name_of(const Path& path) {
  return std::string(jit::isa_name(path.isa)) + (path.emulated ? " (emulated)" : "");
}

}  // namespace bertq::testing
