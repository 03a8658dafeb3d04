// Which instruction sets this machine offers, and which one is used.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bertq::jit {

// The code paths, worst first. Each has its own kernels; all give the same bits.
// `avx512` is AVX-512 (F, BW, VL, DQ) without VNNI. `reference` is plain C++ for any x86-64.
enum class Isa : std::uint8_t { reference, avx2, avx_vnni, avx512, avx512_vnni, amx };

// All of them, worst first.
std::span<const Isa> all_isas();
std::string_view isa_name(Isa isa);
std::optional<Isa> parse_isa(std::string_view name);

// Empty if this process can execute the path now; otherwise what is lacking, as half a sentence
// ("the CPU has no AMX-INT8"). Checks CPUID, what the OS saves (XCR0), and for AMX asks the kernel
// for permission (arch_prctl ARCH_REQ_XCOMP_PERM); then executes the path's instructions, guarded
// (isa_probe.h). Once a process. Thread-safe.
std::string why_unavailable(Isa isa);
// The same before any is executed: empty for a path that is promised, which if unavailable, faults.
std::string why_not_promised(Isa isa);
inline bool available(Isa isa) {
  return why_unavailable(isa).empty();
}

// A requested path that does not exist or that this machine lacks, or no usable path at all.
struct IsaUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The path to use: `requested` (a name; empty means the best that is available). `reference` is
// never chosen unasked: a CPU without AVX2 is an error that says so.
// Throws IsaUnavailable.
Isa select_isa(std::string_view requested);

// Whether a path multiplies bf16 by instructions of its own: tdpbf16ps on `amx`, vdpbf16ps on
// `avx512_vnni` where it is faster than FP32 (AMD; Intel's has half the rate of FMA). Everywhere
// else bf16 operands are widened in registers and multiplied in FP32: less to read from memory, but
// no faster to compute, and the bits of `reference`. Thread-safe.
bool has_fast_bf16(Isa isa);

// What the CPU is, for people.
struct CpuDescription {
  std::string name;                 // "AMD EPYC 9R45", as CPUID gives it
  std::uint32_t l1_data_bytes = 0;  // of one core; 0 where unknown
  std::uint32_t l2_bytes = 0;
};
const CpuDescription& describe_cpu();

}  // namespace bertq::jit
