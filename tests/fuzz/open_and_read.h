// What every fuzz target does with a checkpoint: open it, and read all of each tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "loaders/checkpoint.h"

namespace bertq::fuzz {

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// Bad input is refused with FormatError; any other exception is a find, as is what the sanitizers
// and libFuzzer's limits of time and memory see.
void open_and_read(const std::function<loaders::Checkpoint()>& open);

}  // namespace bertq::fuzz
