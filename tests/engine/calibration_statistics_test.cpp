// What calibration keeps of a stream of rows: the same in any order.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "engine/calibration/input_statistics.h"
#include "engine/calibration/row_sample.h"
#include "engine/calibration/value_histogram.h"
#include "memory_checkpoint.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

std::vector<float> random_values(std::size_t count, std::uint32_t seed, float spread = 1.0F) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& x : values) {
    x = spread * (static_cast<float>(generator() % 20'001) / 10'000.0F - 1.0F);
  }
  return values;
}

void add(ValueHistogram& histogram, std::span<const float> values) {
  histogram.add(values, Extremes::of(values));
}

TEST_CASE("a histogram does not depend on the order in which its range grew") {
  const auto small = random_values(1000, 1, 1e-3F), large = random_values(1000, 2, 700.0F);
  const std::vector<float> odd{0.0F, -0.0F, 1e-30F, -1e-30F, 1024.0F, -1024.0F, 0.5F};
  ValueHistogram up, down, together;
  for (const auto& part : {small, large, odd}) add(up, part);
  for (const auto& part : {odd, large, small}) add(down, part);
  std::vector<float> all = small;
  all.insert(all.end(), odd.begin(), odd.end());
  all.insert(all.end(), large.begin(), large.end());
  add(together, all);
  CHECK(up == down);
  CHECK(up == together);
  CHECK(up.count() == 2007);
}

TEST_CASE("no value is lost when bins are spread over others") {
  ValueHistogram histogram;
  add(histogram, random_values(5000, 3, 3.0F));
  for (const std::size_t bins : {7U, 2048U, 100'000U}) {
    const auto between = histogram.between(-3.0, 3.0, bins);
    CHECK(std::accumulate(between.begin(), between.end(), 0.0) == doctest::Approx(5000.0));
    const auto magnitudes = histogram.magnitudes(3.0, bins);
    CHECK(std::accumulate(magnitudes.begin(), magnitudes.end(), 0.0) == doctest::Approx(5000.0));
  }
  // Evenly spread values stay so.
  const auto halves = histogram.between(-3.0, 3.0, 2);
  CHECK(halves[0] == doctest::Approx(2500.0).epsilon(0.05));
}

TEST_CASE("a sample is the same for any order of rows, and repeated rows are as likely as others") {
  constexpr std::size_t columns = 3, count = 2000, kept = 100;
  std::vector<std::vector<float>> rows;
  for (std::size_t i = 0; i < count; ++i) {
    // Every other row is the same.
    rows.push_back(i % 2 == 0 ? std::vector<float>{1, 2, 3}
                              : random_values(columns, static_cast<std::uint32_t>(i)));
  }
  const auto sampled = [&] {
    RowSample sample(columns, kept);
    for (std::size_t i = 0; i < count; ++i) {
      if (i == count / 2) sample.next_batch();
      sample.add(rows[i], RowSample::hash(rows[i]));
    }
    sample.finish();
    return std::vector<float>(sample.values().begin(), sample.values().end());
  };
  const std::vector<float> first = sampled();
  REQUIRE(first.size() == kept * columns);
  std::mt19937 generator(4);
  for (int i = 0; i < 3; ++i) {
    std::shuffle(rows.begin(), rows.begin() + count / 2, generator);
    std::shuffle(rows.begin() + count / 2, rows.end(), generator);
    CHECK(sampled() == first);
  }
  std::size_t repeated = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    if (first[3 * i] == 1.0F && first[3 * i + 1] == 2.0F) ++repeated;
  }
  CHECK(repeated > kept / 4);
  CHECK(repeated < kept * 3 / 4);
}

TEST_CASE("fewer rows than there is room for are all kept") {
  RowSample sample(2, 10);
  const std::vector<float> row{1, 2};
  sample.add(row, RowSample::hash(row));
  sample.finish();
  CHECK(sample.rows() == 1);
  CHECK(std::equal(row.begin(), row.end(), sample.row(0).begin()));
}

TEST_CASE("statistics are the same for any number of threads") {
  const ModelConfig config = small_config(32, 4, 48, 2);
  const MemoryCheckpoint checkpoint(config, 11);
  const auto model =
      Model::load(checkpoint, config, Recipe::uniform(Precision::fp32), jit::select_isa(""));
  std::vector<PackedBatch> batches;
  for (std::size_t i = 0; i < 6; ++i) {
    batches.push_back(
        batch_of(std::vector{random_text(config, 5 + 9 * i, i), random_text(config, 30, 50 + i)}));
  }
  const auto one = CalibrationStatistics::collect(model, batches, 1);
  for (const std::size_t threads : {2U, 5U}) {
    const auto many = CalibrationStatistics::collect(model, batches, threads);
    REQUIRE(many->impl().inputs.size() == one->impl().inputs.size());
    CHECK(many->impl().modules == one->impl().modules);
    for (const auto& [name, input] : one->impl().inputs) {
      const InputStatistics& other = many->impl().inputs.at(name);
      CAPTURE(name);
      CHECK(other.summary.extremes == input.summary.extremes);
      CHECK(other.summary.batches == input.summary.batches);
      CHECK(other.summary.histogram == input.summary.histogram);
      CHECK(other.channels == input.channels);
      CHECK(std::equal(other.rows.values().begin(), other.rows.values().end(),
                       input.rows.values().begin(), input.rows.values().end()));
    }
  }
  // Query, key and value share one; the rest of each layer, the pooler and both heads.
  CHECK(one->impl().inputs.size() == 2 * 4 + 3);
  CHECK(one->impl().modules.size() == 2 * 6 + 3);
  const InputStatistics& shared = one->impl().inputs.at("bert.encoder.layer.0.attention.self");
  CHECK(shared.summary.batches.size() == batches.size());
}

}  // namespace
}  // namespace bertq::testing
