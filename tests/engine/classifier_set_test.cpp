#include "engine/task/classifier_set.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model_files.h"
#include "engine/task/comparison.h"
#include "loaders/byte_source.h"
#include "support/temporary_folder.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

using Names = std::vector<std::string>;

const fs::path tasks = fs::path(BERTQ_TEST_DATA) / "tasks";

// The sample with another head: so many logits, by these names.
ModelFiles model_with(std::size_t logits, const Names& labels = {}) {
  ModelFiles files = open_embedded_model({});
  files.labels = logits;
  files.config.labels = labels;
  files.config.regression = logits == 1;
  return files;
}

// Rows of equal length.
ModelOutputs rows(std::size_t logits, const std::vector<float>& values) {
  ModelOutputs outputs{values, {}};
  for (std::size_t at = 0; at <= values.size(); at += logits) outputs.bounds.push_back(at);
  return outputs;
}

double value_of(const std::vector<Score>& scores, std::string_view name) {
  for (const Score& score : scores) {
    if (score.name == name) return score.value;
  }
  FAIL("no such metric");
  return 0.0;
}

Names names_of(const std::vector<Score>& scores) {
  Names names;
  for (const Score& score : scores) names.emplace_back(score.name);
  return names;
}

std::unique_ptr<EvaluationSet> open(const char* task, const char* path, const ModelFiles& files,
                                    Split split = Split::dev) {
  TaskOptions options;
  options.split = split;
  return open_evaluation_set(*find_task(task), tasks / path, files, options);
}

TEST_CASE("classes are scored by their names, whatever the order of the logits") {
  const auto in_order = open("mrpc", "MRPC", model_with(2));
  const auto swapped = open("mrpc", "MRPC", model_with(2, {"equivalent", "not_equivalent"}));
  const ModelOutputs outputs = rows(2, {0.0F, 2.0F, 0.0F, 1.0F});  // 1 1, of 1 0
  const auto scores = in_order->score(outputs);
  CHECK(names_of(scores) == Names{"acc", "f1", "acc_and_f1", "eval_loss"});
  CHECK(value_of(scores, "acc") == 0.5);
  CHECK(value_of(scores, "f1") == doctest::Approx(2.0 / 3.0));
  const double loss = (std::log1p(std::exp(-2.0)) + std::log1p(std::exp(1.0))) / 2.0;
  CHECK(value_of(scores, "eval_loss") == doctest::Approx(loss));
  CHECK(in_order->answers(outputs) == Names{"1", "1"});
  CHECK(swapped->answers(outputs) == Names{"0", "0"});
  CHECK(value_of(swapped->score(outputs), "f1") == 0.0);
  CHECK(in_order->goal() == "f1");
  CHECK(in_order->expected_answer(1) == "0");
  CHECK(in_order->example_text(1) == "Rain fell in Spain.\tTrade fell in Spain.");
}

TEST_CASE("MNLI: both sets at once, each with its metrics; of one file, the plain ones") {
  const ModelFiles files = model_with(3, {"ENTAILMENT", "NEUTRAL", "CONTRADICTION"});
  const auto both = open("mnli", "MNLI", files);
  REQUIRE(both->examples() == 5);
  CHECK(both->goal() == "acc");
  // Neutral, entailment, entailment; contradiction, neutral.
  const ModelOutputs outputs = rows(3, {0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0});
  const auto scores = both->score(outputs);
  CHECK(names_of(scores) == Names{"acc", "eval_loss", "acc_mm", "eval_loss_mm"});
  CHECK(value_of(scores, "acc") == doctest::Approx(2.0 / 3.0));
  CHECK(value_of(scores, "acc_mm") == 0.5);
  CHECK(both->answers(outputs) ==
        Names{"neutral", "entailment", "entailment", "contradiction", "neutral"});
  CHECK(both->example_text(3) == "Your gift is welcome\tGifts are refused");
  // The goal is about the matched set alone.
  const std::vector<std::size_t> choice = {0, 0, 2, 3, 4};
  CHECK(both->goal_score(outputs)(choice) == doctest::Approx(2.0 / 3.0));
  const auto one = open("mnli", "MNLI/dev_mismatched.tsv", files);
  CHECK(names_of(one->score(rows(3, {0, 0, 1, 0, 1, 0}))) == Names{"acc", "eval_loss"});
}

TEST_CASE("STS-B: values, their correlations and the mean square of their errors") {
  const auto set = open("sts-b", "STS-B", model_with(1, {"LABEL_0"}));
  CHECK(set->regression());
  const ModelOutputs outputs = rows(1, {4.5F, 1.0F, 3.0F});  // of 5, 0.25, 3.8
  const auto scores = set->score(outputs);
  CHECK(names_of(scores) == Names{"pearson", "spearmanr", "corr", "eval_loss"});
  CHECK(value_of(scores, "spearmanr") == 1.0);
  CHECK(value_of(scores, "pearson") > 0.98);
  CHECK(value_of(scores, "pearson") < 1.0);
  CHECK(value_of(scores, "eval_loss") == doctest::Approx((0.25 + 0.75 * 0.75 + 0.8 * 0.8) / 3.0));
  CHECK(set->answers(outputs) == Names{"4.5", "1", "3"});
  CHECK(set->expected_answer(2) == "3.8");
  CHECK_FALSE(agreement(*set, outputs, outputs).labels_equal.has_value());
  CHECK_THROWS_AS(open("sts-b", "STS-B", model_with(2)), Error);
}

