#include "engine/model/weight_loader.h"

#include <algorithm>

#include "jit/layout.h"

namespace bertq {
namespace {

constexpr std::size_t slice_floats = std::size_t{1} << 20;

}  // namespace

std::span<const float> WeightLoader::vector(const std::string& name, std::size_t size) {
  const std::span<float> values = array<float>(name, jit::padded_columns(size));
  if (!is_packed()) source_.read(name, 0, values.first(size));
  return values;
}

std::size_t WeightLoader::slice_rows(std::size_t k) {
  const std::size_t rows = slice_floats / k;
  return std::max<std::size_t>(1, rows >= jit::lanes ? rows / jit::lanes * jit::lanes : rows);
}

std::span<const float> WeightLoader::read(const std::string& name, std::size_t first,
                                          std::size_t count) {
  if (slice_.size() < count) slice_.resize(count);
  const std::span<float> slice(slice_.data(), count);
  source_.read(name, first, slice);
  return slice;
}

}  // namespace bertq
