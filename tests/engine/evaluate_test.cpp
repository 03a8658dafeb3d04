#include "engine/task/evaluate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string_view>
#include <vector>

#include "engine/model/model_files.h"

namespace bertq::engine {
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

TEST_CASE("the embedded sample: one forward path for batches and single examples") {
  const ModelFiles files = open_embedded_model({});
  const std::string_view pairs = embedded_mrpc();
  const auto set = open_evaluation_set(
      *find_task("mrpc"), *loaders::open_memory(std::as_bytes(std::span(pairs)), "sample"), files,
      {});
  const auto examples = set->inputs();
  const auto model = Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8),
                                 jit::select_isa(""));
  Session session(model, 2);
  std::size_t told = 0;
  const auto count = [&](std::size_t done) { told += done; };
  const EvaluationRun result = run_inputs(session, *set, 0, count);
  CHECK(told == examples.size());
  CHECK(result.seconds > 0.0);
  REQUIRE(result.outputs.inputs() == examples.size());
  for (const std::size_t i : {std::size_t{0}, examples.size() / 2, examples.size() - 1}) {
    PackedBatch alone;
    alone.add(examples[i].ids, examples[i].segments);
    const auto logits = session.logits(alone);
    REQUIRE(result.outputs.of(i).size() == 2);
    CHECK(logits[0] == result.outputs.of(i)[0]);
    CHECK(logits[1] == result.outputs.of(i)[1]);
  }
  told = 0;
  CHECK(single_input_seconds(session, set->head(), examples, 20, count).size() == 20);
  CHECK(told == 20);
  CHECK(single_input_seconds(session, set->head(), examples.first(3), 20, count).size() == 3);
}

}  // namespace
}  // namespace bertq::engine
