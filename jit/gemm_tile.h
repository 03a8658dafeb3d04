// INT8 and BF16 products in AMX tiles: blocks of up to 2 x 2 tiles of C, each fed by one tile of A
// and one of B a step, so that a step loads four tiles for four products.
#pragma once

#include <array>
#include <cstdint>

#include "jit/code_memory.h"
#include "jit/gemm.h"

namespace bertq::jit {

// How many tiles of 16 rows and of 16 columns a block has: 1 or 2 each.
struct TileShape {
  int panels;
  int groups;
};

// Code for a block. All tiles are full; rows beyond GemmBlock::rows are computed and dropped.
CodeBlock generate_tile_gemm(const GemmSpec& spec, const TileShape& block, const std::string& name);

// The configuration that the code expects, as LDTILECFG reads it: eight tiles of 16 rows x 64
// bytes.
const std::array<std::uint8_t, 64>& tile_configuration();

}  // namespace bertq::jit
