#include "jit/peak.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "jit/emitter.h"
#include "jit/kernels.h"

namespace bertq::jit {
namespace {

struct UnitRow {
  Unit unit;
  std::string_view name;
  Isa isa;  // whose registers it uses, and which must be available
  Operands operands;
  std::uint64_t operations;  // of one instruction (of a pair, for madd)
};
constexpr std::array<UnitRow, 9> unit_rows = {{
    {Unit::fma_ymm, "vfmadd231ps ymm", Isa::avx2, Operands::f32, 16},
    {Unit::fma_zmm, "vfmadd231ps zmm", Isa::avx512, Operands::f32, 32},
    {Unit::madd_ymm, "vpmaddwd ymm", Isa::avx2, Operands::u8s8, 32},
    {Unit::madd_zmm, "vpmaddwd zmm", Isa::avx512, Operands::u8s8, 64},
    {Unit::dot_ymm, "vpdpbusd ymm", Isa::avx_vnni, Operands::u8s8, 64},
    {Unit::dot_zmm, "vpdpbusd zmm", Isa::avx512_vnni, Operands::u8s8, 128},
    {Unit::bf16_zmm, "vdpbf16ps zmm", Isa::avx512_vnni, Operands::bf16, 64},
    {Unit::tile_u8s8, "tdpbusd", Isa::amx, Operands::u8s8, std::uint64_t{2} * 16 * 16 * 64},
    {Unit::tile_bf16, "tdpbf16ps", Isa::amx, Operands::bf16, std::uint64_t{2} * 16 * 16 * 32},
}};
constexpr std::array<Unit, 9> units = {Unit::fma_ymm,  Unit::fma_zmm,   Unit::madd_ymm,
                                       Unit::madd_zmm, Unit::dot_ymm,   Unit::dot_zmm,
                                       Unit::bf16_zmm, Unit::tile_u8s8, Unit::tile_bf16};

const UnitRow& row_of(Unit unit) {
  return unit_rows[static_cast<std::size_t>(unit)];
}

// Any numbers but zeros, on which units save power: ones of each type.
std::uint32_t some_operand(Operands operands) {
  switch (operands) {
    case Operands::f32:
      return 0x3f800000U;
    case Operands::u8s8:
      return 0x01010101U;
    case Operands::bf16:
      return 0x3f803f80U;
  }
  throw std::logic_error("operands without a number");
}

// void probe(std::uint64_t rounds)
class PeakProbe {
 public:
  explicit PeakProbe(const UnitRow& row) : e_(row.isa), row_(row) {}

  CodeBlock generate() {
    const bool tiles = row_.unit == Unit::tile_u8s8 || row_.unit == Unit::tile_bf16;
    e_.prologue();
    tiles ? fill_tiles() : fill_vectors();
    Xbyak::Label loop;
    e_.align(64);
    e_.L(loop);
    for (int i = 0; i < chains(); ++i) tiles ? step_tile(i) : step_vector(i);
    e_.sub(e_.args, 1);
    e_.jnz(loop);
    e_.epilogue();
    return e_.finish("peak." + std::string(row_.name));
  }

  // As many as there are registers to hide the latency with, beside the operands'.
  int chains() const {
    if (row_.isa == Isa::amx) return 4;
    return e_.registers() == 32 ? 24 : uses_pairs() ? 6 : 12;
  }

 private:
  bool uses_pairs() const { return row_.unit == Unit::madd_ymm || row_.unit == Unit::madd_zmm; }

  void fill_vectors() {
    for (int i = 0; i < e_.registers(); ++i) e_.zero(e_.vec(i));
    for (int i : {a_, b_}) {
      e_.load(e_.vec(last(i)), e_.constant_bits(some_operand(row_.operands)));
    }
  }
  void step_vector(int i) {
    using Xbyak::VexEncoding;
    const auto sum = e_.vec(i);
    const auto a = e_.vec(last(a_)), b = e_.vec(last(b_));
    switch (row_.unit) {
      case Unit::dot_ymm:
        return e_.vpdpbusd(sum, a, b, VexEncoding);
      case Unit::dot_zmm:
        return e_.vpdpbusd(sum, a, b);
      case Unit::bf16_zmm:
        return e_.vdpbf16ps(sum, a, b);
      case Unit::madd_ymm:
      case Unit::madd_zmm: {
        const auto product = e_.vec(chains() + i % spare_products());
        e_.vpmaddwd(product, a, b);
        return e_.vpaddd(sum, sum, product);
      }
      default:
        return e_.vfmadd231ps(sum, a, b);
    }
  }

  void fill_tiles() {
    e_.lea(e_.rax, e_.constant_bits(some_operand(row_.operands)));
    e_.xor_(e_.ecx, e_.ecx);  // one line of 64 bytes for all rows
    for (int i = 0; i < 4; ++i) e_.tilezero(Xbyak::Tmm(i));
    for (int i = 4; i < 8; ++i) e_.tileloadd(Xbyak::Tmm(i), e_.ptr[e_.rax + e_.rcx]);
  }
  // Two by two, as the kernels do it.
  void step_tile(int i) {
    const Xbyak::Tmm sum(i), a(4 + i / 2), b(6 + i % 2);
    row_.unit == Unit::tile_u8s8 ? e_.tdpbusd(sum, a, b) : e_.tdpbf16ps(sum, a, b);
  }

