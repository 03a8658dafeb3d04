#include "engine/model/workspace.h"

#include <algorithm>
#include <numeric>

#include "jit/layout.h"

namespace bertq::engine {

std::size_t largest_row_block(const Model::Impl& model) {
  const bool all_tiles = std::ranges::all_of(model.layers, [](const EncoderLayer& layer) {
    return layer.intermediate.output_format().tiled();
  });
  return all_tiles ? 256 : 128;
}

void Workspace::fit(const PackedBatch& batch) {
  const Capacity wanted{std::max(capacity_.tokens, batch.tokens()),
                        std::max(capacity_.sequences, batch.sequences()),
                        std::max(capacity_.longest, batch.longest())};
  if (wanted != capacity_) {
    // Given back first, so that old and new never count together.
    arena_ = Arena();
    attention.clear();
    capacity_ = {};
    allocate(wanted);
    capacity_ = wanted;
  }
  longest_first.resize(batch.sequences());
  std::iota(longest_first.begin(), longest_first.end(), std::size_t{0});
  std::sort(longest_first.begin(), longest_first.end(), [&](std::size_t a, std::size_t b) {
    return batch.length(a) != batch.length(b) ? batch.length(a) > batch.length(b) : a < b;
  });
}

void Workspace::allocate(const Capacity& capacity) {
  const ModelConfig& config = model_.config;
  const std::size_t tokens = jit::round_up(capacity.tokens, jit::tile_rows);
  hidden = allocate_f32(tokens, config.hidden);
  std::size_t copies = 1;
  for (const SharedInputs& inputs : model_.shared_inputs) copies = std::max(copies, inputs.count);
  for (std::size_t i = 0; i < copies; ++i) hidden_tiles[i] = allocate_tiles(tokens, config.hidden);
  for (FloatRows& rows : query_key_value) rows = allocate_f32(tokens, config.hidden);
  context = {allocate_f32(tokens, config.hidden), allocate_tiles(tokens, config.hidden)};
  const std::size_t in_flight = partition.scratch_rows(tokens);
  std::size_t widest = config.intermediate;
  for (const EncoderLayer& layer : model_.layers) widest = std::max(widest, layer.output.inputs());
  intermediate = {allocate_f32(in_flight, config.intermediate), allocate_tiles(in_flight, widest)};
  const std::size_t labels = model_.classifier ? model_.classifier->outputs() : 0;
  const std::size_t rows = model_.span ? tokens : capacity.sequences;
  const std::size_t columns = std::max(labels, model_.span ? span_logits : 0);
  logits = allocate_f32(rows, columns);
  dense_logits = arena_.allocate<float>(rows * columns);
  for (std::size_t i = 0; i < partition.threads; ++i) {
    attention.emplace_back(arena_, capacity.longest, config.head_size());
  }
  longest_first.reserve(capacity.sequences);
}

// With room for one group beyond the end: attention reads whole groups from where a head begins.
FloatRows Workspace::allocate_f32(std::size_t rows, std::size_t columns) {
  const std::size_t ld = leading_dimension(columns);
  return {arena_.allocate<float>(rows * ld + jit::lanes).data(), ld};
}

TileRows Workspace::allocate_tiles(std::size_t rows, std::size_t columns) {
  TileRows tiles;
  tiles.tiles = arena_.allocate<std::uint8_t>(jit::tiles_bytes(rows, columns)).data();
  tiles.scale = arena_.allocate<float>(jit::round_up(rows, jit::tile_rows)).data();
  tiles.columns = columns;
  if (model_.recipe.uses(Precision::bf16)) {
    tiles.bf16 = arena_.allocate<std::uint8_t>(jit::bf16_tiles_bytes(rows, columns)).data();
  }
  return tiles;
}

}  // namespace bertq::engine
