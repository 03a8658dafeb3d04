#include "engine/task/metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

namespace bertq::engine {
namespace {

using Classes = std::vector<std::size_t>;

struct Case {
  std::string what;
  Classes predicted, truth;
  double accuracy, f1;
};

TEST_CASE("accuracy and F1 by hand") {
  const Case cases[] = {
      {"all right", {1, 0, 1}, {1, 0, 1}, 1.0, 1.0},
      {"all wrong", {0, 1}, {1, 0}, 0.0, 0.0},
      {"two true, one false positive, one missed",
       {1, 1, 1, 0, 0},
       {1, 1, 0, 1, 0},
       0.6,
       2.0 / 3.0},
      {"no positive anywhere: F1 is not defined", {0, 0}, {0, 0}, 1.0, 0.0},
      {"all ones on MRPC's proportions", {1, 1, 1}, {1, 1, 0}, 2.0 / 3.0, 0.8},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(score(Metric::accuracy, c.predicted, c.truth) == doctest::Approx(c.accuracy));
    CHECK(score(Metric::f1, c.predicted, c.truth) == doctest::Approx(c.f1));
    CHECK(score(Metric::accuracy_and_f1, c.predicted, c.truth) ==
          doctest::Approx((c.accuracy + c.f1) / 2.0));
  }
}

// The published score of answering "1" throughout msr_paraphrase_test.txt: 1147 of 1725.
TEST_CASE("all ones on the original test set") {
  Classes truth(1725, 0);
  std::fill_n(truth.begin(), 1147, std::size_t{1});
  const Classes ones(1725, 1);
  CHECK(score(Metric::f1, ones, truth) == doctest::Approx(0.7988).epsilon(1e-4));
  CHECK(score(Metric::accuracy, ones, truth) == doctest::Approx(0.6649).epsilon(1e-4));
}

TEST_CASE("metrics have the field's names") {
  CHECK(metric_name(Metric::accuracy) == "acc");
  CHECK(metric_name(Metric::f1) == "f1");
  CHECK(metric_name(Metric::accuracy_and_f1) == "acc_and_f1");
  for (const char* name : {"acc", "f1", "acc_and_f1", "mcc", "pearson", "spearmanr", "corr"}) {
    CAPTURE(std::string(name));
    REQUIRE(find_metric(name));
    CHECK(metric_name(*find_metric(name)) == name);
  }
  CHECK_FALSE(find_metric("accuracy"));
}

TEST_CASE("cross-entropy is -log softmax, and neither overflows nor loses what is far away") {
  CHECK(cross_entropy(std::vector<float>{0.0F, 0.0F}, 1) == doctest::Approx(std::log(2.0)));
  CHECK(cross_entropy(std::vector<float>{2.0F, 0.0F}, 0) ==
        doctest::Approx(std::log1p(std::exp(-2.0))).epsilon(1e-12));
  const std::vector<float> far = {3e4F, -3e4F};
  CHECK(cross_entropy(far, 0) == 0.0);
  CHECK(cross_entropy(far, 1) == doctest::Approx(6e4));
}

TEST_CASE("equal values have the mean of their ranks") {
  CHECK(average_ranks(std::vector<double>{3.0, 1.0, 3.0, 2.0, 3.0}) ==
        std::vector<double>{4.0, 1.0, 4.0, 2.0, 4.0});
}

TEST_CASE("what is all the same correlates with nothing") {
  const std::vector<double> flat = {0.1, 0.1, 0.1}, rising = {1.0, 2.0, 3.0};
  for (const Metric metric : {Metric::pearson, Metric::spearman, Metric::correlation}) {
    CHECK(score(metric, flat, rising) == 0.0);
    CHECK(score(metric, rising, flat) == 0.0);
    CHECK(score(metric, rising, rising) == 1.0);
  }
  CHECK(score(Metric::mcc, Classes{1, 1}, Classes{0, 1}) == 0.0);
}

TEST_CASE("argmax takes the first of equals") {
  CHECK(argmax(std::vector<float>{1.0F, 3.0F, 3.0F}) == 1);
  CHECK(argmax(std::vector<float>{-2.0F}) == 0);
}

}  // namespace
}  // namespace bertq::engine
