// Runs a model over the inputs of a task and times it: what `run` scores and `bench` measures.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "engine/model/model.h"
#include "engine/model/packed_batch.h"
#include "engine/task/evaluation_set.h"
#include "engine/task/model_outputs.h"
#include "engine/task/table_reader.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

// Each example as the model takes it, at most `max_tokens` long. Throws tokenizer::TokenizerError.
std::vector<tokenizer::Encoding> encode_examples(const tokenizer::Tokenizer& tokenizer,
                                                 const ExampleSet& set, std::size_t max_tokens);

// Batches of at most `tokens` tokens (or of one longer example), longest first: which examples each
// holds. Examples of one length stand side by side, so that threads get equal shares.
std::vector<std::vector<std::size_t>> plan_batches(std::span<const tokenizer::Encoding> examples,
                                                   std::size_t tokens);
inline constexpr std::size_t batch_tokens = 2048;

struct Batched {
  std::vector<std::size_t> examples;  // in the order of the batch's sequences
  PackedBatch batch;
};
std::vector<Batched> make_batches(std::span<const tokenizer::Encoding> examples);
// `size` examples at a time, in their order: for a model whose answers depend on the batch.
std::vector<Batched> make_batches_of(std::size_t size,
                                     std::span<const tokenizer::Encoding> examples);

// Called after each batch or input with how many inputs it held.
using OnProgress = std::function<void(std::size_t inputs)>;

struct EvaluationRun {
  ModelOutputs outputs;
  double seconds = 0.0;  // of the forward passes alone
};
// All inputs of `set`: in batches by length where `batch` is 0, else `batch` at a time in their
// order. Throws Error (input) if the model lacks the task's head.
EvaluationRun run_inputs(Session& session, const EvaluationSet& set, std::size_t batch,
                         const OnProgress& on_progress);
// The same of inputs that belong to no set.
EvaluationRun run_inputs(Session& session, TaskHead head,
                         std::span<const tokenizer::Encoding> inputs, std::size_t batch,
                         const OnProgress& on_progress);

// Seconds of single inputs, batch 1, after 5 warm-ups: of all inputs, or of `at_most` that are
// spread evenly over them.
std::vector<double> single_input_seconds(Session& session, TaskHead head,
                                         std::span<const tokenizer::Encoding> inputs,
                                         std::size_t at_most, const OnProgress& on_progress);

// Seconds of `count` batches of `size` inputs in their order, after 5 batches that warm up and are
// not counted; of fewer where there are no more, and the last may be smaller.
std::vector<double> batch_seconds(Session& session, TaskHead head,
                                  std::span<const tokenizer::Encoding> inputs, std::size_t size,
                                  std::size_t count, const OnProgress& on_progress);

}  // namespace bertq::engine
