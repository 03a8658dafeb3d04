#include "engine/model/attention.h"

#include <algorithm>
#include <cmath>

#include "bertq/error.h"
#include "engine/model/input_format.h"
#include "jit/layout.h"

namespace bertq::engine {
namespace {

// By Precision.
constexpr std::array operands = {jit::Operands::f32, jit::Operands::bf16, jit::Operands::u8s8};
struct KernelNames {
  std::string_view pack_keys, pack_values, softmax;
};
constexpr std::array<KernelNames, 3> kernel_names = {
    {{"pack_keys_f32", "pack_values_f32", "softmax_f32"},
     {"pack_keys_bf16", "pack_values_bf16", "softmax_bf16"},
     {"pack_keys", "pack_values", "softmax_u8"}}};
constexpr std::array softmax_kernels = {
    &jit::RowKernels::softmax_f32, &jit::RowKernels::softmax_bf16, &jit::RowKernels::softmax_u8};

std::size_t index_of(Precision precision) {
  return static_cast<std::size_t>(precision);
}

const jit::Gemm* gemm_in(const jit::Kernels& kernels, Precision precision) {
  jit::GemmSpec spec;
  spec.operands = operands[index_of(precision)];
  spec.row_scale = true;
  spec.column_scale = precision == Precision::int8;
  return &kernels.gemm(spec);
}

Precision product_precision(const Recipe& recipe, const std::string& module) {
  const LayerChoice& choice = recipe.of(module);
  if (choice.activations == Ranges::fixed && choice.precision == Precision::int8) {
    throw Error(ErrorKind::input,
                "recipe: layer " + module + ": attention has dynamic ranges only, got static");
  }
  return choice.precision;
}

}  // namespace

AttentionChoice attention_choice(const Recipe& recipe, const std::string& layer_prefix) {
  AttentionChoice choice;
  choice.scores_module = layer_prefix + "attention.scores";
  choice.context_module = layer_prefix + "attention.context";
  choice.scores = product_precision(recipe, choice.scores_module);
  choice.context = product_precision(recipe, choice.context_module);
  return choice;
}

Attention::Attention(const jit::Kernels& kernels, std::size_t head_size)
    : kernels_(&kernels.rows()),
      head_size_(head_size),
      score_scale_(1.0F / std::sqrt(static_cast<float>(head_size))),
      gemms_{gemm_in(kernels, Precision::fp32), gemm_in(kernels, Precision::bf16),
             gemm_in(kernels, Precision::int8)} {}

void Attention::run(const AttentionChoice& choice, const AttentionRows& rows, std::size_t head,
                    jit::Range queries, AttentionScratch& scratch,
                    const Stopwatch& stopwatch) const {
  const std::size_t column = head * head_size_;
  AttentionRows here = rows;
  for (FloatRows* view : {&here.query, &here.key, &here.value, &here.context}) {
    view->data += column;
  }
  stopwatch.timed(choice.scores_module, kernel_names[index_of(choice.scores)].pack_keys, [&] {
    pack_keys(*kernels_, choice.scores, choice.scores_module, here.key, here.length, head_size_,
              scratch);
  });
  const KernelNames& names = kernel_names[index_of(choice.context)];
  stopwatch.timed(choice.context_module, names.pack_values, [&] {
    pack_values(*kernels_, choice.context, choice.context_module, here.value, here.length,
                head_size_, scratch);
  });
  const std::size_t block = attention_block(rows.length);
  for (std::size_t row = queries.begin; row < queries.end; row += block) {
    const std::size_t count = std::min(block, queries.end - row);
    compute_scores(choice, here.query.from(row), count, rows.length, scratch, stopwatch);
    stopwatch.timed(choice.scores_module, names.softmax,
                    [&] { softmax(choice, count, rows.length, scratch); });
    compute_context(choice, here.context.from(row), count, rows.length, scratch, stopwatch);
  }
}

void Attention::compute_scores(const AttentionChoice& choice, const FloatRows& query,
                               std::size_t rows, std::size_t length, AttentionScratch& scratch,
                               const Stopwatch& stopwatch) const {
  jit::GemmArgs args;
  args.m = rows;
  args.n = length;
  args.k = head_size_;
  args.b = scratch.keys.data();
  args.row_scale = scratch.query_scale.data();
  args.c = scratch.scores.data();
  args.ldc = jit::padded_columns(length);
  const bool int8 = choice.scores == Precision::int8;
  if (choice.scores == Precision::fp32) {
    args.a = query.data;
    args.lda = query.ld;
  } else {
    const InputFormat format =
        int8 ? InputFormat::dynamic() : InputFormat{.kind = InputFormat::Kind::bf16};
    const TileRows tiles{scratch.query_tiles.data(), scratch.query_scale.data(), head_size_,
                         format.element_bytes()};
    quantize_rows(stopwatch, *kernels_, format, query, tiles, rows, choice.scores_module);
    args.a = tiles.tiles;
  }
  if (int8) {
    for (std::size_t i = 0; i < rows; ++i) scratch.query_scale[i] *= score_scale_;
    args.compensation = scratch.key_compensation.data();
    args.column_scale = scratch.key_scale.data();
  } else {
    std::fill_n(scratch.query_scale.begin(), rows, score_scale_);
  }
  multiply(choice.scores, choice.scores_module, args, stopwatch);
}

void Attention::softmax(const AttentionChoice& choice, std::size_t rows, std::size_t length,
                        AttentionScratch& scratch) const {
  jit::SoftmaxArgs args;
  args.scores = scratch.scores.data();
  args.ld = jit::padded_columns(length);
  args.rows = rows;
  args.columns = length;
  args.tiles = scratch.probability_tiles.data();
  args.reciprocal_sum = scratch.reciprocal_sum.data();
  (kernels_->*softmax_kernels[index_of(choice.context)])(&args);
  require_finite(scratch.reciprocal_sum.first(rows), choice.scores_module);
}

void Attention::compute_context(const AttentionChoice& choice, const FloatRows& out,
                                std::size_t rows, std::size_t length, AttentionScratch& scratch,
                                const Stopwatch& stopwatch) const {
  // The kernels write whole groups of 16 columns, and the neighbours of a head are other heads.
  const bool direct = head_size_ % jit::lanes == 0;
  const FloatRows block =
      direct ? out : FloatRows{scratch.context.data(), jit::padded_columns(head_size_)};
  jit::GemmArgs args;
  args.m = rows;
  args.n = head_size_;
  args.k = length;
  args.b = scratch.values.data();
  args.row_scale = scratch.reciprocal_sum.data();
  args.c = block.data;
  args.ldc = block.ld;
  args.a = scratch.probability_tiles.data();
  if (choice.context == Precision::fp32) {
    args.a = scratch.scores.data();
    args.lda = jit::padded_columns(length);
  } else if (choice.context == Precision::int8) {
    args.compensation = scratch.zeros.data();
    args.column_scale = scratch.value_scale.data();
  }
  multiply(choice.context, choice.context_module, args, stopwatch);
  if (direct) return;
  for (std::size_t row = 0; row < rows; ++row) {
    std::copy_n(block.row(row), head_size_, out.row(row));
  }
}

void Attention::multiply(Precision precision, const std::string& module, const jit::GemmArgs& args,
                         const Stopwatch& stopwatch) const {
  const jit::Gemm& gemm = *gemms_[index_of(precision)];
  stopwatch.timed_product(module, gemm, operands[index_of(precision)], args.m, args.n, args.k, [&] {
    gemm.run(args, {0, args.m}, {0, args.n});
  });
}

}  // namespace bertq::engine
