#include "engine/quantized/quantized_forward.h"

#include <algorithm>
#include <utility>

#include "bertq/error.h"
#include "engine/model/input_format.h"
#include "engine/runtime/partition.h"
#include "jit/layout.h"

namespace bertq::engine {
namespace {

[[noreturn]] void refuse_activations(const QuantizedLinear& linear) {
  throw Error(ErrorKind::input, linear.module() + ": activations are not finite");
}

}  // namespace

QuantizedForward::QuantizedForward(const Model::Impl& model, ThreadPool& pool)
    : model_(model), quantized_(*model.quantized), pool_(pool), scratch_(pool.threads()) {
  const std::size_t widest =
      std::max({model.config.hidden, model.config.intermediate,
                quantized_.classifier ? quantized_.classifier->outputs() : std::size_t{0}});
  for (LinearScratch& scratch : scratch_) scratch.fit(jit::padded_columns(widest));
}

std::span<const float> QuantizedForward::hidden_states(const PackedBatch& batch,
                                                       const Observation& observation) {
  run(batch, observation);
  drop_padding(hidden_, hidden_);
  return {hidden_.data, batch.tokens() * hidden_.ld};
}

std::span<const float> QuantizedForward::logits(const PackedBatch& batch,
                                                const Observation& observation) {
  run(batch, observation);
  for (std::size_t i = 0; i < padded_.sequences(); ++i) {
    std::copy_n(hidden_.row(padded_.begin(i)), hidden_.ld, first_.row(i));
  }
  apply(*quantized_.pooler, first_, pooled_, {}, sequences_);
  apply(*quantized_.classifier, pooled_, head_, {}, sequences_);
  return dense(*quantized_.classifier, batch.sequences());
}

std::span<const float> QuantizedForward::token_logits(const PackedBatch& batch,
                                                      const Observation& observation) {
  run(batch, observation);
  apply(*quantized_.span, hidden_, head_, {}, tokens_);
  drop_padding(head_, head_);
  return dense(*quantized_.span, batch.tokens());
}

std::span<const float> QuantizedForward::dense(const QuantizedLinear& head, std::size_t rows) {
  const std::size_t columns = head.outputs();
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<float> to = dense_.subspan(row * columns, columns);
    std::copy_n(head_.row(row), to.size(), to.begin());
    require_finite(to, head.module());
  }
  return dense_.first(rows * columns);
}

void QuantizedForward::run(const PackedBatch& batch, const Observation& observation) {
  stopwatch_ = observation.stopwatch;
  begin(batch);
  embed();
  const auto observe = [&](std::size_t number) {
    if (observation.layer == nullptr) return;
    drop_padding(hidden_, next_);
    observation.see_layer(number, {next_.data, batch.tokens() * next_.ld});
  };
  observe(0);
  for (std::size_t layer = 0; layer < quantized_.layers.size(); ++layer) {
    run_layer(quantized_.layers[layer]);
    observe(layer + 1);
  }
}

// Padding is token 0 of segment 0, as tokenizers pad.
void QuantizedForward::begin(const PackedBatch& batch) {
  const bool pads = quantized_.form.needs_padding();
  const std::size_t longest = batch.longest();
  if (pads && padding_ != 0 && padding_ < longest) {
    throw Error(ErrorKind::input, "--pad-to: expected at least the longest sequence's " +
                                      std::to_string(longest) + " tokens, got " +
                                      std::to_string(padding_));
  }
  padded_.clear();
  lengths_.clear();
  std::vector<std::size_t> sizes;
  std::vector<std::int32_t> ids, segments;
  for (std::size_t i = 0; i < batch.sequences(); ++i) {
    const std::size_t length = batch.length(i);
    const std::size_t size = pads ? std::max(longest, padding_) : length;
    ids.assign(size, 0);
    segments.assign(size, 0);
    std::copy_n(batch.ids().data() + batch.begin(i), length, ids.begin());
    std::copy_n(batch.segments().data() + batch.begin(i), length, segments.begin());
    padded_.add(ids, segments);
    lengths_.push_back(length);
    sizes.push_back(size);
  }
  const std::size_t rows = padded_.tokens(), sequences = padded_.sequences();
  tokens_.whole.assign({&rows, 1});
  tokens_.by_sequence.assign(sizes);
  sequences_.whole.assign({&sequences, 1});
  sizes.assign(sequences, 1);
  sequences_.by_sequence.assign(sizes);
  fit();
}

