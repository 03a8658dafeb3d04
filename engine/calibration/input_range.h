// The static ranges of a layer's input, and what they do to its values.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/calibration/range_search.h"

namespace bertq::engine {

// Sampled values channel by channel: [channels][rows].
using ChannelMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
inline std::span<const float> channel_of(const ChannelMatrix& samples, std::size_t channel) {
  return {samples.row(static_cast<Eigen::Index>(channel)).data(),
          static_cast<std::size_t>(samples.cols())};
}

// One for all channels, or one for each: x[c] = scale[c] * (q - zero_point[c]), q in 0..255.
struct InputRange {
  std::vector<float> scale;
  std::vector<std::int32_t> zero_point;

  bool equalized() const { return scale.size() > 1; }
  ByteRange of(std::size_t channel) const {
    const std::size_t i = equalized() ? channel : 0;
    return {scale[i], zero_point[i]};
  }
};

// The moments of (quantised - exact) over some values, each counted as often as its weight says.
struct QuantizationError {
  double mean = 0.0, mean_square = 0.0;
  double variance() const { return std::max(mean_square - mean * mean, 0.0); }
};
// As the kernels quantise: q = clamp(rne(x * (1 / scale)) + zero_point, 0, 255).
// `weights` are as many as the values.
QuantizationError quantization_error(std::span<const float> values, std::span<const float> weights,
                                     const ByteRange& range);

}  // namespace bertq::engine
