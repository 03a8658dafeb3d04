#include "engine/quantized/quantizing_source.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/precision/symmetric.h"

namespace bertq::engine {
namespace {

constexpr std::uint64_t slice = std::uint64_t{1} << 20;  // elements read at once
constexpr float torch_half_range = 127.5F;
constexpr float q8bert_most = 127.0F;

}  // namespace

QuantizingSource::QuantizingSource(const TensorSource& inner, WeightScheme scheme,
                                   const std::map<std::string, std::uint64_t>& tensors)
    : inner_(inner), scheme_(scheme) {
  for (const auto& [name, elements] : tensors) {
    if (!inner.integer_scales(name, loaders::DType::i8).empty()) continue;
    scales_.emplace(name, scale_of(largest(name, elements)));
  }
}

float QuantizingSource::largest(const std::string& name, std::uint64_t elements) const {
  std::vector<float> values(std::min(slice, elements));
  float result = 0.0F;
  for (std::uint64_t first = 0; first < elements; first += slice) {
    const std::span<float> part = std::span(values).first(std::min(slice, elements - first));
    inner_.read(name, first, part);
    result = std::max(result, largest_magnitude(part));
  }
  return result;
}

QuantizingSource::Scale QuantizingSource::scale_of(float largest) const {
  if (scheme_ == WeightScheme::torch) {
    const float scale = std::max(largest / torch_half_range, std::numeric_limits<float>::epsilon());
    return {static_cast<double>(scale), 1.0F / scale};
  }
  // A table of zeros, such as segments that no training has used.
  const float multiplier = q8bert_most / largest;
  if (!std::isnormal(multiplier)) return {1.0, 1.0F};
  return {1.0 / static_cast<double>(multiplier), multiplier};
}

void QuantizingSource::read(std::string_view name, std::uint64_t first,
                            std::span<float> out) const {
  const auto scale = scales_.find(name);
  if (scale == scales_.end()) return inner_.read(name, first, out);
  std::vector<std::int8_t> integers(out.size());
  read_integers(name, first, integers);
  const auto step = static_cast<float>(scale->second.scale);
  std::transform(integers.begin(), integers.end(), out.begin(),
                 [&](std::int8_t q) { return static_cast<float>(q) * step; });
}

std::vector<double> QuantizingSource::integer_scales(std::string_view name,
                                                     loaders::DType dtype) const {
  const auto scale = scales_.find(name);
  if (scale == scales_.end()) return inner_.integer_scales(name, dtype);
  if (dtype != loaders::DType::i8) return {};
  return {scale->second.scale};
}

void QuantizingSource::read_integers(std::string_view name, std::uint64_t first,
                                     std::span<std::int8_t> out) const {
  const auto scale = scales_.find(name);
  if (scale == scales_.end()) return inner_.read_integers(name, first, out);
  std::vector<float> values(out.size());
  inner_.read(name, first, values);
  quantize_symmetric(values, {static_cast<float>(scale->second.scale), scale->second.multiplier},
                     out.data());
}

void QuantizingSource::read_integers(std::string_view name, std::uint64_t first,
                                     std::span<std::int32_t> out) const {
  inner_.read_integers(name, first, out);
}

}  // namespace bertq::engine
