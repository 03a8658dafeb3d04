// XXH3-128 of bytes that come piece by piece.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "loaders/byte_source.h"

namespace bertq::loaders {

class Xxh3 {
 public:
  using Digest = std::array<std::byte, 16>;  // canonical: most significant byte first

  Xxh3();
  ~Xxh3();
  void update(std::span<const std::byte> bytes);
  Digest digest() const;  // of all bytes so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Takes in bytes [begin, end) of a source, a bounded piece at a time. Throws what it throws.
void update(Xxh3& hash, const ByteSource& source, std::uint64_t begin, std::uint64_t end);

// Two lower-case digits a byte.
std::string hex(std::span<const std::byte> bytes);

}  // namespace bertq::loaders
