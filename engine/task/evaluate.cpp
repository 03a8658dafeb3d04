#include "engine/task/evaluate.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace bertq {
namespace {

constexpr std::size_t warm_ups = 5;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::vector<tokenizer::Encoding> encode_examples(const tokenizer::Tokenizer& tokenizer,
                                                 const ExampleSet& set, std::size_t max_tokens) {
  std::vector<tokenizer::Encoding> encodings;
  encodings.reserve(set.examples.size());
  for (const Example& example : set.examples) {
    encodings.push_back(tokenizer.encode(example.text, example.pair, max_tokens));
  }
  return encodings;
}

std::vector<std::vector<std::size_t>> plan_batches(std::span<const tokenizer::Encoding> examples,
                                                   std::size_t tokens) {
  std::vector<std::size_t> order(examples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return examples[a].size() > examples[b].size();
  });
  std::vector<std::vector<std::size_t>> batches;
  std::size_t room = 0;
  for (const std::size_t example : order) {
    const std::size_t size = examples[example].size();
    if (batches.empty() || size > room) {
      batches.emplace_back();
      room = std::max(tokens, size);
    }
    batches.back().push_back(example);
    room -= size;
  }
  return batches;
}

std::vector<Batched> make_batches(std::span<const tokenizer::Encoding> examples) {
  std::vector<Batched> batches;
  for (auto& members : plan_batches(examples, batch_tokens)) {
    Batched batched;
    for (const std::size_t example : members) {
      batched.batch.add(examples[example].ids, examples[example].segments);
    }
    batched.examples = std::move(members);
    batches.push_back(std::move(batched));
  }
  return batches;
}

std::vector<Batched> make_batches_of(std::size_t size,
                                     std::span<const tokenizer::Encoding> examples) {
  std::vector<Batched> batches;
  for (std::size_t example = 0; example < examples.size(); ++example) {
    if (example % size == 0) batches.emplace_back();
    batches.back().examples.push_back(example);
    batches.back().batch.add(examples[example].ids, examples[example].segments);
  }
  return batches;
}

ForwardResult forward_all(Session& session, std::span<const Batched> batches, std::size_t examples,
                          const OnProgress& on_progress) {
  const std::size_t labels = session.model().labels();
  ForwardResult result;
  result.logits.resize(examples * labels);
  for (const Batched& batched : batches) {
    const Stopwatch watch;
    const auto logits = session.logits(batched.batch);
    result.seconds += watch.seconds();
    for (std::size_t row = 0; row < batched.examples.size(); ++row) {
      std::copy_n(
          logits.begin() + static_cast<std::ptrdiff_t>(row * labels), labels,
          result.logits.begin() + static_cast<std::ptrdiff_t>(batched.examples[row] * labels));
    }
    on_progress(batched.examples.size());
  }
  return result;
}

std::vector<double> single_example_seconds(Session& session,
                                           std::span<const tokenizer::Encoding> examples,
                                           std::size_t at_most, const OnProgress& on_progress) {
  const std::size_t count = std::min(at_most, examples.size());
  std::vector<double> seconds;
  PackedBatch batch;
  for (std::size_t run = 0; run < warm_ups + count; ++run) {
    const std::size_t nth = run < warm_ups ? run % count : run - warm_ups;
    const tokenizer::Encoding& example = examples[nth * examples.size() / count];
    batch.clear();
    batch.add(example.ids, example.segments);
    const Stopwatch watch;
    session.logits(batch);
    if (run >= warm_ups) {
      seconds.push_back(watch.seconds());
      on_progress(1);
    }
  }
  return seconds;
}

std::vector<Score> score_logits(const Task& task, const ExampleSet& set,
                                std::span<const float> logits, std::span<const std::size_t> order) {
  const std::size_t classes = order.size();
  std::vector<float> of_class(logits.size());
  std::vector<std::size_t> predicted, truth;
  for (std::size_t i = 0; i < set.examples.size(); ++i) {
    const auto row = std::span(of_class).subspan(i * classes, classes);
    for (std::size_t c = 0; c < classes; ++c) row[c] = logits[i * classes + order[c]];
    predicted.push_back(argmax(row));
    truth.push_back(set.examples[i].label);
  }
  std::vector<Score> scores;
  for (const Metric metric : task.metrics) {
    scores.push_back({metric_name(metric), score(metric, predicted, truth)});
  }
  scores.push_back({"eval_loss", mean_cross_entropy(of_class, classes, truth)});
  return scores;
}

}  // namespace bertq
