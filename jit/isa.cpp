#include "jit/isa.h"

#include <sys/syscall.h>
#include <unistd.h>
#include <xbyak/xbyak_util.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>

#include "jit/isa_probe.h"
#include "jit/isa_testing.h"

namespace bertq::jit {
namespace {

using Cpu = Xbyak::util::Cpu;

struct Need {
  Cpu::Type feature;  // what CPUID says and, for vectors, what XCR0 says the OS saves
  const char* name;
};
const Need needs_avx2[] = {{Cpu::tAVX2, "AVX2"}, {Cpu::tFMA, "FMA"}};
const Need needs_avx_vnni[] = {
    {Cpu::tAVX2, "AVX2"}, {Cpu::tFMA, "FMA"}, {Cpu::tAVX_VNNI, "AVX-VNNI"}};
const Need needs_avx512[] = {{Cpu::tAVX512F, "AVX512F"},
                             {Cpu::tAVX512BW, "AVX512BW"},
                             {Cpu::tAVX512VL, "AVX512VL"},
                             {Cpu::tAVX512DQ, "AVX512DQ"}};
const Need needs_avx512_vnni[] = {{Cpu::tAVX512F, "AVX512F"},
                                  {Cpu::tAVX512BW, "AVX512BW"},
                                  {Cpu::tAVX512VL, "AVX512VL"},
                                  {Cpu::tAVX512DQ, "AVX512DQ"},
                                  {Cpu::tAVX512_VNNI, "AVX512-VNNI"}};
const Need needs_amx[] = {{Cpu::tAVX512F, "AVX512F"},   {Cpu::tAVX512BW, "AVX512BW"},
                          {Cpu::tAVX512VL, "AVX512VL"}, {Cpu::tAVX512DQ, "AVX512DQ"},
                          {Cpu::tAMX_TILE, "AMX-TILE"}, {Cpu::tAMX_INT8, "AMX-INT8"}};

struct IsaRow {
  Isa isa;
  std::string_view name;
  std::span<const Need> needs;
};
const std::array<IsaRow, 6> isa_rows = {{{Isa::reference, "reference", {}},
                                         {Isa::avx2, "avx2", needs_avx2},
                                         {Isa::avx_vnni, "avx_vnni", needs_avx_vnni},
                                         {Isa::avx512, "avx512", needs_avx512},
                                         {Isa::avx512_vnni, "avx512_vnni", needs_avx512_vnni},
                                         {Isa::amx, "amx", needs_amx}}};

// Which path is tried first when none is asked for. Where AVX-VNNI and AVX-512 without VNNI meet,
// the integer dot product is worth more than the width.
constexpr std::array<Isa, 5> best_first = {Isa::amx, Isa::avx512_vnni, Isa::avx_vnni, Isa::avx512,
                                           Isa::avx2};

constexpr std::array<Isa, 6> isas = {Isa::reference, Isa::avx2,        Isa::avx_vnni,
                                     Isa::avx512,    Isa::avx512_vnni, Isa::amx};

const IsaRow& row_of(Isa isa) {
  return isa_rows[static_cast<std::size_t>(isa)];
}

const Cpu& cpu() {
  static const Cpu instance;
  return instance;
}

// Linux saves the 8 KiB of tile data only for processes that asked (Documentation/arch/x86/xstate):
// without it the first tile load ends in SIGILL. 0, or the error number: EINVAL before Linux 5.16
// and in sandboxes, EOPNOTSUPP where the kernel has tiles switched off, ENOSPC where a thread's
// alternate signal stack could not hold them.
int error_of_amx_permission() {
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;               // XFEATURE_XTILEDATA
  static const int error = syscall(SYS_arch_prctl, request_permission, tile_data) == 0 ? 0 : errno;
  return error;
}

std::atomic<unsigned> assumed_available{0};
std::atomic<unsigned> assumed_faulting{0};
std::atomic<bool> fast_bf16_denied{false};

bool is_assumed(Isa isa) {
  return (assumed_available.load() >> static_cast<unsigned>(isa) & 1U) != 0;
}

// The signal that the path's instructions end in, or 0. They are tried once a process.
int fault_of(Isa isa) {
  if ((assumed_faulting.load() >> static_cast<unsigned>(isa) & 1U) != 0) return probe(isa, true);
  static std::array<std::once_flag, isas.size()> tried;
  static std::array<int, isas.size()> signals{};
  const auto index = static_cast<std::size_t>(isa);
  std::call_once(tried[index], [&] { signals[index] = probe(isa); });
  return signals[index];
}

std::string names_of_available() {
  std::string names;
  for (Isa isa : isas) {
    if (available(isa)) names += (names.empty() ? "" : ", ") + std::string(isa_name(isa));
  }
  return names;
}

}  // namespace

std::span<const Isa> all_isas() {
  return isas;
}

std::string_view isa_name(Isa isa) {
  return row_of(isa).name;
}

std::optional<Isa> parse_isa(std::string_view name) {
  for (const IsaRow& row : isa_rows) {
    if (row.name == name) return row.isa;
  }
  return std::nullopt;
}

std::string why_not_promised(Isa isa) {
  if (is_assumed(isa)) return {};
  for (const Need& need : row_of(isa).needs) {
    if (!cpu().has(need.feature)) return std::string("the CPU has no ") + need.name;
  }
  if (isa != Isa::amx) return {};
  const int error = error_of_amx_permission();
  if (error == 0) return {};
  return "the kernel refuses this process AMX tiles: " + std::generic_category().message(error);
}

std::string why_unavailable(Isa isa) {
  if (is_assumed(isa)) return {};
  if (std::string why = why_not_promised(isa); !why.empty()) return why;
  const int signal = fault_of(isa);
  if (signal == 0) return {};
  return std::string("its instructions end in SIG") + ::sigabbrev_np(signal) +
         ", although the CPU and the kernel promise them";
}

Isa select_isa(std::string_view requested) {
  if (!requested.empty()) {
    const std::optional<Isa> isa = parse_isa(requested);
    if (!isa) {
      throw IsaUnavailable("unknown instruction set '" + std::string(requested) +
                           "'; this machine can run: " + names_of_available());
    }
    if (const std::string why = why_unavailable(*isa); !why.empty()) {
      throw IsaUnavailable("instruction set " + std::string(requested) + " is not available: " +
                           why + "; this machine can run: " + names_of_available());
    }
    return *isa;
  }
  for (Isa isa : best_first) {
    if (available(isa)) return isa;
  }
  throw IsaUnavailable("bertq needs AVX2 and FMA, and " + why_unavailable(Isa::avx2) +
                       "; BERTQ_ISA=reference runs anywhere, slowly");
}

bool has_fast_bf16(Isa isa) {
  if (fast_bf16_denied.load()) return false;
  switch (isa) {
    case Isa::amx:
      // An emulated path has its tiles; the vectors beside them are the CPU's own.
      return cpu().has(Cpu::tAVX512_BF16) && (is_assumed(isa) || cpu().has(Cpu::tAMX_BF16));
    case Isa::avx512_vnni:
      return cpu().has(Cpu::tAVX512_BF16) && cpu().has(Cpu::tAMD);
    case Isa::reference:
    case Isa::avx2:
    case Isa::avx_vnni:
    case Isa::avx512:
      break;
  }
  return false;
}

const CpuDescription& describe_cpu() {
  static const CpuDescription description = [] {
    CpuDescription d;
    std::uint32_t words[12] = {};
    std::uint32_t leaf[4];
    Cpu::getCpuid(0x80000000U, leaf);
    if (leaf[0] >= 0x80000004U) {
      for (std::uint32_t i = 0; i < 3; ++i) {
        Cpu::getCpuid(0x80000002U + i, words + std::size_t{4} * i);
      }
      d.name.assign(reinterpret_cast<const char*>(words), sizeof words);
      d.name.erase(d.name.find('\0') == std::string::npos ? d.name.size() : d.name.find('\0'));
      d.name.erase(d.name.find_last_not_of(' ') + 1);
      d.name.erase(0, d.name.find_first_not_of(' '));
    }
    const auto cache_bytes = [](int name) {
      const long bytes = sysconf(name);
      return bytes > 0 ? static_cast<std::uint32_t>(bytes) : 0U;
    };
    d.l1_data_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE);
    d.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE);
    return d;
  }();
  return description;
}

void assume_available_for_tests(Isa isa, bool available) {
  const unsigned bit = 1U << static_cast<unsigned>(isa);
  available ? assumed_available.fetch_or(bit) : assumed_available.fetch_and(~bit);
}

void assume_faulting_for_tests(Isa isa, bool faulting) {
  const unsigned bit = 1U << static_cast<unsigned>(isa);
  faulting ? assumed_faulting.fetch_or(bit) : assumed_faulting.fetch_and(~bit);
}

void deny_fast_bf16_for_tests(bool deny) {
  fast_bf16_denied.store(deny);
}

}  // namespace bertq::jit
