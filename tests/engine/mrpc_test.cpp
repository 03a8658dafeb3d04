// The main job on a real checkpoint: INT8 against FP32 on MRPC's dev set. Neither is part of the
// repository.

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bertq/model_files.h"
#include "engine/task/evaluate.h"

namespace bertq {
namespace {

namespace fs = std::filesystem;

struct Scored {
  std::vector<float> logits;
  double f1 = 0.0;
};

Scored evaluate(const ModelFiles& files, const ExampleSet& set,
                std::span<const tokenizer::Encoding> examples, Precision precision) {
  const auto model =
      Model::load(files.checkpoint, files.config, Recipe::uniform(precision), jit::select_isa(""));
  Session session(model, 2);
  auto logits =
      forward_all(session, make_batches(examples), examples.size(), [](std::size_t) {}).logits;
  const Task& mrpc = *find_task("mrpc");
  const auto order = match_labels(mrpc, files.config, model->labels(), files.name);
  const double f1 = score_logits(mrpc, set, logits, order)[1].value;
  return {std::move(logits), f1};
}

double standard_deviation(std::span<const float> values) {
  double sum = 0.0, squares = 0.0;
  for (const float value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += std::pow(static_cast<double>(value) - mean, 2);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

double rms_difference(std::span<const float> a, std::span<const float> b) {
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    squares += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  }
  return std::sqrt(squares / static_cast<double>(a.size()));
}

TEST_CASE("INT8 keeps MRPC's F1 on a MiniLM") {
  const fs::path shared = fs::path(BERTQ_TEST_SHARED);
  const fs::path checkpoint = shared / "models" / "minilm-mrpc", data = shared / "data" / "mrpc";
  if (!fs::exists(checkpoint) || !fs::exists(data)) {
    std::printf("SKIPPED: no checkpoint or data in %s\n", shared.c_str());
    return;
  }
  if (!jit::available(jit::Isa::avx2)) {
    std::printf("SKIPPED: %s; plain C++ would take too long\n",
                jit::why_unavailable(jit::Isa::avx2).c_str());
    return;
  }
  const ModelFiles files = open_model(checkpoint, {});
  const ExampleSet set = read_glue(*find_task("mrpc"), data);
  REQUIRE(set.examples.size() == 409);
  const auto examples = encode_examples(*files.tokenizer, set, 128);
  const Scored fp32 = evaluate(files, set, examples, Precision::fp32);
  const Scored int8 = evaluate(files, set, examples, Precision::int8);

  std::size_t same = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const auto row = [&](const Scored& scored) {
      return std::span(scored.logits).subspan(2 * i, 2);
    };
    same += argmax(row(fp32)) == argmax(row(int8)) ? 1U : 0U;
  }
  const double error = rms_difference(fp32.logits, int8.logits);
  const double deviation = standard_deviation(fp32.logits);
  MESSAGE("F1 ", fp32.f1, " in FP32, ", int8.f1, " in INT8; ", same, " of ", examples.size(),
          " labels equal; RMS error ", 100.0 * error / deviation, " % of the standard deviation");
  CHECK(fp32.f1 > 0.83);  // 0.8472, as PyTorch has it
  CHECK(int8.f1 >= 0.99 * fp32.f1);
  CHECK(static_cast<double>(same) >= 0.985 * static_cast<double>(examples.size()));
  CHECK(error <= 0.08 * deviation);
}

}  // namespace
}  // namespace bertq