void QuantizedForward::fit() {
  const Capacity wanted{std::max(capacity_.rows, padded_.tokens()),
                        std::max({capacity_.tile_rows, tokens_.by_sequence.tile_rows(),
                                  sequences_.by_sequence.tile_rows(), tokens_.whole.tile_rows()}),
                        std::max(capacity_.sequences, padded_.sequences()),
                        std::max(capacity_.longest, padded_.longest())};
  const std::size_t blocks =
      std::max(tokens_.by_sequence.blocks().size(), sequences_.by_sequence.blocks().size());
  block_ranges_.resize(std::max(blocks, tokens_.whole.blocks().size()));
  group_ranges_.resize(wanted.sequences);
  codes_.resize(wanted.sequences);
  if (wanted == capacity_) return;
  const ModelConfig& config = model_.config;
  arena_ = Arena();
  attention_.clear();
  capacity_ = {};
  for (FloatRows* rows : {&hidden_, &next_, &context_}) {
    *rows = allocate_rows(wanted.rows, config.hidden);
  }
  for (FloatRows& rows : query_key_value_) rows = allocate_rows(wanted.rows, config.hidden);
  intermediate_ = allocate_rows(wanted.rows, config.intermediate);
  first_ = allocate_rows(wanted.sequences, config.hidden);
  pooled_ = allocate_rows(wanted.sequences, config.hidden);
  const std::size_t labels = quantized_.classifier ? quantized_.classifier->outputs() : 0;
  const std::size_t of_tokens = quantized_.span ? wanted.rows : 0;
  head_ = allocate_rows(std::max(wanted.sequences, of_tokens), std::max(labels, span_logits));
  dense_ = arena_.allocate<float>(std::max(wanted.sequences * labels, of_tokens * span_logits));
  if (quantized_.form.rounds_inputs()) {
    rounded_ = allocate_rows(std::max(wanted.rows, wanted.sequences),
                             std::max(config.hidden, config.intermediate));
  }
  tiles_ = arena_
               .allocate<std::uint8_t>(
                   jit::tiles_bytes(wanted.tile_rows, std::max(config.hidden, config.intermediate)))
               .data();
  for (std::size_t i = 0; i < pool_.threads(); ++i) {
    attention_.emplace_back(arena_, wanted.longest, config.head_size());
  }
  capacity_ = wanted;
}

// With room for one group beyond the end: attention reads whole groups from where a head begins.
FloatRows QuantizedForward::allocate_rows(std::size_t rows, std::size_t columns) {
  const std::size_t ld = leading_dimension(columns);
  return {arena_.allocate<float>(jit::round_up(rows, jit::tile_rows) * ld + jit::lanes).data(), ld};
}

void QuantizedForward::embed() {
  const std::span<const RowBlock> blocks = tokens_.whole.blocks();
  pool_.parallel_for(blocks.size(), Schedule::fixed, [&](std::size_t task, std::size_t) {
    const RowBlock& block = blocks[task];
    model_.embeddings->run(padded_, {block.row, block.row + block.rows}, hidden_.from(block.row),
                           {}, stopwatch_);
  });
}

void QuantizedForward::run_layer(const QuantizedLayer& layer) {
  for (std::size_t i = 0; i < layer.query_key_value.size(); ++i) {
    const QuantizedLinear& linear = layer.query_key_value[i];
    apply(linear, hidden_, query_key_value_[i], {}, tokens_,
          i > 0 && linear.shares_codes_of(layer.query_key_value[i - 1]));
  }
  attend(layer);
  apply(layer.attention_output, context_, next_, hidden_, tokens_);
  std::swap(hidden_, next_);
  normalize(layer.attention_norm, hidden_);
  apply(layer.intermediate, hidden_, intermediate_, {}, tokens_);
  apply(layer.output, intermediate_, next_, hidden_, tokens_);
  std::swap(hidden_, next_);
  normalize(layer.output_norm, hidden_);
}

