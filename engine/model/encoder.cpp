#include "engine/model/encoder.h"

#include <algorithm>
#include <array>

#include "jit/layout.h"

namespace bertq::engine {
namespace {

// The quantised or rounded copies of the hidden states that the query, key and value of a layer
// read, from a row on.
class Copies {
 public:
  Copies(const SharedInputs& inputs, const Workspace& workspace, std::size_t row)
      : count_(inputs.count) {
    for (std::size_t i = 0; i < count_; ++i) {
      const InputFormat& format = inputs.formats[i];
      copies_[i] = {format,
                    workspace.hidden_tiles[i].from(row).of_elements(format.element_bytes())};
    }
  }
  std::span<const QuantizedCopy> span() const { return {copies_.data(), count_}; }

 private:
  std::array<QuantizedCopy, 3> copies_;
  std::size_t count_;
};

// The rows with their tiles of the elements that a layer of this format reads.
Rows in_format(const Rows& rows, const InputFormat& format) {
  return {rows.f32, rows.tiled.of_elements(format.element_bytes())};
}

std::size_t count(jit::Range range) {
  return range.end - range.begin;
}

// The three projections lie side by side in a step's columns, each from a multiple of 16.
std::size_t projection_columns(const ModelConfig& config) {
  return 3 * jit::padded_columns(config.hidden);
}

}  // namespace

void Encoder::run(LastLayer wanted) const {
  const bool first_only = wanted == LastLayer::first_tokens;
  const bool skip_rows = first_only && observation_.layer == nullptr;
  embed();
  show_layer(0);
  for (std::size_t layer = 0; layer < model_.layers.size(); ++layer) {
    const bool last = layer + 1 == model_.layers.size();
    attend(layer, last && skip_rows);
    if (last && skip_rows) keep_first_tokens();
    transform(layer, last && skip_rows ? batch_.sequences() : batch_.tokens());
    show_layer(layer + 1);
  }
  if (first_only && !skip_rows) keep_first_tokens();
}

void Encoder::embed() const {
  const Grid grid = workspace_.partition.grid(batch_.tokens());
  run_chain(pool_, grid,
            Step{0, true,
                 [&](jit::Range rows, jit::Range, std::size_t) {
                   model_.embeddings->run(
                       batch_, rows, workspace_.hidden.from(rows.begin),
                       Copies(model_.shared_inputs[0], workspace_, rows.begin).span(),
                       observation_.stopwatch);
                 }},
            Step{projection_columns(model_.config), true,
                 [&](jit::Range rows, jit::Range columns, std::size_t) {
                   query_key_value(0, rows, columns);
                 }});
}

void Encoder::query_key_value(std::size_t layer, jit::Range rows, jit::Range columns) const {
  const std::size_t width = jit::padded_columns(model_.config.hidden);
  for (std::size_t i = 0; i < 3; ++i) {
    const Linear& linear = model_.layers[layer].query_key_value[i];
    const jit::Range part{std::max(columns.begin, i * width),
                          std::min(columns.end, (i + 1) * width)};
    if (part.begin >= part.end) continue;
    const std::size_t copy = model_.shared_inputs[layer].copy_of[i];
    const Rows all{workspace_.hidden, workspace_.hidden_tiles[copy]};
    const Rows in = in_format(all.from(rows.begin), linear.input_format());
    const Rows out{workspace_.query_key_value[i].from(rows.begin), {}};
    multiply(linear, in, out, {}, count(rows),
             {part.begin - i * width, std::min(part.end - i * width, linear.outputs())});
  }
}

// Longest sequences first, so that no thread begins the longest when the others are done.
void Encoder::attend(std::size_t layer, bool first_queries_only) const {
  const std::size_t heads = model_.config.heads;
  const std::size_t parts =
      first_queries_only ? 1 : attention_parts(heads * batch_.sequences(), pool_.threads());
  const AttentionChoice& choice = model_.layers[layer].attention;
  pool_.parallel_for(
      batch_.sequences() * heads * parts, Schedule::dynamic,
      [&](std::size_t task, std::size_t worker) {
        const std::size_t sequence = workspace_.longest_first[task / (heads * parts)];
        const std::size_t row = batch_.begin(sequence);
        const std::size_t length = batch_.length(sequence);
        const jit::Range range =
            first_queries_only ? jit::Range{0, 1} : part_of(length, task % parts, parts);
        if (range.begin >= range.end) return;
        const auto& [query, key, value] = workspace_.query_key_value;
        const AttentionRows rows{query.from(row), key.from(row), value.from(row),
                                 workspace_.context.f32.from(row), length};
        model_.attention.run(choice, rows, task / parts % heads, range,
                             workspace_.attention[worker], observation_.stopwatch);
      });
}

void Encoder::transform(std::size_t index, std::size_t row_count) const {
  const EncoderLayer& layer = model_.layers[index];
  const bool has_next = index + 1 < model_.layers.size();
  const jit::RowKernels& kernels = model_.kernels.rows();
  const Stopwatch& stopwatch = observation_.stopwatch;
  const InputFormat& context_format = layer.attention_output.input_format();
  const InputFormat& hidden_format = layer.intermediate.input_format();
  const InputFormat& output_format = layer.output.input_format();
  const auto hidden = [&](std::size_t row) {
    return in_format(Rows{workspace_.hidden, workspace_.hidden_tiles[0]}.from(row), hidden_format);
  };
  const auto context_from = [&](std::size_t row) {
    return in_format(workspace_.context.from(row), context_format);
  };
  const auto wide_from = [&](std::size_t scratch_row) {
    Rows wide = workspace_.intermediate;
    wide.tiled.columns = layer.output.inputs();
    return in_format(wide.from(scratch_row), output_format);
  };
  run_chain(pool_, workspace_.partition.grid(row_count),
            Step{0, context_format.tiled(),
                 [&](jit::Range rows, jit::Range, std::size_t) {
                   const Rows context = context_from(rows.begin);
                   quantize_rows(stopwatch, kernels, context_format, context.f32, context.tiled,
                                 count(rows), layer.attention_output.module());
                 }},
            Step{layer.attention_output.outputs(), true,
                 [&](jit::Range rows, jit::Range columns, std::size_t) {
                   const Rows x = hidden(rows.begin);
                   multiply(layer.attention_output, context_from(rows.begin), x, x.f32, count(rows),
                            columns);
                 }},
            Step{0, true,
                 [&](jit::Range rows, jit::Range, std::size_t) {
                   const Rows x = hidden(rows.begin);
                   const QuantizedCopy copy{hidden_format, x.tiled};
                   layer.attention_norm.run(x.f32, count(rows), {&copy, 1}, stopwatch);
                 }},
            Step{layer.intermediate.outputs(), true,
                 [&](jit::Range rows, jit::Range columns, std::size_t scratch_row) {
                   multiply(layer.intermediate, hidden(rows.begin), wide_from(scratch_row), {},
                            count(rows), columns);
                 }},
            // Unless the layer before has written the tiles itself.
            Step{0, output_format.tiled() && !layer.intermediate.output_format().tiled(),
                 [&](jit::Range rows, jit::Range, std::size_t scratch_row) {
                   const Rows wide = wide_from(scratch_row);
                   quantize_rows(stopwatch, kernels, output_format, wide.f32, wide.tiled,
                                 count(rows), layer.output.module());
                 }},
            Step{layer.output.outputs(), true,
                 [&](jit::Range rows, jit::Range columns, std::size_t scratch_row) {
                   const Rows x = hidden(rows.begin);
                   multiply(layer.output, wide_from(scratch_row), x, x.f32, count(rows), columns);
                 }},
            Step{0, true,
                 [&](jit::Range rows, jit::Range, std::size_t) {
                   const FloatRows x = workspace_.hidden.from(rows.begin);
                   if (!has_next) return layer.output_norm.run(x, count(rows), {}, stopwatch);
                   const Copies copies(model_.shared_inputs[index + 1], workspace_, rows.begin);
                   layer.output_norm.run(x, count(rows), copies.span(), stopwatch);
                 }},
            Step{projection_columns(model_.config), has_next,
                 [&](jit::Range rows, jit::Range columns, std::size_t) {
                   query_key_value(index + 1, rows, columns);
                 }});
}

// Each sequence's first row moves towards the front, so in order none is overwritten before it is
// read.
void Encoder::keep_first_tokens() const {
  for (const FloatRows& rows : {workspace_.hidden, workspace_.context.f32}) {
    for (std::size_t sequence = 0; sequence < batch_.sequences(); ++sequence) {
      const std::size_t row = batch_.begin(sequence);
      if (row != sequence) std::copy_n(rows.row(row), rows.ld, rows.row(sequence));
    }
  }
}

void Encoder::multiply(const Linear& linear, const Rows& in, const Rows& out,
                       const FloatRows& residual, std::size_t rows, jit::Range columns) const {
  observation_.see_input(linear, in.f32, rows, columns);
  observation_.timed_run(linear, rows, columns,
                         [&] { linear.run(in, out, residual, rows, columns); });
}

void Encoder::show_layer(std::size_t layer) const {
  const FloatRows& hidden = workspace_.hidden;
  observation_.see_layer(layer, {hidden.data, batch_.tokens() * hidden.ld});
}

}  // namespace bertq::engine
