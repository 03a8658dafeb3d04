// What a bertq::Session stands for.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "bertq/session.hpp"
#include "engine/api/input_reader.h"
#include "engine/api/model_impl.h"
#include "engine/model/model.h"
#include "engine/model/packed_batch.h"
#include "engine/runtime/shared_thread_pool.h"

namespace bertq {

struct ThreadPool::Impl {
  std::shared_ptr<engine::SharedThreadPool> pool;
};

struct Session::Impl {
  // Runs on `own_session`, or, where that is null, on one that the caller lends.
  Impl(const Model& of_model, const SessionOptions& options,
       std::unique_ptr<engine::Session> own_session, engine::Session& used);
  ~Impl();

  // Runs all inputs, a batch at a time, in their order: run(batch) appends the results to the
  // buffers below, which are emptied before.
  template <typename Run>
  void run_batches(std::span<const Input> inputs, const Run& run);

  void run_logits(std::span<const Input> inputs);
  void run_hidden_states(std::span<const Input> inputs);
  void run_embeddings(std::span<const Input> inputs, const EmbeddingOptions& options);
  void classify(std::span<const Input> inputs);
  Answer answer(std::string_view question, std::string_view context, const AnswerOptions& options);

  const Model model;
  const std::size_t outputs;
  std::unique_ptr<engine::Session> own;
  engine::Session& session;
  const unsigned made_in;  // forks() when it was made
  std::atomic<bool> busy{false};

  InputReader reader;
  engine::PackedBatch batch;
  // Results of the last call.
  std::vector<float> values;
  std::vector<double> probabilities;
  std::vector<bool> truncated;
  std::vector<Classification> classifications;
  std::vector<AnswerSpan> answers;
};

}  // namespace bertq
