#include "engine/tuning/numpy_random.h"

#include <doctest/doctest.h>

#include <vector>

namespace bertq::testing {
using namespace engine;
namespace {

// Of numpy 2.4: numpy.random.seed(9527), 20 times choice(4), 10 times choice(5), twice choice(1),
// then uniform(0, 4, size=3).
TEST_CASE("numpy's numbers for numpy's seeds") {
  NumpyRandom random(9527);
  for (const std::size_t expected :
       std::vector<std::size_t>{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 0, 3, 1, 2, 1, 0, 1}) {
    CHECK(random.choice(4) == expected);
  }
  for (const std::size_t expected : std::vector<std::size_t>{0, 4, 0, 0, 1, 2, 1, 0, 1, 0}) {
    CHECK(random.choice(5) == expected);
  }
  CHECK(random.choice(1) == 0);
  CHECK(random.choice(1) == 0);
  for (const double expected : {2.5769933039206645, 2.832363045845103, 0.5779624913300405}) {
    CHECK(random.uniform(0, 4) == expected);
  }
}

TEST_CASE("LPOT's default seed") {
  NumpyRandom random(1978);
  for (const std::size_t expected :
       std::vector<std::size_t>{0, 0, 1, 0, 2, 1, 2, 1, 0, 0, 2, 1, 1, 2, 1, 1, 2, 2, 2, 1}) {
    CHECK(random.choice(3) == expected);
  }
}

}  // namespace
}  // namespace bertq::testing
