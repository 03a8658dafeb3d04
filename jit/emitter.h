// The assembler that all generators share: vectors of either width under one name, constants, and
// the few instructions whose spelling depends on the width.
//
// A "group" is 16 f32 lanes: one register of 512 bits or two of 256.
#pragma once

// xbyak's own headers are not clean under our warnings; they are included as system headers.
#include <xbyak/xbyak.h>

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "jit/code_memory.h"
#include "jit/isa.h"
#include "jit/layout.h"

namespace bertq::jit {

// Whether a path's vectors have 512 bits.
constexpr bool has_zmm(Isa isa) {
  return isa == Isa::avx512 || isa == Isa::avx512_vnni || isa == Isa::amx;
}

// The bits of an f32.
inline constexpr std::uint32_t sign_bits = 0x80000000U;
inline constexpr std::uint32_t magnitude_bits = 0x7fffffffU;

class Emitter : public Xbyak::CodeGenerator {
 public:
  using Vec = Xbyak::Xmm;  // a Ymm or a Zmm: xbyak keeps the kind in the base class
  using Reg = Xbyak::Reg64;
  using Address = Xbyak::Address;

  explicit Emitter(Isa isa);

  Isa isa() const { return isa_; }
  int width() const { return has_zmm(isa_) ? 16 : 8; }              // f32 lanes of a register
  int halves() const { return static_cast<int>(lanes) / width(); }  // registers of a group
  int vector_bytes() const { return width() * 4; }
  int registers() const { return has_zmm(isa_) ? 32 : 16; }
  Vec vec(int index) const;

  // The only argument of every kernel, a pointer to its arguments. No kernel uses registers that
  // the System V ABI makes it save, except those it pushes itself.
  const Reg args = rdi;

  void prologue();  // a frame pointer, so that profilers can unwind
  void epilogue();

  // The memory at base + offset bytes.
  Address at(const Xbyak::RegExp& base, int offset) const {
    return ptr[base + static_cast<std::size_t>(offset)];
  }

  // A constant in every lane, readable as a vector operand.
  Address constant(float value) { return constant_bits(std::bit_cast<std::uint32_t>(value)); }
  Address constant_bits(std::uint32_t bits);
  // Loads constants into registers, one each from `first` on, where with_constant finds them from
  // here to the end of the code: for code that has registers to spare and few loads.
  void keep_constants(std::span<const std::uint32_t> all_bits, int first);
  // Emits use(operand), the operand being the constant in a register or in memory.
  template <typename Use>
  void with_constant_bits(std::uint32_t bits, Use use) {
    const auto kept = kept_constants_.find(bits);
    if (kept != kept_constants_.end()) {
      use(kept->second);
    } else {
      use(constant_bits(bits));
    }
  }
  template <typename Use>
  void with_constant(float value, Use use) {
    with_constant_bits(std::bit_cast<std::uint32_t>(value), use);
  }
  // 16 constants, one a lane; for ymm code `half` picks which 8.
  Address table(const std::vector<std::uint32_t>& lanes_bits, int half = 0);

  void zero(const Vec& x) { vxorps(x, x, x); }
  void load(const Vec& x, const Xbyak::Operand& source) { vmovups(x, source); }
  void round_to_nearest(const Vec& x, const Vec& y);
  // Stores the low byte of each of the 16 int32 lanes (each 0..255) of a group as 16 bytes.
  // Overwrites the group.
  void store_low_bytes(const Address& to, std::span<const Vec> group, const Vec& temporary);
  // sum = c[n-1]; sum = sum * x + c[i] for i = n-2 .. 0.
  template <std::size_t N>
  void horner(const Vec& sum, const Vec& x, const std::array<float, N>& terms) {
    with_constant(terms[N - 1], [&](const Xbyak::Operand& term) { load(sum, term); });
    for (std::size_t i = N - 1; i-- > 0;) {
      with_constant(terms[i], [&](const Xbyak::Operand& term) { vfmadd213ps(sum, x, term); });
    }
  }

  // Appends the constants and hands over the code. The emitter is spent after that.
  CodeBlock finish(std::string name);

 private:
  static constexpr std::size_t capacity = std::size_t{128} << 10;

  Isa isa_;
  std::map<std::vector<std::uint32_t>, Xbyak::Label> constants_;
  std::map<std::uint32_t, Vec> kept_constants_;
};

}  // namespace bertq::jit
