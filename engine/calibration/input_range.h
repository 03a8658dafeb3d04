// The static ranges of a layer's input, and what they do to its values.
#pragma once

#include <Eigen/Core>
#include <algorithm>
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

// One for all channels, or one for each: x[c] = scale[c] * (q - zero_point[c]), q in 0..255, or in
// more of them where a channel is split.
struct InputRange {
  std::vector<float> scale;
  std::vector<std::int32_t> zero_point;
  std::vector<ChannelSplit> splits = {};  // by rising channel

  bool equalized() const { return scale.size() > 1; }
  ByteRange of(std::size_t channel) const {
    const std::size_t i = equalized() ? channel : 0;
    const auto split = std::ranges::lower_bound(splits, channel, {}, &ChannelSplit::channel);
    const bool found = split != splits.end() && split->channel == channel;
    return {scale[i], zero_point[i], found ? split->columns : 1};
  }
};

// The moments of (quantised - exact) over some values, each counted as often as its weight says.
struct QuantizationError {
  double mean = 0.0, mean_square = 0.0;
  double variance() const { return std::max(mean_square - mean * mean, 0.0); }
};
// As the kernels quantise: q = clamp(rne(x * (1 / scale)) + zero_point, 0, steps).
// `weights` are as many as the values.
QuantizationError quantization_error(std::span<const float> values, std::span<const float> weights,
                                     const ByteRange& range);

}  // namespace bertq::engine
