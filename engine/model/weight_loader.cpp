#include "engine/model/weight_loader.h"

#include <algorithm>
#include <cmath>

#include "bertq/error.h"
#include "jit/gemm.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq::engine {
namespace {

constexpr std::size_t slice_floats = std::size_t{1} << 20;

}  // namespace

void WeightLoader::check_inputs(const std::string& module, std::size_t inputs) const {
  if (inputs <= jit::most_depth) return;
  throw Error(ErrorKind::input, place(module + ".weight") + ": expected at most " +
                                    std::to_string(jit::most_depth) + " inputs, got " +
                                    std::to_string(inputs));
}

const RoundedWeights& WeightLoader::rounded_weights() const {
  static const RoundedWeights none;
  return rounded_ == nullptr ? none : *rounded_;
}

std::span<const float> WeightLoader::vector(const std::string& name, std::size_t size,
                                            std::span<const float> added,
                                            std::span<const std::uint32_t> repeated) {
  const std::span<float> values = array<float>(name, jit::padded_columns(size + repeated.size()));
  if (is_packed()) return values;
  source_.read(name, 0, values.first(size));
  for (std::size_t i = 0; i < added.size(); ++i) values[i] += added[i];
  for (std::size_t i = 0; i < repeated.size(); ++i) values[size + i] = values[repeated[i]];
  return values;
}

const float* WeightLoader::f32_weight(const std::string& module, std::size_t outputs,
                                      std::size_t inputs, std::span<const std::uint32_t> repeated) {
  const std::span<float> packed = array<float>(
      module + ".weight.f32", jit::packed_f32_count(outputs + repeated.size(), inputs));
  if (is_packed()) return packed.data();
  for_each_slice(module + ".weight", outputs, inputs,
                 [&](std::size_t row, std::span<const float> slice) {
                   jit::pack_f32(slice.data(), row, slice.size() / inputs, inputs, packed.data());
                 });
  for (std::size_t i = 0; i < repeated.size(); ++i) {
    jit::repeat_row(std::as_writable_bytes(packed), inputs, repeated[i], outputs + i);
  }
  return packed.data();
}

const std::uint16_t* WeightLoader::bf16_weight(const std::string& module, std::size_t outputs,
                                               std::size_t inputs,
                                               std::span<const std::uint32_t> repeated) {
  const std::size_t bytes = jit::packed_bf16_bytes(outputs + repeated.size(), inputs);
  const std::span<std::uint16_t> packed =
      array<std::uint16_t>(module + ".weight.bf16", bytes / jit::bf16_bytes);
  if (is_packed()) return packed.data();
  const std::string tensor = module + ".weight";
  for_each_slice(tensor, outputs, inputs, [&](std::size_t row, std::span<const float> slice) {
    const std::size_t rows = slice.size() / inputs;
    require_bf16(jit::pack_bf16(slice.data(), row, rows, inputs, packed.data()), tensor);
  });
  const std::size_t cells = jit::padded_depth(inputs * jit::bf16_bytes) / jit::depth_group;
  for (std::size_t i = 0; i < repeated.size(); ++i) {
    jit::repeat_row(std::as_writable_bytes(packed), cells, repeated[i], outputs + i);
  }
  return packed.data();
}

void WeightLoader::require_bf16(float largest, const std::string& tensor) const {
  if (std::isfinite(largest)) return;
  throw Error(
      ErrorKind::input,
      place(tensor) + ": expected numbers up to 3.38e38, the largest of bf16, got a larger one");
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

}  // namespace bertq::engine
