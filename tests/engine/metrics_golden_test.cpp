// The metrics against what scikit-learn and SciPy say (scripts/compare_metrics_with_official.py):
// random vectors and degenerate ones.

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "engine/task/metrics.h"

namespace bertq::engine {
namespace {

template <typename Value>
std::vector<Value> numbers(const std::string& text) {
  std::istringstream stream(text);
  std::vector<Value> values;
  for (std::string word; stream >> word;) {
    values.push_back(static_cast<Value>(std::strtod(word.c_str(), nullptr)));
  }
  return values;
}

TEST_CASE("metrics equal scikit-learn's and SciPy's") {
  std::ifstream file(BERTQ_TEST_DATA "/golden/metrics.txt");
  REQUIRE(file);
  std::size_t cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    std::istringstream fields(line);
    std::string name, official, predicted, truth;
    std::getline(fields, name, '\t');
    std::getline(fields, official, '\t');
    std::getline(fields, predicted, '\t');
    std::getline(fields, truth, '\t');
    CAPTURE(line.substr(0, 120));
    const auto metric = find_metric(name);
    REQUIRE(metric);
    const double expected = std::strtod(official.c_str(), nullptr);
    if (is_of_values(*metric)) {
      const double value = score(*metric, numbers<double>(predicted), numbers<double>(truth));
      // SciPy rounds each of its sums, and its values move in their last digits with the order.
      CHECK(std::abs(value - expected) <= 4.0 * std::numeric_limits<double>::epsilon());
    } else {
      CHECK(score(*metric, numbers<std::size_t>(predicted), numbers<std::size_t>(truth)) ==
            expected);
    }
  }
  CHECK(cases > 100);
}

}  // namespace
}  // namespace bertq::engine
