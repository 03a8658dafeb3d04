#include "engine/model/packed_batch.h"

#include <doctest/doctest.h>

#include <vector>

#include "bertq/error.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Ints = std::vector<std::int32_t>;

Ints list(std::span<const std::int32_t> values) {
  return {values.begin(), values.end()};
}

TEST_CASE("tokens of all sequences lie one after another") {
  PackedBatch batch;
  CHECK(batch.sequences() == 0);
  CHECK(batch.longest() == 0);
  batch.add(Ints{5, 6, 7}, {});
  batch.add(Ints{8}, Ints{1});
  batch.add(Ints{}, {});
  batch.add(Ints{9, 10}, Ints{0, 1});
  CHECK(batch.sequences() == 4);
  CHECK(batch.tokens() == 6);
  CHECK(batch.longest() == 3);
  CHECK(list(batch.ids()) == Ints{5, 6, 7, 8, 9, 10});
  CHECK(list(batch.segments()) == Ints{0, 0, 0, 1, 0, 1});
  CHECK(list(batch.positions()) == Ints{0, 1, 2, 0, 0, 1});
  CHECK(batch.begin(3) == 4);
  CHECK(batch.length(2) == 0);
  batch.clear();
  CHECK(batch.sequences() == 0);
  CHECK(batch.tokens() == 0);
}

TEST_CASE("segments for some of the tokens are a usage error") {
  PackedBatch batch;
  CHECK_THROWS_WITH_AS(batch.add(Ints{5, 6}, Ints{0}), "a sequence of 2 tokens with 1 segments",
                       Error);
  CHECK(batch.sequences() == 0);
}

}  // namespace
}  // namespace bertq::testing
