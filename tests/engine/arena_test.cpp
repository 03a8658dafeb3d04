#include "engine/runtime/arena.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "bertq/error.h"

namespace bertq::testing {
using namespace engine;
namespace {

TEST_CASE("aligned, zeroed, disjoint, counted, and never more than the machine has") {
  Arena arena;
  std::size_t bytes = 0;
  std::vector<std::span<std::uint8_t>> spans;
  for (const std::size_t size : {1U, 63U, 64U, 65U, 1000000U, 40000000U, 7U}) {
    const std::span<std::uint8_t> span = arena.allocate<std::uint8_t>(size);
    CHECK(reinterpret_cast<std::uintptr_t>(span.data()) % 64 == 0);
    CHECK(std::all_of(span.begin(), span.end(), [](std::uint8_t x) { return x == 0; }));
    std::fill(span.begin(), span.end(), std::uint8_t{0xff});
    spans.push_back(span);
    bytes += size;
  }
  CHECK(arena.bytes() == bytes);
  Arena other = std::move(arena);
  CHECK(arena.bytes() == 0);
  CHECK(spans.front()[0] == 0xff);
  for (const std::size_t count : {std::size_t{1} << 46, std::size_t{1} << 60, ~std::size_t{0}}) {
    CHECK_THROWS_AS(other.allocate<float>(count), Error);
  }
  CHECK(other.allocate<float>(16).size() == 16);
}

}  // namespace
}  // namespace bertq::testing
