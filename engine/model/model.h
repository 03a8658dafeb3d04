// A loaded BERT and the sessions that run it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/model/arithmetic.h"
#include "engine/model/config.h"
#include "engine/model/packed_batch.h"
#include "engine/precision/recipe.h"
#include "jit/isa.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {

inline constexpr std::size_t span_logits = 2;  // of each token: begin, end

// Which heads a checkpoint holds.
struct Heads {
  bool pooler = false;
  bool classifier = false;  // classification or regression, on the pooled [CLS]
  bool span = false;        // qa_outputs, on every token
};

// Weights packed for one instruction set under one recipe. Immutable: any number of sessions and
// threads may share one.
class Model {
 public:
  // Reads the checkpoint one tensor at a time: at most one f32 tensor is resident beside the packed
  // weights. Throws Error (input) for missing, misshapen or non-finite tensors and for recipe
  // entries that name no module of this model. A .bertq file's weights are packed already: Error
  // (usage) for another recipe, activation or arithmetic than it was written with. In another
  // arithmetic than bertq's own, the recipe has no effect.
  static std::shared_ptr<const Model> load(const loaders::Checkpoint& checkpoint,
                                           const ModelConfig& config, const Recipe& recipe,
                                           jit::Isa isa, const ArithmeticChoice& arithmetic = {});
  // Random weights from a fixed seed, made layer by layer, with a classifier of two labels: for
  // benchmarks.
  static std::shared_ptr<const Model> random(const ModelConfig& config, const Recipe& recipe,
                                             jit::Isa isa, std::uint64_t seed,
                                             const ArithmeticChoice& arithmetic = {});
  ~Model();

  const ModelConfig& config() const;
  const Recipe& recipe() const;
  jit::Isa isa() const;
  Heads heads() const;
  std::size_t labels() const;         // logits of the classifier, 0 without one
  std::size_t weights_bytes() const;  // everything packed: weights, scales, biases, tables
  // Whether batches are padded and their answers depend on it: PyTorch's dynamic quantisation.
  bool pads_batches() const;

  struct Impl;  // model/weights.h
  const Impl& impl() const { return *impl_; }

 private:
  static std::shared_ptr<const Model> load_packed(const loaders::Checkpoint& checkpoint,
                                                  const ModelConfig& config, const Recipe& recipe,
                                                  jit::Isa isa, const ArithmeticChoice& arithmetic);
  explicit Model(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

class SharedThreadPool;  // runtime/shared_thread_pool.h

// One run of one kernel on one thread. What the names refer to lives as long as the model.
struct KernelRun {
  std::string_view module;                      // "bert.encoder.layer.3.output.dense"
  std::string_view kernel;                      // "softmax_u8", or the name of a jit::Gemm
  jit::Operands operands = jit::Operands::f32;  // of a product
  double operations = 0.0;  // of a product: multiplications and additions, padding not counted
  double seconds = 0.0;     // of wall time
};

// The working memory of one caller, and its threads. Not thread-safe: one session a thread of the
// caller. Grows with the largest batch it has seen and allocates nothing for one no larger.
//
// Rows of the results belong to the session and hold until its next call. All throw Error (input)
// for ids or segments out of range, an empty or too long sequence, and activations that are not
// finite, naming the layer.
class Session {
 public:
  Session(std::shared_ptr<const Model> model, std::size_t threads);
  // On threads that others may use as well: each forward pass waits for its turn. Throws Error
  // (usage) if they were made for another instruction set.
  Session(std::shared_ptr<const Model> model, std::shared_ptr<SharedThreadPool> pool);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  // [tokens][hidden_ld()]: the last layer's output.
  std::span<const float> hidden_states(const PackedBatch& batch);
  std::size_t hidden_ld() const;
  // [sequences][labels()]. Error (input) if the checkpoint has no classifier.
  std::span<const float> logits(const PackedBatch& batch);

  // [tokens][span_logits]: for each token, the logits of an answer that begins and of one that ends
  // there. Error (input) if the checkpoint has no span head (qa_outputs).
  std::span<const float> token_logits(const PackedBatch& batch);

  const Model& model() const;

  // Of a model that pads_batches(): the length in tokens that sequences are padded to; 0, the
  // default, for that of the longest in their batch.
  void pad_to(std::size_t length);

  // For tests and diagnosis: called after the embeddings (layer 0) and after each layer (1..) with
  // [tokens][hidden_ld()].
  using LayerObserver = void (*)(void* context, std::size_t layer, std::span<const float> states);
  void observe_layers(LayerObserver observer, void* context);
  // For calibration: called with each row of the f32 input of each linear layer, by the threads
  // that compute it, several at once. Layers in INT8 have no such input.
  using InputObserver = void (*)(void* context, const std::string& module,
                                 std::span<const float> row);
  void observe_inputs(InputObserver observer, void* context);
  // For diagnosis: called with each run of a kernel, by the threads that ran it, several at once.
  // The clock is asked only while somebody observes.
  using TimeObserver = void (*)(void* context, const KernelRun& run);
  void observe_times(TimeObserver observer, void* context);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Sentence vectors, as sentence-transformers makes them from hidden states.
enum class Pooling : std::uint8_t { mean, cls };
struct PoolingChoice {
  Pooling pooling = Pooling::mean;
  bool normalize = true;
};
// Of one sequence: `count` rows, `ld` floats apart, into `out`, which has the hidden size.
void pool_rows(const float* rows, std::size_t count, std::size_t ld, const PoolingChoice& choice,
               std::span<float> out);
// [sequences][hidden], dense rows, into `out`.
void pool(const PackedBatch& batch, std::span<const float> hidden_states, std::size_t ld,
          std::size_t hidden, const PoolingChoice& choice, std::span<float> out);

}  // namespace bertq::engine
