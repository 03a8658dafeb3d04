#include "engine/model/heads.h"

#include <algorithm>

#include "engine/runtime/chain.h"

namespace bertq::engine {
namespace {

std::size_t count(jit::Range range) {
  return range.end - range.begin;
}

// The rows with their tiles of the elements that the layer reads.
Rows rows_for(const Linear& reader, const Rows& rows) {
  return {rows.f32, rows.tiled.of_elements(reader.input_format().element_bytes())};
}

// The two steps of a linear layer that reads f32 rows: quantise them, if it wants that, and
// multiply.
auto quantize_step(const Model::Impl& model, const Linear& linear, const Rows& input,
                   const Observation& observation) {
  return Step{0, linear.input_format().tiled(),
              [&model, &linear, input, &observation](jit::Range rows, jit::Range, std::size_t) {
                const Rows part = rows_for(linear, input.from(rows.begin));
                quantize_rows(observation.stopwatch, model.kernels.rows(), linear.input_format(),
                              part.f32, part.tiled, count(rows), linear.module());
              }};
}
auto product_step(const Linear& linear, const Rows& input, const Rows& output,
                  const Observation& observation) {
  return Step{
      linear.outputs(), true,
      [&linear, input, output, &observation](jit::Range rows, jit::Range columns, std::size_t) {
        observation.see_input(linear, input.f32.from(rows.begin), count(rows), columns);
        observation.timed_run(linear, count(rows), columns, [&] {
          linear.run(rows_for(linear, input.from(rows.begin)), output.from(rows.begin), {},
                     count(rows), columns);
        });
      }};
}

// The logits without the padding of their rows.
void make_dense(const Workspace& workspace, std::size_t rows, const Linear& head) {
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<float> row = workspace.dense_logits.subspan(i * head.outputs(), head.outputs());
    std::copy_n(workspace.logits.row(i), row.size(), row.begin());
    require_finite(row, head.module());
  }
}

}  // namespace

void run_classifier(const Model::Impl& model, std::size_t sequences, ThreadPool& pool,
                    const Workspace& workspace, const Observation& observation) {
  const Rows input{workspace.hidden, workspace.hidden_tiles[0]};
  const Rows& pooled = workspace.context;  // free after the last layer
  run_chain(pool, workspace.partition.grid(sequences),
            quantize_step(model, *model.pooler, input, observation),
            product_step(*model.pooler, input, pooled, observation),
            quantize_step(model, *model.classifier, pooled, observation),
            product_step(*model.classifier, pooled, {workspace.logits, {}}, observation));
  make_dense(workspace, sequences, *model.classifier);
}

void run_span_head(const Model::Impl& model, std::size_t tokens, ThreadPool& pool,
                   const Workspace& workspace, const Observation& observation) {
  const Rows input{workspace.hidden, workspace.hidden_tiles[0]};
  run_chain(pool, workspace.partition.grid(tokens),
            quantize_step(model, *model.span, input, observation),
            product_step(*model.span, input, {workspace.logits, {}}, observation));
  make_dense(workspace, tokens, *model.span);
}

}  // namespace bertq::engine
