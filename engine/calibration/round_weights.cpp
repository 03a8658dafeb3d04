#include "engine/calibration/round_weights.h"

#include <algorithm>
#include <span>

#include "engine/precision/clipping.h"
#include "engine/precision/symmetric.h"

namespace bertq::engine {
namespace {

constexpr Eigen::Index block = 64;
constexpr float lowest_int8 = -128.0F, highest_int8 = 127.0F;

std::span<const float> row_of(const WeightMatrix& weights, Eigen::Index row) {
  return {weights.row(row).data(), static_cast<std::size_t>(weights.cols())};
}

// x to the nearest whole number, ties to even, for |x| < 2^22: vectors of them at SSE2's price.
template <typename Array>
auto rounded(const Array& x) {
  constexpr float magic = 12'582'912.0F;  // 1.5 * 2^23
  return (x + magic) - magic;
}

// The largest magnitude that an INT8 of 127 stands for in `rows`.
float clipped_largest(const WeightMatrix& rows, WeightClipping clipping) {
  const std::span<const float> all(rows.data(), static_cast<std::size_t>(rows.size()));
  const float largest = largest_magnitude(all);
  if (clipping == WeightClipping::none) return largest;
  ClippingSearch search(largest);
  for (Eigen::Index row = 0; row < rows.rows(); ++row) search.add(row_of(rows, row));
  return search.best();
}

// A scale for each output, from the largest magnitude that `largest_of` finds in some rows.
template <typename LargestOf>
std::vector<SymmetricScale> scales_of(const WeightMatrix& weights, Granularity granularity,
                                      LargestOf&& largest_of) {
  const auto outputs = static_cast<std::size_t>(weights.rows());
  if (granularity == Granularity::per_tensor) {
    return std::vector(outputs, symmetric_scale(largest_of(weights)));
  }
  std::vector<SymmetricScale> scales(outputs);
  for (std::size_t i = 0; i < outputs; ++i) {
    scales[i] =
        symmetric_scale(largest_of(WeightMatrix(weights.row(static_cast<Eigen::Index>(i)))));
  }
  return scales;
}

}  // namespace

Int8Layer nearest_weights(const WeightMatrix& weights, Granularity granularity,
                          WeightClipping clipping) {
  const auto scales = scales_of(weights, granularity, [&](const WeightMatrix& rows) {
    return clipped_largest(rows, clipping);
  });
  Int8Layer layer;
  layer.weights.resize(weights.rows(), weights.cols());
  for (Eigen::Index row = 0; row < weights.rows(); ++row) {
    const SymmetricScale& scale = scales[static_cast<std::size_t>(row)];
    quantize_symmetric(row_of(weights, row), scale, layer.weights.row(row).data());
    layer.scale.push_back(scale.scale);
  }
  return layer;
}

Int8Layer calibrated_weights(const WeightMatrix& weights, const Eigen::MatrixXf& factor,
                             const std::vector<Eigen::Index>& order, Granularity granularity) {
  const Eigen::Index outputs = weights.rows(), inputs = weights.cols();
  const WeightMatrix ordered = weights(Eigen::all, order);
  const auto scales = scales_of(ordered, granularity, [](const WeightMatrix& rows) {
    return clipped_largest(rows, WeightClipping::none);
  });
  Eigen::ArrayXf scale(outputs), inverse(outputs);
  for (Eigen::Index i = 0; i < outputs; ++i) {
    scale[i] = scales[static_cast<std::size_t>(i)].scale;
    inverse[i] = scales[static_cast<std::size_t>(i)].inverse;
  }
  Int8Layer layer;
  layer.weights.resize(outputs, inputs);
  layer.scale.assign(scale.begin(), scale.end());
  const Eigen::MatrixXf wanted = ordered;  // by columns
  Eigen::MatrixXf error = Eigen::MatrixXf::Zero(outputs, inputs);
  for (Eigen::Index end = inputs; end > 0;) {
    const Eigen::Index begin = std::max<Eigen::Index>(end - block, 0), width = end - begin;
    // What the errors so far, in all columns behind the block, ask of the columns in it.
    Eigen::MatrixXf pull =
        error.rightCols(inputs - end) * factor.block(end, begin, inputs - end, width);
    for (Eigen::Index i = end - 1; i >= begin; --i) {
      const Eigen::Index behind = end - 1 - i;
      pull.col(i - begin) += error.middleCols(i + 1, behind) * factor.col(i).segment(i + 1, behind);
      const Eigen::ArrayXf target =
          wanted.col(i).array() + pull.col(i - begin).array() / factor(i, i);
      const Eigen::ArrayXf q = rounded((target * inverse).max(lowest_int8).min(highest_int8));
      error.col(i) = wanted.col(i).array() - q * scale;
      layer.weights.col(order[static_cast<std::size_t>(i)]) = q.cast<std::int8_t>().matrix();
    }
    end = begin;
  }
  return layer;
}

}  // namespace bertq::engine
