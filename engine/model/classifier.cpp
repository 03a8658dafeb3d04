#include "engine/model/classifier.h"

#include <algorithm>

#include "engine/runtime/chain.h"

namespace bertq {
namespace {

std::size_t count(jit::Range range) {
  return range.end - range.begin;
}

}  // namespace

void run_classifier(const Model::Impl& model, std::size_t sequences, ThreadPool& pool,
                    const Workspace& workspace) {
  const jit::RowKernels& kernels = model.kernels.rows();
  const Linear& pooler = *model.pooler;
  const Linear& classifier = *model.classifier;
  const Rows input{workspace.hidden, workspace.hidden_u8[0]};
  const Rows& pooled = workspace.context;  // free after the last layer
  const Rows logits{workspace.logits, {}};
  const auto quantize = [&](const Linear& reader, const Rows& all) {
    return [&kernels, &reader, all](jit::Range rows, jit::Range, std::size_t) {
      const Rows part = all.from(rows.begin);
      quantize_rows(kernels, reader.input_format(), part.f32, part.u8, count(rows),
                    reader.module());
    };
  };
  run_chain(pool, workspace.partition.grid(sequences),
            Step{0, pooler.input_format().quantized(), quantize(pooler, input)},
            Step{pooler.outputs(), true,
                 [&](jit::Range rows, jit::Range columns, std::size_t) {
                   pooler.run(input.from(rows.begin), pooled.from(rows.begin), {}, count(rows),
                              columns);
                 }},
            Step{0, classifier.input_format().quantized(), quantize(classifier, pooled)},
            Step{classifier.outputs(), true, [&](jit::Range rows, jit::Range columns, std::size_t) {
                   classifier.run(pooled.from(rows.begin), {logits.f32.from(rows.begin), {}}, {},
                                  count(rows), columns);
                 }});
  for (std::size_t sequence = 0; sequence < sequences; ++sequence) {
    const std::span<float> row =
        workspace.dense_logits.subspan(sequence * classifier.outputs(), classifier.outputs());
    std::copy_n(logits.f32.row(sequence), row.size(), row.begin());
    require_finite(row, classifier.module());
  }
}

}  // namespace bertq