TEST_CASE("single texts have one segment, pairs have two") {
  const auto single = open("sst-2", "SST-2", model_with(2)),
             pair = open("rte", "RTE", model_with(2));
  CHECK(single->inputs()[0].segments.back() == 0);
  CHECK(pair->inputs()[0].segments.back() == 1);
}

TEST_CASE("a test set: indices of classes or values, and a second folder for MNLI's second set") {
  const testing::TemporaryFolder folder;
  const auto both = open("mnli", "MNLI", model_with(3), Split::test);
  CHECK_FALSE(both->labelled());
  CHECK(both->expected_answer(0) == "");
  both->write_files(rows(3, {0, 0, 1, 1, 0, 0, 0, 1, 0}), folder.path());
  const auto text = [](const fs::path& path) {
    return loaders::read_text(*loaders::open_file(path), 1000);
  };
  CHECK(text(folder.path() / "output.txt") == "2\n");
  const fs::path second = second_folder(folder.path());
  CHECK(text(second / "output.txt") == "0\n1\n");
  fs::remove_all(second);
  open("sts-b", "STS-B", model_with(1), Split::test)->write_files(rows(1, {2.75F}), folder.path());
  CHECK(text(folder.path() / "output.txt") == "2.75\n");
  CHECK(second_folder("here/MNLI/") == fs::current_path() / "here/MNLI-MM");
  CHECK(second_folder(".") == fs::current_path().string() + "-MM");
}

TEST_CASE("over all examples, the goal's score is the metric itself") {
  const auto set = open("qqp", "QQP", model_with(2));
  CHECK(set->remark() == "1 row without all columns left out");
  const ModelOutputs outputs = rows(2, {0, 1, 0, 1});
  const auto score = set->goal_score(outputs);
  const std::vector<std::size_t> all = {0, 1}, first = {0, 0}, second = {1};
  CHECK(score(all) == value_of(set->score(outputs), "f1"));
  CHECK(score(first) == 1.0);
  CHECK(score(second) == 0.0);
}

TEST_CASE("a loss has an interval, which is the same each time and holds the loss") {
  CustomOptions columns;
  std::string file = "text\tlabel\n";
  std::vector<float> before, after;
  for (int i = 0; i < 400; ++i) {
    file += "a\t" + std::to_string(i % 2) + "\n";
    const bool right = i % 10 != 0, still_right = right && i % 25 != 3;
    for (auto& [values, good] : {std::pair{&before, right}, std::pair{&after, still_right}}) {
      const bool says_one = (i % 2 == 1) == good;
      values->push_back(says_one ? 0.0F : 1.0F);
      values->push_back(says_one ? 1.0F : 0.0F);
    }
  }
  const auto set = open_evaluation_set(
      *find_task("custom"), *loaders::open_memory(std::as_bytes(std::span(file)), "here"),
      model_with(2), {});
  const ModelOutputs fp32 = rows(2, before), int8 = rows(2, after);
  const double loss =
      relative_loss(value_of(set->score(fp32), "acc"), value_of(set->score(int8), "acc"));
  CHECK(loss == doctest::Approx(16.0 / 360.0));
  const Interval interval = loss_interval(*set, fp32, int8);
  CHECK(interval.low > 0.0);
  CHECK(interval.low < loss);
  CHECK(interval.high > loss);
  // A normal approximation: 16 of 360 are lost, give or take two square roots.
  CHECK(interval.high - interval.low == doctest::Approx(4.0 * 4.0 / 360.0).epsilon(0.2));
  CHECK(loss_interval(*set, fp32, int8).low == interval.low);
  CHECK(loss_interval(*set, fp32, fp32).high == 0.0);
  const Agreement agreed = agreement(*set, fp32, int8);
  CHECK(*agreed.labels_equal == 1.0 - 16.0 / 400.0);
  CHECK(agreed.logit_error == doctest::Approx(std::sqrt(16.0 / 400.0) / 0.5));
  CHECK(agreement(*set, fp32, fp32).logit_error == 0.0);
}

TEST_CASE("a relative loss is a share of the size of what there was") {
  CHECK(relative_loss(0.8, 0.6) == doctest::Approx(0.25));
  CHECK(relative_loss(0.5, 0.55) == doctest::Approx(-0.1));
  CHECK(relative_loss(-0.2, -0.3) == doctest::Approx(0.5));
  CHECK(relative_loss(0.0, -1.0) == 0.0);
}

}  // namespace
}  // namespace bertq::engine
