// The generated paths that this machine can execute, for tests that compare them with `reference`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jit/isa.h"
#include "jit/isa_testing.h"
#include "support/amx_emulator.h"

namespace bertq::testing {

struct Path {
  jit::Isa isa;
  bool emulated;  // `amx` on a CPU without it: hundreds of times slower
};

// One a test case: while it lives, `amx` runs through the emulator where the CPU has AVX-512 but no
// AMX. The first of a process prints what is lacking and what is emulated.
class Paths {
 public:
  Paths();
  ~Paths();
  Paths(const Paths&) = delete;
  Paths& operator=(const Paths&) = delete;

  // Worst first, without `reference`.
  const std::vector<Path>& generated() const { return generated_; }
  // The same with `reference` in front.
  std::vector<Path> all() const;

 private:
  std::vector<Path> generated_;
  std::optional<AmxEmulator> emulator_;
};

std::string name_of(const Path& path);

// While it lives, kernels are those of paths without fast BF16.
class WithoutFastBf16 {
 public:
  WithoutFastBf16() { jit::deny_fast_bf16_for_tests(true); }
  ~WithoutFastBf16() { jit::deny_fast_bf16_for_tests(false); }
  WithoutFastBf16(const WithoutFastBf16&) = delete;
  WithoutFastBf16& operator=(const WithoutFastBf16&) = delete;
};

// Why AMX instructions cannot be executed without the emulator here; empty if they can.
const std::string& why_no_amx_hardware();

}  // namespace bertq::testing