// Padded tokens ask like any other, but nobody looks at them.
void QuantizedForward::attend(const QuantizedLayer& layer) {
  const std::size_t heads = model_.config.heads;
  const std::size_t parts = attention_parts(heads * padded_.sequences(), pool_.threads());
  pool_.parallel_for(
      padded_.sequences() * heads * parts, Schedule::dynamic,
      [&](std::size_t task, std::size_t worker) {
        const std::size_t sequence = task / (heads * parts);
        const std::size_t row = padded_.begin(sequence);
        const jit::Range range = part_of(padded_.length(sequence), task % parts, parts);
        if (range.begin >= range.end) return;
        const auto& [query, key, value] = query_key_value_;
        model_.attention.run(layer.attention,
                             {query.from(row), key.from(row), value.from(row), context_.from(row),
                              lengths_[sequence]},
                             task / parts % heads, range, attention_[worker], stopwatch_);
      });
}

void QuantizedForward::normalize(const LayerNorm& norm, const FloatRows& x) {
  const std::span<const RowBlock> blocks = tokens_.whole.blocks();
  pool_.parallel_for(blocks.size(), Schedule::fixed, [&](std::size_t task, std::size_t) {
    norm.run(x.from(blocks[task].row), blocks[task].rows, {}, stopwatch_);
  });
}

void QuantizedForward::apply(const QuantizedLinear& linear, const FloatRows& in,
                             const FloatRows& out, const FloatRows& residual, const Scopes& scopes,
                             bool keep_codes) {
  const RowGroups& groups = scopes.of(linear.scope());
  if (linear.scope() != RangeScope::none && !keep_codes) make_codes(linear, in, groups);
  // Clamping would hide what is not finite, and so may FP32's softmax and GELU.
  if (linear.scope() == RangeScope::none) find_ranges(linear, in, linear.inputs(), groups);
  const FloatRows operand = linear.rounds_input() ? rounded(linear, in, groups) : in;
  multiply(linear, operand, out, residual, groups);
  if (linear.finishes_later()) finish(linear, out, residual, groups);
}

// The range of each group of `rows`, in any order of its blocks the same.
void QuantizedForward::find_ranges(const QuantizedLinear& linear, const FloatRows& rows,
                                   std::size_t columns, const RowGroups& groups) {
  const std::span<const RowBlock> blocks = groups.blocks();
  pool_.parallel_for(blocks.size(), Schedule::fixed, [&](std::size_t task, std::size_t) {
    const RowBlock& block = blocks[task];
    const std::size_t first = groups.groups()[block.group].first + block.row;
    stopwatch_.timed(linear.module(), "range_of_rows", [&] {
      block_ranges_[task] = range_of_rows(rows.from(first), block.rows, columns);
    });
  });
  std::fill_n(group_ranges_.begin(), groups.groups().size(), RowRange{});
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    RowRange& range = group_ranges_[blocks[i].group];
    range = range.joined(block_ranges_[i]);
    if (!range.finite) refuse_activations(linear);
  }
}

FloatRows QuantizedForward::rounded(const QuantizedLinear& linear, const FloatRows& in,
                                    const RowGroups& groups) {
  const FloatRows out{rounded_.data, in.ld};
  const std::span<const RowBlock> blocks = groups.blocks();
  pool_.parallel_for(blocks.size(), Schedule::fixed, [&](std::size_t task, std::size_t) {
    const RowBlock& block = blocks[task];
    const std::size_t first = groups.groups()[block.group].first + block.row;
    std::copy_n(in.row(first), block.rows * in.ld, out.row(first));
    linear.round_input(out.from(first), block.rows);
  });
  return out;
}

