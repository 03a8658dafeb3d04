#include "engine/model/embeddings.h"

#include <algorithm>
#include <array>
#include <string>

#include "bertq/error.h"
#include "engine/precision/recipe.h"
#include "engine/precision/symmetric.h"
#include "jit/bf16.h"
#include "jit/layout.h"

namespace bertq::engine {
namespace {

const std::string prefix = "bert.embeddings.";
const std::string word_table = prefix + "word_embeddings.weight";
const std::string position_table = prefix + "position_embeddings.weight";
const std::string segment_table = prefix + "token_type_embeddings.weight";

Precision precision_of_words(const Recipe& recipe) {
  for (const char* other : {"position_embeddings", "token_type_embeddings"}) {
    const auto entry = recipe.entries().find(prefix + other);
    if (entry != recipe.entries().end() && entry->second.precision != Precision::fp32) {
      throw Error(ErrorKind::input, "recipe: layer " + prefix + other + ": expected fp32, got " +
                                        std::string(precision_name(entry->second.precision)));
    }
  }
  return recipe.of(word_embeddings_module).precision;
}

}  // namespace

Embeddings::Embeddings(WeightLoader& loader, const ModelConfig& config, const Recipe& recipe)
    : kernels_(&loader.kernels().rows()),
      precision_(precision_of_words(recipe)),
      columns_(config.hidden),
      segments_(loader.source().has(segment_table) ? config.segments : 1),
      positions_(load_f32(loader, position_table, config.positions)),
      segment_rows_(load_f32(loader, segment_table, segments_)),
      norm_(loader, prefix + "LayerNorm", config.hidden, config.layer_norm_epsilon) {
  switch (precision_) {
    case Precision::fp32:
      words_ = load_f32(loader, word_table, config.vocabulary);
      break;
    case Precision::bf16:
      load_bf16_words(loader, config.vocabulary);
      break;
    case Precision::int8:
      load_int8_words(loader, config.vocabulary);
      break;
  }
}

// Fresh rows of the arena are zero, which is what a table that the checkpoint lacks must be.
const float* Embeddings::load_f32(WeightLoader& loader, const std::string& tensor,
                                  std::size_t rows) const {
  const std::size_t ld = jit::padded_columns(columns_);
  const std::span<float> table = loader.array<float>(tensor, rows * ld);
  if (loader.is_packed() || !loader.source().has(tensor)) return table.data();
  loader.for_each_slice(tensor, rows, columns_, [&](std::size_t row, std::span<const float> slice) {
    for (std::size_t i = 0; i * columns_ < slice.size(); ++i) {
      std::copy_n(slice.data() + i * columns_, columns_, table.data() + (row + i) * ld);
    }
  });
  return table.data();
}

void Embeddings::load_int8_words(WeightLoader& loader, std::size_t rows) {
  const std::size_t ld = jit::padded_columns(columns_);
  const std::span<std::int8_t> table = loader.array<std::int8_t>(word_table + ".s8", rows * ld);
  const std::span<float> scales = loader.array<float>(word_table + ".scale", rows);
  words_ = table.data();
  word_scales_ = scales.data();
  if (loader.is_packed()) return;
  const auto stored = loader.source().integer_scales(word_table, loaders::DType::i8);
  if (!stored.empty()) {
    for (std::size_t row = 0; row < rows; ++row) {
      scales[row] = static_cast<float>(stored[stored.size() == 1 ? 0 : row]);
    }
    loader.for_each_int8_slice(
        word_table, rows, columns_, [&](std::size_t row, std::span<const std::int8_t> slice) {
          for (std::size_t i = 0; i * columns_ < slice.size(); ++i) {
            std::copy_n(slice.data() + i * columns_, columns_, table.data() + (row + i) * ld);
          }
        });
    return;
  }
  loader.for_each_slice(
      word_table, rows, columns_, [&](std::size_t row, std::span<const float> slice) {
        for (std::size_t i = 0; i * columns_ < slice.size(); ++i) {
          const std::span<const float> weights = slice.subspan(i * columns_, columns_);
          const SymmetricScale scale = symmetric_scale(largest_magnitude(weights));
          quantize_symmetric(weights, scale, table.data() + (row + i) * ld);
          scales[row + i] = scale.scale;
        }
      });
}

void Embeddings::load_bf16_words(WeightLoader& loader, std::size_t rows) {
  const std::size_t ld = jit::padded_columns(columns_);
  const std::span<std::uint16_t> table =
      loader.array<std::uint16_t>(word_table + ".bf16", rows * ld);
  words_ = table.data();
  if (loader.is_packed()) return;
  loader.for_each_slice(
      word_table, rows, columns_, [&](std::size_t row, std::span<const float> slice) {
        loader.require_bf16(jit::from_bf16(jit::to_bf16(largest_magnitude(slice))), word_table);
        for (std::size_t i = 0; i < slice.size(); ++i) {
          table[(row + i / columns_) * ld + i % columns_] = jit::to_bf16(slice[i]);
        }
      });
}

void Embeddings::run(const PackedBatch& batch, jit::Range tokens, const FloatRows& out,
                     std::span<const QuantizedCopy> copies, const Stopwatch& stopwatch) const {
  jit::EmbeddingArgs args;
  args.ids = batch.ids().data() + tokens.begin;
  args.segments = batch.segments().data() + tokens.begin;
  args.positions = batch.positions().data() + tokens.begin;
  args.rows = tokens.end - tokens.begin;
  args.columns = columns_;
  args.word = words_;
  args.word_scale = word_scales_;
  args.type = segment_rows_;
  args.position = positions_;
  args.table_ld = jit::padded_columns(columns_);
  args.out = out.data;
  args.ld = out.ld;
  static const std::string module(word_embeddings_module);
  struct Kernel {
    std::string_view name;
    void (*jit::RowKernels::*run)(const jit::EmbeddingArgs*);
  };
  static constexpr Kernel kernels[] = {{"embed_f32", &jit::RowKernels::embed_f32},
                                       {"embed_bf16", &jit::RowKernels::embed_bf16},
                                       {"embed_s8", &jit::RowKernels::embed_s8}};
  const Kernel& kernel = kernels[static_cast<std::size_t>(precision_)];
  stopwatch.timed(module, kernel.name, [&] { (kernels_->*kernel.run)(&args); });
  norm_.run(out, args.rows, copies, stopwatch);
}

}  // namespace bertq::engine
