// What the tests of the AMX emulator share: code with AMX instructions, made on the spot.
#pragma once

#include <xbyak/xbyak.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "support/random.h"

namespace bertq::testing {

struct AmxTileConfig {
  std::uint8_t palette = 1, start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{};
  std::array<std::uint8_t, 16> rows{};
};

inline AmxTileConfig full_tiles() {
  AmxTileConfig config;
  for (std::size_t t = 0; t < 8; ++t) {
    config.row_bytes[t] = 64;
    config.rows[t] = 16;
  }
  return config;
}

// Code that is written, then made executable, then run.
class AmxCode : public Xbyak::CodeGenerator {
 public:
  explicit AmxCode(const std::function<void(AmxCode&)>& emit)
      : CodeGenerator(4096, Xbyak::DontSetProtectRWE) {
    emit(*this);
    setProtectModeRE();
  }
  void run() { getCode<void (*)()>()(); }
  void pointer(const Xbyak::Reg64& to, const void* value) {
    mov(to, reinterpret_cast<std::uint64_t>(value));
  }
};

inline constexpr std::size_t tile_bytes = 1024;
using TileBytes = std::array<std::uint8_t, tile_bytes>;

inline TileBytes random_tile(Random& random) {
  TileBytes tile;
  for (auto& byte : tile) byte = static_cast<std::uint8_t>(random.next());
  return tile;
}

}  // namespace bertq::testing
