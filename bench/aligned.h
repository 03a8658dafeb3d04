// Memory that starts at a cache line, as the engine's does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "jit/layout.h"

namespace bertq::jit {

template <typename Element>
class Aligned {
 public:
  explicit Aligned(std::size_t count) : storage_(count * sizeof(Element) + line), count_(count) {}
  Element* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    return reinterpret_cast<Element*>(round_up(address, line));
  }
  std::size_t bytes() const { return count_ * sizeof(Element); }
  template <typename Value>
  void fill(Value&& value) {
    for (std::size_t i = 0; i < count_; ++i) data()[i] = static_cast<Element>(value());
  }

 private:
  static constexpr std::size_t line = 64;
  std::vector<unsigned char> storage_;
  std::size_t count_;
};

}  // namespace bertq::jit
