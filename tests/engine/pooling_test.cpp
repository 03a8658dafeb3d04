#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model.h"

namespace bertq::testing {
using namespace engine;
namespace {

// Two sequences, of 1 and 3 tokens, hidden 2 in rows of 4 floats.
struct Pooled {
  PackedBatch batch;
  std::vector<float> states = {3, 4, -1, -1,  //
                               1, 0, -1, -1, 2, 0, -1, -1, 6, 0, -1, -1};
  std::vector<float> out = std::vector<float>(4);

  explicit Pooled(const PoolingChoice& choice) {
    const std::vector<std::int32_t> ids = {1, 2, 3};
    batch.add({ids.data(), 1}, {});
    batch.add(ids, {});
    pool(batch, states, 4, 2, choice, out);
  }
};

TEST_CASE("mean and [CLS], as they are and normalised") {
  CHECK(Pooled({Pooling::mean, false}).out == std::vector<float>{3, 4, 3, 0});
  CHECK(Pooled({Pooling::cls, false}).out == std::vector<float>{3, 4, 1, 0});
  CHECK(Pooled({Pooling::mean, true}).out == std::vector<float>{0.6F, 0.8F, 1, 0});
  CHECK(Pooled({Pooling::cls, true}).out == std::vector<float>{0.6F, 0.8F, 1, 0});
}

TEST_CASE("a vector of zeros stays one") {
  Pooled pooled({Pooling::mean, true});
  pooled.states.assign(16, 0.0F);
  pool(pooled.batch, pooled.states, 4, 2, {}, pooled.out);
  CHECK(pooled.out == std::vector<float>(4, 0.0F));
}

TEST_CASE("buffers smaller than the batch are refused") {
  Pooled pooled({Pooling::mean, true});
  CHECK_THROWS_AS(pool(pooled.batch, pooled.states, 4, 2, {}, {pooled.out.data(), 3}), Error);
  CHECK_THROWS_AS(pool(pooled.batch, {pooled.states.data(), 15}, 4, 2, {}, pooled.out), Error);
}

}  // namespace
}  // namespace bertq::testing
