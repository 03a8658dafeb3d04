// Runs a model over a set of examples and times it: what `run` scores and `bench` measures.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "bertq/model.h"
#include "bertq/packed_batch.h"
#include "engine/task/glue_reader.h"
#include "engine/task/task.h"
#include "tokenizer/tokenizer.h"

namespace bertq {

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

// Called after each batch or example with how many examples it held.
using OnProgress = std::function<void(std::size_t examples)>;

struct ForwardResult {
  std::vector<float> logits;  // [examples][labels], in the order of the examples
  double seconds = 0.0;       // of the forward passes alone
};
ForwardResult forward_all(Session& session, std::span<const Batched> batches, std::size_t examples,
                          const OnProgress& on_progress);

// Seconds of single examples, batch 1, after 5 warm-ups: of all examples, or of `at_most` that are
// spread evenly over them.
std::vector<double> single_example_seconds(Session& session,
                                           std::span<const tokenizer::Encoding> examples,
                                           std::size_t at_most, const OnProgress& on_progress);

// The task's metrics in its order, then "eval_loss". `order` is match_labels().
std::vector<Score> score_logits(const Task& task, const ExampleSet& set,
                                std::span<const float> logits, std::span<const std::size_t> order);

}  // namespace bertq
