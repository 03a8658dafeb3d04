#include "engine/quantized/torch_range.h"

#include <algorithm>
#include <cmath>

namespace bertq::engine {
namespace {

constexpr float small_scale = 6.1e-5F;
constexpr double scale_of_nothing = 0.1;

// The zero point for which that end of the range comes out whose own error is smaller.
double zero_point_of(double lowest, double highest, double scale, double most) {
  const double from_lowest = -lowest / scale;
  const double from_highest = most - highest / scale;
  const double error_at_lowest = -std::abs(lowest / scale);
  const double error_at_highest = most - std::abs(highest / scale);
  return error_at_lowest < error_at_highest ? from_lowest : from_highest;
}

}  // namespace

TorchRange torch_range(float lowest, float highest, bool reduced) {
  const double most = reduced ? 127.0 : 255.0;
  lowest = std::min(lowest, 0.0F);
  highest = std::max(highest, 0.0F);
  double scale = (static_cast<double>(highest) - static_cast<double>(lowest)) / most;
  if (static_cast<float>(scale) == 0.0F || std::isinf(1.0F / static_cast<float>(scale))) {
    scale = scale_of_nothing;
  }
  if (scale < static_cast<double>(small_scale)) {
    const auto steps = static_cast<float>(most);
    const float growth = small_scale / static_cast<float>(scale);
    scale = static_cast<double>(small_scale);
    if (lowest == 0.0F) {
      highest = small_scale * steps;
    } else if (highest == 0.0F) {
      lowest = -small_scale * steps;
    } else {
      lowest *= growth;
      highest *= growth;
    }
  }
  const double zero =
      zero_point_of(static_cast<double>(lowest), static_cast<double>(highest), scale, most);
  return {static_cast<float>(scale),
          static_cast<std::int32_t>(std::nearbyint(std::clamp(zero, 0.0, most)))};
}

}  // namespace bertq::engine
