// The working memory of one session.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/model/attention.h"
#include "engine/model/packed_batch.h"
#include "engine/model/rows.h"
#include "engine/model/weights.h"
#include "engine/runtime/arena.h"
#include "engine/runtime/partition.h"

namespace bertq::engine {

// Rows that a thread takes through the feed-forward block at once: enough to make the fetching of
// the weights worth it, few enough that the wide rows between its two layers stay in the cache. So
// more of them where they are written as tiles, of one or two bytes a number.
std::size_t largest_row_block(const Model::Impl& model);

class Workspace {
 public:
  Workspace(const Model::Impl& model, std::size_t threads)
      : partition{threads, largest_row_block(model),
                  least_rows_per_thread(model.recipe == Recipe::uniform(Precision::fp32))},
        model_(model) {}

  const Partition partition;  // of all row-wise steps

  // Makes room for `batch`; allocates nothing if no earlier batch was smaller in tokens, sequences
  // and longest sequence. What the buffers hold is lost when they grow.
  void fit(const PackedBatch& batch);

  FloatRows hidden;                      // the residual stream
  std::array<TileRows, 3> hidden_tiles;  // its copies in tiles, as SharedInputs counts them
  std::array<FloatRows, 3> query_key_value;
  Rows context;
  Rows intermediate;  // of the blocks in flight, with as many columns of u8 as any layer has
  FloatRows logits;   // a sequence or, of the span head, a token
  std::span<float> dense_logits;            // the same without padding
  std::vector<AttentionScratch> attention;  // one a worker
  std::vector<std::size_t> longest_first;   // sequences, by falling length

 private:
  struct Capacity {
    std::size_t tokens = 0, sequences = 0, longest = 0;
    friend bool operator==(const Capacity&, const Capacity&) = default;
  };
  void allocate(const Capacity& capacity);
  FloatRows allocate_f32(std::size_t rows, std::size_t columns);
  // Of u8 and, where the model has any, of bf16.
  TileRows allocate_tiles(std::size_t rows, std::size_t columns);

  const Model::Impl& model_;
  Capacity capacity_;
  Arena arena_;
};

}  // namespace bertq::engine
