// The forward pass of a model in another system's arithmetic: layer by layer over whole tensors,
// since ranges are those of whole tensors. Every step is split among threads in ways that do not
// show in the bits.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/model/attention.h"
#include "engine/model/forward.h"
#include "engine/model/observation.h"
#include "engine/model/packed_batch.h"
#include "engine/model/rows.h"
#include "engine/model/weights.h"
#include "engine/quantized/quantized_model.h"
#include "engine/quantized/row_groups.h"
#include "engine/runtime/arena.h"
#include "engine/runtime/thread_pool.h"

namespace bertq::engine {

class QuantizedForward final : public Forward {
 public:
  // `model` has a QuantizedModel.
  QuantizedForward(const Model::Impl& model, ThreadPool& pool);

  void set_padding(std::size_t length) override { padding_ = length; }
  std::span<const float> hidden_states(const PackedBatch& batch,
                                       const Observation& observation) override;
  std::span<const float> logits(const PackedBatch& batch, const Observation& observation) override;
  std::span<const float> token_logits(const PackedBatch& batch,
                                      const Observation& observation) override;

 private:
  // What layers of either scope see of the same rows.
  struct Scopes {
    RowGroups whole, by_sequence;
    const RowGroups& of(RangeScope scope) const {
      return scope == RangeScope::sequence ? by_sequence : whole;
    }
  };

  void run(const PackedBatch& batch, const Observation& observation);
  void begin(const PackedBatch& batch);
  void fit();
  FloatRows allocate_rows(std::size_t rows, std::size_t columns);
  void embed();
  void run_layer(const QuantizedLayer& layer);
  void attend(const QuantizedLayer& layer);
  void normalize(const LayerNorm& norm, const FloatRows& x);

  // out = linear(in). The codes of `in` are made first unless `keep_codes`.
  void apply(const QuantizedLinear& linear, const FloatRows& in, const FloatRows& out,
             const FloatRows& residual, const Scopes& scopes, bool keep_codes = false);
  // The values that the codes of `in` stand for.
  FloatRows rounded(const QuantizedLinear& linear, const FloatRows& in, const RowGroups& groups);
  void make_codes(const QuantizedLinear& linear, const FloatRows& in, const RowGroups& groups);
  void find_ranges(const QuantizedLinear& linear, const FloatRows& rows, std::size_t columns,
                   const RowGroups& groups);
  void multiply(const QuantizedLinear& linear, const FloatRows& in, const FloatRows& out,
                const FloatRows& residual, const RowGroups& groups);
  void finish(const QuantizedLinear& linear, const FloatRows& out, const FloatRows& residual,
              const RowGroups& groups);
  // Copies the rows of tokens that are not padding to the first rows of `to`, which may be `from`.
  void drop_padding(const FloatRows& from, const FloatRows& to) const;
  std::span<const float> dense(const QuantizedLinear& head, std::size_t rows);

  const Model::Impl& model_;
  const QuantizedModel& quantized_;
  ThreadPool& pool_;
  std::size_t padding_ = 0;
  Stopwatch stopwatch_;  // of the pass that is running

  // Of the batch.
  PackedBatch padded_;
  std::vector<std::size_t> lengths_;  // true ones
  Scopes tokens_, sequences_;

  Arena arena_;
  struct Capacity {
    std::size_t rows = 0, tile_rows = 0, sequences = 0, longest = 0;
    friend bool operator==(const Capacity&, const Capacity&) = default;
  } capacity_;
  FloatRows hidden_, next_;  // the residual stream, and where the next sum of it is made
  std::array<FloatRows, 3> query_key_value_;
  FloatRows context_, intermediate_, first_, pooled_, head_;
  FloatRows rounded_;  // of layers that round their input
  std::uint8_t* tiles_ = nullptr;
  std::span<float> dense_;
  std::vector<RowRange> block_ranges_, group_ranges_;
  std::vector<CodeRange> codes_;  // by group
  std::vector<AttentionScratch> attention_;
  std::vector<LinearScratch> scratch_;
};

}  // namespace bertq::engine
