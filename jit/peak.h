// The roof over every kernel's speed, measured: how much one core multiplies when nothing has to be
// fetched, and how much it fetches when nothing has to be multiplied. A share of such a peak says
// more than a time, and survives a change of machine (Williams, Waterman and Patterson 2009,
// "Roofline").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "jit/gemm.h"
#include "jit/isa.h"

namespace bertq::jit {

// What multiplies, by the instructions that the kernels are made of.
enum class Unit : std::uint8_t {
  fma_ymm,  // vfmadd231ps
  fma_zmm,
  madd_ymm,  // vpmaddwd and vpaddd: exact u8 x s8 without VNNI
  madd_zmm,
  dot_ymm,  // vpdpbusd
  dot_zmm,
  bf16_zmm,   // vdpbf16ps
  tile_u8s8,  // tdpbusd
  tile_bf16,  // tdpbf16ps
};

std::span<const Unit> all_units();
std::string_view unit_name(Unit unit);  // "vpdpbusd zmm"
bool available(Unit unit);
// The one that a path's products of `operands` live on. `reference` has none of its own: what the
// compiler made of it is held against FMA in ymm, which the machine must then have.
Unit unit_of(Isa isa, Operands operands);

// Operations a second, a multiplication and an addition counted apart, of the calling thread:
// independent chains in registers, for about `seconds`, of which the best slice of a millisecond
// counts, since one in which another program ran says nothing about the unit.
double measure_peak(Unit unit, double seconds = 0.03);

enum class Traffic : std::uint8_t { read, update };  // loads; or loads and stores to the same place
// Bytes a second, read and written ones counted apart, of the calling thread going again and again
// over `bytes` of memory (from 4 KiB on) in the widest vectors of `isa`, measured as above. Small
// sizes show the caches, large ones the memory.
double measure_bandwidth(Isa isa, Traffic traffic, std::size_t bytes, double seconds = 0.03);

}  // namespace bertq::jit
