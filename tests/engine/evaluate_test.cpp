#include "engine/task/evaluate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "bertq/model_files.h"

namespace bertq {
namespace {

std::vector<tokenizer::Encoding> of_lengths(const std::vector<std::size_t>& lengths) {
  std::vector<tokenizer::Encoding> encodings;
  for (const std::size_t length : lengths) {
    tokenizer::Encoding encoding;
    encoding.ids.assign(length, 1);
    encodings.push_back(encoding);
  }
  return encodings;
}

TEST_CASE("batches hold every example once, longest first, within the budget") {
  const std::vector<std::size_t> lengths = {5, 90, 33, 33, 7, 128, 1, 64, 300, 2};
  const auto examples = of_lengths(lengths);
  for (const std::size_t budget : {1UL, 100UL, 128UL, 200UL, 10'000UL}) {
    CAPTURE(budget);
    std::vector<std::size_t> seen;
    for (const auto& batch : plan_batches(examples, budget)) {
      REQUIRE_FALSE(batch.empty());
      std::size_t tokens = 0;
      for (const std::size_t example : batch) tokens += lengths[example];
      CHECK((tokens <= budget || batch.size() == 1));
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    CHECK(std::is_sorted(seen.begin(), seen.end(),
                         [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; }));
    std::sort(seen.begin(), seen.end());
    std::vector<std::size_t> all(lengths.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    CHECK(seen == all);
  }
  CHECK(plan_batches(of_lengths({}), 100).empty());
}

TEST_CASE("scores are those of the classes, whatever the order of the logits") {
  const Task& mrpc = *find_task("mrpc");
  ExampleSet set;
  set.examples = {{"", "", 1}, {"", "", 0}, {"", "", 1}};
  const std::vector<float> logits = {0.0F, 2.0F, 0.0F, 1.0F, 3.0F, 0.0F};  // predicts 1 1 0
  const std::vector<std::size_t> in_order = {0, 1}, swapped = {1, 0};
  const auto scores = score_logits(mrpc, set, logits, in_order);
  REQUIRE(scores.size() == 4);
  CHECK(scores[0].name == "acc");
  CHECK(scores[0].value == doctest::Approx(1.0 / 3.0));
  CHECK(scores[1].value == doctest::Approx(0.5));
  CHECK(scores[3].name == "eval_loss");
  // Swapped logits turn every answer around: 0 0 1.
  CHECK(score_logits(mrpc, set, logits, swapped)[0].value == doctest::Approx(2.0 / 3.0));
}

TEST_CASE("the embedded sample: one forward path for batches and single examples") {
  const ModelFiles files = open_embedded_model({});
  const std::string_view pairs = embedded_mrpc();
  const ExampleSet set = read_glue(
      *find_task("mrpc"), *loaders::open_memory(std::as_bytes(std::span(pairs)), "sample"));
  const auto examples = encode_examples(*files.tokenizer, set, 128);
  const auto model = Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8),
                                 jit::select_isa(""));
  Session session(model, 2);
  std::size_t told = 0;
  const auto count = [&](std::size_t done) { told += done; };
  const auto result = forward_all(session, make_batches(examples), examples.size(), count);
  CHECK(told == examples.size());
  CHECK(result.seconds > 0.0);
  REQUIRE(result.logits.size() == 2 * examples.size());
  for (const std::size_t i : {std::size_t{0}, examples.size() / 2, examples.size() - 1}) {
    PackedBatch alone;
    alone.add(examples[i].ids, examples[i].segments);
    const auto logits = session.logits(alone);
    CHECK(logits[0] == result.logits[2 * i]);
    CHECK(logits[1] == result.logits[2 * i + 1]);
  }
  told = 0;
  CHECK(single_example_seconds(session, examples, 20, count).size() == 20);
  CHECK(told == 20);
  const std::span<const tokenizer::Encoding> few(examples.data(), 3);
  CHECK(single_example_seconds(session, few, 20, count).size() == 3);
}

}  // namespace
}  // namespace bertq
