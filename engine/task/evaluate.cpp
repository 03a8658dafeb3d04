#include "engine/task/evaluate.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace bertq::engine {
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

std::span<const float> forward(Session& session, TaskHead head, const PackedBatch& batch) {
  return head == TaskHead::span ? session.token_logits(batch) : session.logits(batch);
}

// As many values as there will be, all 0.
ModelOutputs empty_outputs(const Model& model, TaskHead head,
                           std::span<const tokenizer::Encoding> inputs) {
  ModelOutputs outputs;
  outputs.bounds.push_back(0);
  for (const tokenizer::Encoding& input : inputs) {
    const std::size_t values = head == TaskHead::span ? input.size() * span_logits : model.labels();
    outputs.bounds.push_back(outputs.bounds.back() + values);
  }
  outputs.values.resize(outputs.bounds.back());
  return outputs;
}

// A batch's logits, from the order of its sequences to that of the inputs.
void keep(std::span<const float> logits, const Batched& batched, ModelOutputs& outputs) {
  for (const std::size_t input : batched.examples) {
    const std::size_t begin = outputs.bounds[input], size = outputs.bounds[input + 1] - begin;
    std::copy_n(logits.begin(), size, outputs.values.begin() + static_cast<std::ptrdiff_t>(begin));
    logits = logits.subspan(size);
  }
}

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

EvaluationRun run_inputs(Session& session, TaskHead head,
                         std::span<const tokenizer::Encoding> inputs, std::size_t batch,
                         const OnProgress& on_progress) {
  EvaluationRun run;
  run.outputs = empty_outputs(session.model(), head, inputs);
  for (const Batched& batched :
       batch == 0 ? make_batches(inputs) : make_batches_of(batch, inputs)) {
    const Stopwatch watch;
    const auto logits = forward(session, head, batched.batch);
    run.seconds += watch.seconds();
    keep(logits, batched, run.outputs);
    on_progress(batched.examples.size());
  }
  return run;
}

EvaluationRun run_inputs(Session& session, const EvaluationSet& set, std::size_t batch,
                         const OnProgress& on_progress) {
  return run_inputs(session, set.head(), set.inputs(), batch, on_progress);
}

std::vector<double> single_input_seconds(Session& session, TaskHead head,
                                         std::span<const tokenizer::Encoding> inputs,
                                         std::size_t at_most, const OnProgress& on_progress) {
  const std::size_t count = std::min(at_most, inputs.size());
  std::vector<double> seconds;
  PackedBatch batch;
  for (std::size_t run = 0; run < warm_ups + count; ++run) {
    const std::size_t nth = run < warm_ups ? run % count : run - warm_ups;
    const tokenizer::Encoding& input = inputs[nth * inputs.size() / count];
    batch.clear();
    batch.add(input.ids, input.segments);
    const Stopwatch watch;
    forward(session, head, batch);
    if (run >= warm_ups) {
      seconds.push_back(watch.seconds());
      on_progress(1);
    }
  }
  return seconds;
}

std::vector<double> batch_seconds(Session& session, TaskHead head,
                                  std::span<const tokenizer::Encoding> inputs, std::size_t size,
                                  std::size_t count, const OnProgress& on_progress) {
  const std::size_t used = std::min(count, inputs.size() / size + 1) * size;
  const auto batches = make_batches_of(size, inputs.first(std::min(used, inputs.size())));
  for (std::size_t run = 0; run < warm_ups; ++run) {
    forward(session, head, batches[run % batches.size()].batch);
  }
  std::vector<double> seconds;
  for (const Batched& batched : batches) {
    const Stopwatch watch;
    forward(session, head, batched.batch);
    seconds.push_back(watch.seconds());
    on_progress(batched.examples.size());
  }
  return seconds;
}

}  // namespace bertq::engine
