// Range algorithms against PyTorch's observers and NumPy (scripts/make_calibration_golden.py), and
// on distributions whose answer is known.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/calibration/input_range.h"
#include "engine/calibration/kl_threshold.h"
#include "engine/calibration/range_search.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Json = nlohmann::json;

// The generator of make_calibration_golden.py.
class Bell {
 public:
  explicit Bell(std::uint32_t seed) : state_(seed) {}
  double next() {
    std::int64_t sum = 0;
    for (int i = 0; i < 4; ++i) {
      state_ = state_ * 1'664'525U + 1'013'904'223U;
      sum += state_ >> 16U;
    }
    return static_cast<double>(sum - 131'070) / 65'536.0;
  }

 private:
  std::uint32_t state_;
};

using Shape = double (*)(double z, std::size_t index);
const std::map<std::string, Shape> shapes{
    {"bell", [](double z, std::size_t) { return z; }},
    {"heavy_tails", [](double z, std::size_t) { return z * z * z; }},
    {"one_sided", [](double z, std::size_t) { return std::max(z, -0.125 * z); }},
    {"shifted", [](double z, std::size_t) { return z + 3.0; }},
    {"outliers", [](double z, std::size_t i) { return i % 4096 == 7 ? 16.0 * z : z; }},
};

InputSummary summary_of(const std::vector<std::vector<float>>& batches) {
  InputSummary summary;
  for (const std::vector<float>& batch : batches) {
    const Extremes extremes = Extremes::of(batch);
    summary.extremes.add(extremes);
    summary.batches.push_back(extremes);
    summary.histogram.add(batch, extremes);
  }
  return summary;
}

std::vector<std::vector<float>> batches_of(const Json& golden) {
  Bell bell(golden["seed"].get<std::uint32_t>());
  const Shape shape = shapes.at(golden["name"].get<std::string>());
  std::vector<std::vector<float>> batches(golden["batches"].get<std::size_t>());
  std::size_t index = 0;
  for (auto& batch : batches) {
    for (std::size_t i = 0; i < golden["batch"].get<std::size_t>(); ++i) {
      batch.push_back(static_cast<float>(shape(bell.next(), index++)));
    }
  }
  return batches;
}

Json golden_cases() {
  std::ifstream file(BERTQ_TEST_DATA "/golden/calibration_ranges.json");
  return Json::parse(file).at("cases");
}

ByteRange found(RangeAlgorithm algorithm, Scheme scheme, const InputSummary& summary) {
  return byte_range(find_range(algorithm, scheme, summary), scheme);
}

double squared_error(const std::vector<std::vector<float>>& batches, const ByteRange& range) {
  double sum = 0.0;
  for (const auto& batch : batches) {
    const std::vector<float> ones(batch.size(), 1.0F);
    sum += quantization_error(batch, ones, range).mean_square;
  }
  return sum / static_cast<double>(batches.size());
}

constexpr std::array schemes{Scheme::asymmetric, Scheme::symmetric};

TEST_CASE("ranges of whole inputs are those of PyTorch's observers") {
  for (const Json& golden : golden_cases()) {
    const InputSummary summary = summary_of(batches_of(golden));
    for (const Scheme scheme : schemes) {
      const Json& expected = golden[std::string(scheme_name(scheme))];
      for (const RangeAlgorithm algorithm :
           {RangeAlgorithm::minmax, RangeAlgorithm::moving_average}) {
        const Json& want = expected[std::string(algorithm_name(algorithm))];
        const ByteRange got = found(algorithm, scheme, summary);
        CAPTURE(golden["name"]);
        CAPTURE(algorithm_name(algorithm));
        CHECK(got.scale == doctest::Approx(want["scale"].get<double>()).epsilon(1e-6));
        CHECK(got.zero_point == want["zero_point"].get<int>());
      }
    }
  }
}

// PyTorch merges histograms of batches approximately, and so does ours, in finer bins: ends may lie
// some bins apart, where the error hardly changes.
TEST_CASE("HistogramObserver's search ends where PyTorch's does") {
  for (const Json& golden : golden_cases()) {
    const auto batches = batches_of(golden);
    const InputSummary summary = summary_of(batches);
    for (const Scheme scheme : schemes) {
      const Json& want = golden[std::string(scheme_name(scheme))]["histogram"];
      const ByteRange got = found(RangeAlgorithm::histogram, scheme, summary);
      const ByteRange torch{want["scale"].get<float>(), want["zero_point"].get<int>()};
      CAPTURE(golden["name"]);
      CHECK(got.scale == doctest::Approx(static_cast<double>(torch.scale)).epsilon(0.02));
      CHECK(std::abs(got.zero_point - torch.zero_point) <= 2);
      CHECK(squared_error(batches, got) <= 1.03 * squared_error(batches, torch));
    }
  }
}

TEST_CASE("KL finds the threshold that a plain reading of LPOT's algorithm finds") {
  for (const Json& golden : golden_cases()) {
    const InputSummary summary = summary_of(batches_of(golden));
    const double largest = summary.extremes.magnitude();
    const double got = kl_threshold(summary.histogram.magnitudes(largest, kl_bins),
                                    summary.extremes.least < 0.0F, largest);
    CAPTURE(golden["name"]);
    CHECK(got == doctest::Approx(golden["kl_threshold"].get<double>()).epsilon(0.02));
  }
}

TEST_CASE("percentiles are those of all magnitudes") {
  for (const Json& golden : golden_cases()) {
    const InputSummary summary = summary_of(batches_of(golden));
    for (const auto& [percentile, want] : golden["percentiles"].items()) {
      const Extremes range =
          find_range(RangeAlgorithm::percentile, Scheme::symmetric, summary, std::stod(percentile));
      CAPTURE(golden["name"]);
      CAPTURE(percentile);
      // A histogram knows a value to within a bin, and between the few values of a tail NumPy draws
      // a line where it has steps.
      const float expected = want.get<float>();
      CHECK(std::fabs(range.magnitude() - expected) <=
            0.03F * expected + summary.extremes.magnitude() / 2000.0F);
    }
  }
}

TEST_CASE("the least squared error is as small as a fine grid finds it") {
  for (const Json& golden : golden_cases()) {
    const auto batches = batches_of(golden);
    const InputSummary summary = summary_of(batches);
    for (const Scheme scheme : schemes) {
      const ByteRange got = found(RangeAlgorithm::mse, scheme, summary);
      CAPTURE(golden["name"]);
      CHECK(squared_error(batches, got) <=
            1.03 * golden[std::string(scheme_name(scheme))]["least_squared_error"].get<double>());
    }
  }
}

TEST_CASE("zero is always in a range, and a range is never beyond what was seen") {
  for (const double middle : {-3.0, 0.0, 3.0}) {
    std::vector<float> values;
    Bell bell(5);
    for (int i = 0; i < 5000; ++i) values.push_back(static_cast<float>(bell.next() + middle));
    const InputSummary summary = summary_of({values});
    for (int i = 0; i <= static_cast<int>(RangeAlgorithm::mse); ++i) {
      for (const Scheme scheme : schemes) {
        const Extremes range = find_range(static_cast<RangeAlgorithm>(i), scheme, summary);
        CAPTURE(i);
        CHECK(range.least <= 0.0F);
        CHECK(range.greatest >= 0.0F);
        CHECK(range.least >= std::min(summary.extremes.least, 0.0F));
        CHECK(range.greatest <= std::max(summary.extremes.greatest, 0.0F));
        CHECK(range.magnitude() > 0.0F);
      }
    }
  }
}

TEST_CASE("inputs that hardly vary have a range all the same") {
  constexpr float least = std::numeric_limits<float>::epsilon();
  const InputSummary nothing;
  const InputSummary zeros = summary_of({std::vector<float>(100, 0.0F)});
  const InputSummary constant = summary_of({std::vector<float>(100, 2.55F)});
  const InputSummary single = summary_of({{-1.0F}});
  for (int i = 0; i <= static_cast<int>(RangeAlgorithm::mse); ++i) {
    const auto algorithm = static_cast<RangeAlgorithm>(i);
    CAPTURE(algorithm_name(algorithm));
    for (const Scheme scheme : schemes) {
      CHECK(found(algorithm, scheme, nothing).scale == least);
      CHECK(found(algorithm, scheme, zeros).scale == least);
    }
    const ByteRange range = found(algorithm, Scheme::asymmetric, constant);
    CHECK(range.scale == doctest::Approx(0.01).epsilon(0.01));
    CHECK(range.zero_point == 0);
    CHECK(found(algorithm, Scheme::asymmetric, single).zero_point == 255);
  }
}

TEST_CASE("one far value costs minmax its resolution, and least squares next to nothing") {
  std::vector<float> values;
  Bell bell(9);
  for (int i = 0; i < 100'000; ++i) values.push_back(static_cast<float>(bell.next()));
  values[77] = 20.0F;
  const InputSummary summary = summary_of({values});
  CHECK(find_range(RangeAlgorithm::minmax, Scheme::asymmetric, summary).greatest == 20.0F);
  for (const RangeAlgorithm algorithm : {RangeAlgorithm::percentile, RangeAlgorithm::mse}) {
    CAPTURE(algorithm_name(algorithm));
    const Extremes range = find_range(algorithm, Scheme::asymmetric, summary);
    CHECK(range.greatest < 20.0F);
  }
}

TEST_CASE("moving averages follow the batches in their order") {
  InputSummary summary;
  summary.extremes = {-4.0F, 8.0F};
  summary.batches = {{-1.0F, 2.0F}, {-4.0F, 2.0F}, {-1.0F, 8.0F}};
  const Extremes range = find_range(RangeAlgorithm::moving_average, Scheme::asymmetric, summary);
  // PyTorch's own words: average + 0.01 * (batch - average).
  const float least = -1.0F + 0.01F * -3.0F;
  CHECK(range.least == least + 0.01F * (-1.0F - least));
  CHECK(range.greatest == 2.0F + 0.01F * 6.0F);
}

TEST_CASE("bytes of a range") {
  CHECK(byte_range({-1.0F, 1.55F}, Scheme::asymmetric) == ByteRange{2.55F / 255.0F, 100});
  CHECK(byte_range({-1.0F, 1.275F}, Scheme::symmetric) == ByteRange{1.275F / 127.5F, 128});
  CHECK(byte_range({-2.0F, 0.0F}, Scheme::asymmetric).zero_point == 255);
}

}  // namespace
}  // namespace bertq::testing
