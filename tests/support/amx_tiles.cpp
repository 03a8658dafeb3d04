#include "support/amx_tiles.h"

#include <immintrin.h>

#include <array>
#include <cmath>

namespace bertq::testing {
namespace {

constexpr std::size_t tile_count = 8;
constexpr std::size_t max_rows = 16;
constexpr std::size_t max_row_bytes = 64;

// The operand of LDTILECFG and STTILECFG (Intel SDM, "Intel AMX", TILECFG).
struct TileConfig {
  std::uint8_t palette = 0;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, tile_count> row_bytes{};
  std::array<std::uint16_t, 8> reserved_row_bytes{};
  std::array<std::uint8_t, tile_count> rows{};
  std::array<std::uint8_t, 8> reserved_rows{};
};
static_assert(sizeof(TileConfig) == 64);

using Tile = std::array<std::array<std::uint8_t, max_row_bytes>, max_rows>;

// Palette 0, as a thread starts, means that no tile is configured.
struct TileState {
  TileConfig config;
  std::array<Tile, tile_count> tiles;
};
// Plain data in the executable's own thread storage: a signal handler may touch it.
thread_local TileState state;

template <typename Array>
bool all_zero(const Array& values) {
  for (auto value : values) {
    if (value != 0) return false;
  }
  return true;
}

Refusal check_config(const TileConfig& config) {
  if (config.palette > 1) return "LDTILECFG: unknown palette";
  if (config.palette == 0) return nullptr;
  if (!all_zero(config.reserved) || !all_zero(config.reserved_row_bytes) ||
      !all_zero(config.reserved_rows))
    return "LDTILECFG: a reserved byte is not zero";
  for (std::size_t t = 0; t < tile_count; ++t) {
    if (config.row_bytes[t] > max_row_bytes) return "LDTILECFG: a tile is wider than 64 bytes";
    if (config.rows[t] > max_rows) return "LDTILECFG: a tile has more than 16 rows";
    if ((config.row_bytes[t] == 0) != (config.rows[t] == 0))
      return "LDTILECFG: a tile has rows but no columns, or the reverse";
  }
  return nullptr;
}

Refusal load_config(const AmxInstruction& instruction) {
  const auto config = load<TileConfig>(reinterpret_cast<const void*>(instruction.address));
  if (Refusal refusal = check_config(config)) return refusal;
  state = TileState{};
  if (config.palette != 0) state.config = config;
  return nullptr;
}

Refusal store_config(const AmxInstruction& instruction) {
  std::memcpy(reinterpret_cast<void*>(instruction.address), &state.config, sizeof(TileConfig));
  return nullptr;
}

Refusal check_tile(std::size_t tile) {
  if (state.config.palette == 0) return "no tile is configured in this thread";
  if (state.config.rows[tile] == 0) return "the tile is not configured";
  if (state.config.row_bytes[tile] % 4 != 0) return "the tile's row is not a multiple of 4 bytes";
  // The CPU takes a start row up where an interrupted load stopped. No kernel has a use for one.
  if (state.config.start_row != 0) return "start_row is not 0";
  return nullptr;
}

Refusal zero_tile(const AmxInstruction& instruction) {
  if (Refusal refusal = check_tile(instruction.reg)) return refusal;
  state.tiles[instruction.reg] = Tile{};
  return nullptr;
}

Refusal load_tile(const AmxInstruction& instruction) {
  if (Refusal refusal = check_tile(instruction.reg)) return refusal;
  Tile& tile = state.tiles[instruction.reg];
  tile = Tile{};
  for (std::size_t row = 0; row < state.config.rows[instruction.reg]; ++row) {
    const auto* from = reinterpret_cast<const void*>(instruction.address + row * instruction.index);
    std::memcpy(tile[row].data(), from, state.config.row_bytes[instruction.reg]);
  }
  return nullptr;
}

Refusal store_tile(const AmxInstruction& instruction) {
  if (Refusal refusal = check_tile(instruction.reg)) return refusal;
  const Tile& tile = state.tiles[instruction.reg];
  for (std::size_t row = 0; row < state.config.rows[instruction.reg]; ++row) {
    auto* to = reinterpret_cast<void*>(instruction.address + row * instruction.index);
    std::memcpy(to, tile[row].data(), state.config.row_bytes[instruction.reg]);
  }
  return nullptr;
}

// The tiles of a product: C[rows][columns] += A[rows][depth] * B[depth][columns], each element of A
// and B a group of four bytes.
struct Product {
  Tile& c;
  const Tile& a;
  const Tile& b;
  std::size_t rows, columns, depth;
};

Refusal check_product(const AmxInstruction& instruction) {
  const std::size_t c = instruction.reg;
  const std::size_t a = instruction.rm;
  const std::size_t b = instruction.vvvv;
  if (b >= tile_count) return "VEX.vvvv names no tile";
  if (c == a || a == b || c == b) return "the tiles of the product are not distinct";
  for (std::size_t tile : {c, a, b}) {
    if (Refusal refusal = check_tile(tile)) return refusal;
  }
  const TileConfig& config = state.config;
  if (config.rows[c] != config.rows[a]) return "the product's C and A differ in rows";
  if (config.row_bytes[c] != config.row_bytes[b]) return "the product's C and B differ in columns";
  if (config.row_bytes[a] / 4 != config.rows[b]) return "the product's A and B differ in depth";
  return nullptr;
}

Product product_of(const AmxInstruction& instruction) {
  return {state.tiles[instruction.reg],
          state.tiles[instruction.rm],
          state.tiles[instruction.vvvv],
          state.config.rows[instruction.reg],
          state.config.row_bytes[instruction.reg] / 4U,
          state.config.row_bytes[instruction.rm] / 4U};
}

Refusal multiply_u8_s8(const AmxInstruction& instruction) {
  if (Refusal refusal = check_product(instruction)) return refusal;
  const Product p = product_of(instruction);
  for (std::size_t m = 0; m < p.rows; ++m) {
    auto sums = load<std::array<std::uint32_t, max_row_bytes / 4>>(p.c[m].data());
    for (std::size_t k = 0; k < p.depth; ++k) {
      for (std::size_t n = 0; n < p.columns; ++n) {
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < 4; ++i) {
          sum += static_cast<std::int32_t>(p.a[m][4 * k + i]) *
                 static_cast<std::int8_t>(p.b[k][4 * n + i]);
        }
        sums[n] += static_cast<std::uint32_t>(sum);  // wraps, as the CPU does
      }
    }
    std::memcpy(p.c[m].data(), sums.data(), p.columns * 4);
  }
  return nullptr;
}

float from_bf16(const std::uint8_t* at) {
  const auto bits = static_cast<std::uint32_t>(load<std::uint16_t>(at)) << 16U;
  return load<float>(&bits);
}

// Even and odd elements are summed apart, rounded to nearest with denormals as zero, whatever MXCSR
// says.
Refusal multiply_bf16(const AmxInstruction& instruction) {
  if (Refusal refusal = check_product(instruction)) return refusal;
  constexpr unsigned nearest_denormals_zero_masked = 0x9FC0;
  _mm_setcsr(nearest_denormals_zero_masked);  // of the handler; the thread gets its own back
  const Product p = product_of(instruction);
  for (std::size_t m = 0; m < p.rows; ++m) {
    for (std::size_t n = 0; n < p.columns; ++n) {
      float even = 0.0F;
      float odd = 0.0F;
      for (std::size_t k = 0; k < p.depth; ++k) {
        const std::uint8_t* a = &p.a[m][4 * k];
        const std::uint8_t* b = &p.b[k][4 * n];
        even = std::fma(from_bf16(a), from_bf16(b), even);
        odd = std::fma(from_bf16(a + 2), from_bf16(b + 2), odd);
      }
      const float sum = load<float>(&p.c[m][4 * n]) + (even + odd);
      std::memcpy(&p.c[m][4 * n], &sum, sizeof sum);
    }
  }
  return nullptr;
}

Refusal release_tiles(const AmxInstruction&) {
  state = TileState{};
  return nullptr;
}

// What ModRM must be for an instruction.
enum class Form { config_memory, release, one_tile, tile_memory, product };

bool has_form(const AmxInstruction& i, Form form) {
  const bool unused_vvvv = i.vvvv == 0;
  switch (form) {
    case Form::config_memory:
      return i.in_memory() && i.reg == 0 && unused_vvvv;
    case Form::release:
      return !i.in_memory() && i.reg == 0 && i.rm == 0 && unused_vvvv;
    case Form::one_tile:
      return !i.in_memory() && i.rm == 0 && unused_vvvv;
    case Form::tile_memory:
      return i.in_memory() && i.has_sib && unused_vvvv;
    case Form::product:
      return !i.in_memory();
  }
  return false;
}

struct Operation {
  std::uint8_t opcode;
  VexPrefix prefix;
  Form form;
  Refusal (*execute)(const AmxInstruction&);
};
constexpr std::array<Operation, 9> operations = {{
    {0x49, none, Form::config_memory, load_config},
    {0x49, none, Form::release, release_tiles},
    {0x49, p66, Form::config_memory, store_config},
    {0x49, pF2, Form::one_tile, zero_tile},
    {0x4B, pF2, Form::tile_memory, load_tile},
    {0x4B, p66, Form::tile_memory, load_tile},  // T1: the same with a hint for the cache
    {0x4B, pF3, Form::tile_memory, store_tile},
    {0x5E, p66, Form::product, multiply_u8_s8},
    {0x5C, pF3, Form::product, multiply_bf16},
}};

}  // namespace

Refusal execute_amx(const AmxInstruction& instruction) {
  for (const Operation& operation : operations) {
    if (operation.opcode == instruction.opcode && operation.prefix == instruction.prefix &&
        has_form(instruction, operation.form)) {
      if (instruction.high_register) return "an operand names no tile";
      return operation.execute(instruction);
    }
  }
  return "no AMX instruction that is emulated";
}

}  // namespace bertq::testing