void QuantizedForward::make_codes(const QuantizedLinear& linear, const FloatRows& in,
                                  const RowGroups& groups) {
  // Clamping would hide what is not finite, so given ranges look at their input as well.
  find_ranges(linear, in, linear.inputs(), groups);
  for (std::size_t i = 0; i < groups.groups().size(); ++i) {
    codes_[i] = linear.scope() == RangeScope::given ? linear.given_range()
                                                    : linear.range_of(group_ranges_[i]);
  }
  const TileRows tiles{tiles_, nullptr, linear.inputs()};
  const std::span<const RowBlock> blocks = groups.blocks();
  pool_.parallel_for(blocks.size(), Schedule::fixed, [&](std::size_t task, std::size_t) {
    const RowBlock& block = blocks[task];
    const RowGroup& group = groups.groups()[block.group];
    const std::size_t offset = jit::tile_offset(group.tile_row + block.row, 0, tiles.columns);
    stopwatch_.timed(linear.module(), "quantize", [&] {
      linear.quantize(codes_[block.group], in.from(group.first + block.row),
                      {tiles.tiles + offset, nullptr, tiles.columns}, block.rows);
    });
  });
}

void QuantizedForward::multiply(const QuantizedLinear& linear, const FloatRows& in,
                                const FloatRows& out, const FloatRows& residual,
                                const RowGroups& groups) {
  const std::span<const RowBlock> blocks = groups.blocks();
  const std::size_t groups_of_columns = jit::padded_columns(linear.outputs()) / jit::lanes;
  const std::size_t parts = std::clamp((pool_.threads() + blocks.size() - 1) / blocks.size(),
                                       std::size_t{1}, groups_of_columns);
  pool_.parallel_for(
      blocks.size() * parts, Schedule::dynamic, [&](std::size_t task, std::size_t worker) {
        const RowBlock& block = blocks[task / parts];
        const RowGroup& group = groups.groups()[block.group];
        const jit::Range columns = part_of(linear.outputs(), task % parts, parts);
        if (columns.begin >= columns.end) return;
        const std::size_t row = group.first + block.row;
        const std::size_t offset = jit::tile_offset(group.tile_row + block.row, 0, linear.inputs());
        const auto operands =
            linear.scope() == RangeScope::none ? jit::Operands::f32 : jit::Operands::u8s8;
        stopwatch_.timed_product(linear.module(), linear.kernel(), operands, block.rows,
                                 columns.end - columns.begin, linear.inputs(), [&] {
                                   linear.run(
                                       {in.from(row), {tiles_ + offset, nullptr, linear.inputs()}},
                                       codes_[block.group], out.from(row),
                                       residual.data == nullptr ? residual : residual.from(row),
                                       block.rows, columns, scratch_[worker]);
                                 });
      });
}

void QuantizedForward::finish(const QuantizedLinear& linear, const FloatRows& out,
                              const FloatRows& residual, const RowGroups& groups) {
  find_ranges(linear, out, linear.outputs(), groups);
  const std::span<const RowBlock> blocks = groups.blocks();
  pool_.parallel_for(blocks.size(), Schedule::fixed, [&](std::size_t task, std::size_t worker) {
    const RowBlock& block = blocks[task];
    const std::size_t row = groups.groups()[block.group].first + block.row;
    stopwatch_.timed(linear.module(), "requantize", [&] {
      linear.finish(codes_[block.group], group_ranges_[block.group], out.from(row),
                    residual.data == nullptr ? residual : residual.from(row), block.rows,
                    scratch_[worker]);
    });
  });
}

// Rows only move towards the front, so in order none is overwritten before it is read.
void QuantizedForward::drop_padding(const FloatRows& from, const FloatRows& to) const {
  std::size_t row = 0;
  for (std::size_t i = 0; i < padded_.sequences(); ++i) {
    for (std::size_t j = 0; j < lengths_[i]; ++j, ++row) {
      const float* source = from.row(padded_.begin(i) + j);
      if (source != to.row(row)) std::copy_n(source, from.ld, to.row(row));
    }
  }
}

}  // namespace bertq::engine
