#include "engine/model/layer_norm.h"

#include <algorithm>
#include <array>

#include "jit/layout.h"

namespace bertq::engine {

LayerNorm::LayerNorm(WeightLoader& loader, const std::string& module, std::size_t columns,
                     float epsilon)
    : module_(module),
      kernels_(&loader.kernels().rows()),
      columns_(columns),
      epsilon_(epsilon),
      gamma_(loader.vector(module + ".weight", columns)),
      beta_(loader.vector(module + ".bias", columns)) {}

void LayerNorm::run(const FloatRows& x, std::size_t rows, std::span<const QuantizedCopy> copies,
                    const Stopwatch& stopwatch) const {
  std::array<float, jit::tile_rows> reciprocal_deviation;
  jit::LayerNormArgs args;
  args.ld = x.ld;
  args.columns = columns_;
  args.gamma = gamma_.data();
  args.beta = beta_.data();
  args.epsilon = epsilon_;
  args.reciprocal_deviation = reciprocal_deviation.data();
  for (std::size_t row = 0; row < rows; row += jit::tile_rows) {
    const FloatRows panel = x.from(row);
    args.x = panel.data;
    args.rows = std::min(jit::tile_rows, rows - row);
    stopwatch.timed(module_, "layer_norm", [&] { kernels_->layer_norm(&args); });
    require_finite({reciprocal_deviation.data(), args.rows}, module_);
    for (const QuantizedCopy& copy : copies) {
      quantize_rows(stopwatch, *kernels_, copy.format, panel, copy.rows.from(row), args.rows,
                    module_);
    }
  }
}

}  // namespace bertq::engine