  int spare_products() const { return e_.registers() - chains() - 2; }
  int last(int i) const { return e_.registers() - 1 - i; }

  static constexpr int a_ = 0, b_ = 1;
  Emitter e_;
  UnitRow row_;
};

// void probe(std::uint64_t rounds, unsigned char* begin, unsigned char* end)
CodeBlock generate_traffic(Isa isa, Traffic traffic) {
  constexpr int vectors = 8;
  Emitter e(isa);
  Xbyak::Label round, step;
  e.prologue();
  e.L(round);
  e.mov(e.rax, e.rsi);
  e.align(64);
  e.L(step);
  for (int i = 0; i < vectors; ++i) e.load(e.vec(i), e.at(e.rax, i * e.vector_bytes()));
  if (traffic == Traffic::update) {
    for (int i = 0; i < vectors; ++i) e.vmovups(e.at(e.rax, i * e.vector_bytes()), e.vec(i));
  }
  e.add(e.rax, static_cast<std::uint32_t>(vectors * e.vector_bytes()));
  e.cmp(e.rax, e.rdx);
  e.jb(step);
  e.sub(e.args, 1);
  e.jnz(round);
  e.epilogue();
  return e.finish(traffic == Traffic::read ? "peak.read" : "peak.update");
}

// The most that `run(rounds)` does a second, at `work` a round, over slices of about a millisecond.
template <typename Run>
double best_rate(double work, double seconds, Run run) {
  using Clock = std::chrono::steady_clock;
  constexpr double slice = 1e-3;
  const auto timed = [&](std::uint64_t rounds) {
    const auto start = Clock::now();
    run(rounds);
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::uint64_t rounds = 1;
  while (timed(rounds) < slice) rounds *= 2;  // warms up as well
  double best = 0.0, spent = 0.0;
  do {
    const double time = timed(rounds);
    best = std::max(best, work * static_cast<double>(rounds) / time);
    spent += time;
  } while (spent < seconds);
  return best;
}

struct Unmap {
  std::size_t size;
  void operator()(unsigned char* pages) const { munmap(pages, size); }
};

}  // namespace

std::span<const Unit> all_units() {
  return units;
}

std::string_view unit_name(Unit unit) {
  return row_of(unit).name;
}

bool available(Unit unit) {
  const UnitRow& row = row_of(unit);
  return available(row.isa) && (row.operands != Operands::bf16 || has_fast_bf16(row.isa));
}

Unit unit_of(Isa isa, Operands operands) {
  if (isa == Isa::reference) return Unit::fma_ymm;
  if (operands == Operands::bf16 && has_fast_bf16(isa)) {
    return isa == Isa::amx ? Unit::tile_bf16 : Unit::bf16_zmm;
  }
  if (operands != Operands::u8s8) return has_zmm(isa) ? Unit::fma_zmm : Unit::fma_ymm;
  switch (isa) {
    case Isa::amx:
      return Unit::tile_u8s8;
    case Isa::avx512_vnni:
      return Unit::dot_zmm;
    case Isa::avx_vnni:
      return Unit::dot_ymm;
    default:
      return has_zmm(isa) ? Unit::madd_zmm : Unit::madd_ymm;
  }
}

double measure_peak(Unit unit, double seconds) {
  const UnitRow& row = row_of(unit);
  if (!available(unit)) throw IsaUnavailable("this machine has no " + std::string(row.name));
  PeakProbe probe(row);
  const double work = static_cast<double>(row.operations) * static_cast<double>(probe.chains());
  const std::array blocks = {probe.generate()};
  const CodeMemory code(blocks);
  const auto function = code.function<void (*)(std::uint64_t)>(0);
  const ThreadScope scope(row.isa);
  return best_rate(work, seconds, function);
}

double measure_bandwidth(Isa isa, Traffic traffic, std::size_t bytes, double seconds) {
  constexpr std::size_t least = 4096, huge_page = std::size_t{2} << 20;
  const Isa path = isa == Isa::reference ? Isa::avx2 : isa;
  if (const std::string why = why_unavailable(path); !why.empty()) throw IsaUnavailable(why);
  const std::size_t size = round_up(std::max(bytes, least), least);
  // In huge pages, like the engine's weights: it is the memory that is measured, not page tables.
  const std::size_t mapped = round_up(size, huge_page) + huge_page;
  void* pages = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  madvise(pages, mapped, MADV_HUGEPAGE);
  const std::unique_ptr<unsigned char, Unmap> memory(static_cast<unsigned char*>(pages),
                                                     Unmap{mapped});
  const auto address = reinterpret_cast<std::uintptr_t>(pages);
  unsigned char* const begin = memory.get() + (round_up(address, huge_page) - address);
  std::fill_n(begin, size, static_cast<unsigned char>(1));
  const std::array blocks = {generate_traffic(path, traffic)};
  const CodeMemory code(blocks);
  const auto function = code.function<void (*)(std::uint64_t, unsigned char*, unsigned char*)>(0);
  const ThreadScope scope(path);
  const double work = static_cast<double>(size) * (traffic == Traffic::update ? 2.0 : 1.0);
  return best_rate(work, seconds,
                   [&](std::uint64_t rounds) { function(rounds, begin, begin + size); });
}

}  // namespace bertq::jit
