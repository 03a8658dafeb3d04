// INT8 and BF16 products in AMX tiles: blocks of up to 2 x 2 tiles of C, each fed by one tile of A
// and one of B a step, so that a step loads four tiles for four products.
//
// The unit that multiplies tiles and those that do all else work side by side, but the CPU's window
// is too short to find the epilogue behind a block's last product. So the code mixes the two
// itself: rows of the block before are finished between the products of the present one.
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

// Code that multiplies a block and meanwhile finishes the one before (GemmBlock::previous), which
// has as many groups. All tiles are full; rows beyond GemmBlock::rows are computed and dropped.
CodeBlock generate_tile_gemm(const GemmSpec& spec, const TileShape& block, const std::string& name);

// Code that only finishes the block before, of so many groups.
CodeBlock generate_tile_finish(const GemmSpec& spec, int groups, const std::string& name);

// The configuration that the code expects, as LDTILECFG reads it: eight tiles of 16 rows x 64
// bytes.
const std::array<std::uint8_t, 64>& tile_configuration();

}  // namespace bertq::jit
