#include "engine/model/tensor_source.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "bertq/error.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

constexpr std::size_t random_labels = 2;
constexpr float random_deviation = 0.02F;

// SplitMix64: a good 64-bit hash of its argument.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0;
  for (const char c : text) h = mix(h ^ static_cast<unsigned char>(c));
  return h;
}

// Nearly normal, deviation 1: the sum of four uniform 16-bit numbers, which costs a fiftieth of an
// exact one.
float nearly_normal(std::uint64_t bits) {
  float sum = 0.0F;
  for (int i = 0; i < 4; ++i) sum += static_cast<float>((bits >> (16 * i)) & 0xffffU);
  constexpr float mean = 2.0F * 65535.0F;
  constexpr float deviation = 37837.2F;  // sqrt(4 / 12) * 65536
  return (sum - mean) / deviation;
}

std::string place_of(const loaders::Tensor& tensor) {
  return tensor.file() + ": tensor " + loaders::printable(tensor.name);
}

[[noreturn]] void fail(const loaders::Tensor& tensor, const std::string& what) {
  throw Error(ErrorKind::input, place_of(tensor) + ": " + what);
}

}  // namespace

std::vector<double> TensorSource::integer_scales(std::string_view, loaders::DType) const {
  return {};
}
void TensorSource::read_integers(std::string_view name, std::uint64_t,
                                 std::span<std::int8_t>) const {
  throw std::logic_error("no integers in " + std::string(name));
}
void TensorSource::read_integers(std::string_view name, std::uint64_t,
                                 std::span<std::int32_t>) const {
  throw std::logic_error("no integers in " + std::string(name));
}

CheckpointSource::CheckpointSource(const loaders::Checkpoint& checkpoint, const ModelConfig& config)
    : file_(checkpoint.name), tensors_(find_tensors(checkpoint, config)) {
  loaders::ChecksumVerifier verifier;
  for (const auto& [name, tensor] : tensors_) verifier.verify(tensor);
}

const loaders::Tensor& CheckpointSource::tensor(std::string_view name) const {
  return tensors_.find(name)->second;
}

bool CheckpointSource::has(std::string_view name) const {
  return tensors_.contains(name);
}

std::size_t CheckpointSource::rows(std::string_view name) const {
  return static_cast<std::size_t>(tensor(name).shape.front());
}

void CheckpointSource::read(std::string_view name, std::uint64_t first,
                            std::span<float> out) const {
  const loaders::Tensor& stored = tensor(name);
  loaders::read_f32(stored, first, out);
  const auto bad =
      std::find_if(out.begin(), out.end(), [](float value) { return !std::isfinite(value); });
  if (bad == out.end()) return;
  fail(stored, "element " + std::to_string(first + static_cast<std::uint64_t>(bad - out.begin())) +
                   ": expected a finite number, got " + (std::isnan(*bad) ? "NaN" : "infinity"));
}

std::string CheckpointSource::place(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? file_ + ": " + std::string(name) : place_of(found->second);
}

std::vector<double> CheckpointSource::integer_scales(std::string_view name,
                                                     loaders::DType dtype) const {
  const loaders::Tensor& stored = tensor(name);
  if (stored.affine == nullptr || stored.dtype != dtype) return {};
  const loaders::Affine& affine = *stored.affine;
  for (const double zero_point : affine.zero_points) {
    if (zero_point == 0.0) continue;
    fail(stored, "expected integers with zero point 0, got " +
                     std::to_string(static_cast<std::int64_t>(zero_point)) +
                     " (--precision fp32 runs them)");
  }
  for (const double scale : affine.scales) {
    const auto narrow = static_cast<float>(scale);
    if (narrow > 0.0F && std::isnormal(narrow)) continue;
    fail(stored, "expected a positive scale, got " + std::to_string(scale));
  }
  if (affine.scales.size() != 1 && affine.axis != 0) {
    fail(stored, "expected one scale, or one a row, got one a column");
  }
  return affine.scales;
}

void CheckpointSource::read_integers(std::string_view name, std::uint64_t first,
                                     std::span<std::int8_t> out) const {
  loaders::read_i8(tensor(name), first, out);
}

void CheckpointSource::read_integers(std::string_view name, std::uint64_t first,
                                     std::span<std::int32_t> out) const {
  loaders::read_i32(tensor(name), first, out);
}

RandomSource::RandomSource(const ModelConfig& config, std::uint64_t seed)
    : tensors_(expected_tensors(config)), seed_(seed) {
  std::erase_if(tensors_, [](const ExpectedTensor& tensor) { return tensor.part == Part::span; });
}

bool RandomSource::has(std::string_view name) const {
  return std::any_of(tensors_.begin(), tensors_.end(),
                     [&](const ExpectedTensor& tensor) { return tensor.name == name; });
}

std::size_t RandomSource::rows(std::string_view name) const {
  const auto tensor =
      std::find_if(tensors_.begin(), tensors_.end(),
                   [&](const ExpectedTensor& candidate) { return candidate.name == name; });
  const std::uint64_t rows = tensor->shape.front();
  return rows == any_size ? random_labels : static_cast<std::size_t>(rows);
}

void RandomSource::read(std::string_view name, std::uint64_t first, std::span<float> out) const {
  const float center = name.ends_with("LayerNorm.weight") ? 1.0F : 0.0F;
  const std::uint64_t stream = mix(seed_ ^ hash(name));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = center + random_deviation * nearly_normal(mix(stream + first + i));
  }
}

}  // namespace bertq::engine
