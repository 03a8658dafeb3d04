#include "quantized_golden.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace bertq::testing {
using namespace engine;
namespace {

const std::filesystem::path data = BERTQ_TEST_DATA;

}  // namespace

QuantizedGolden::QuantizedGolden(const std::string& name)
    : answers_(loaders::open_checkpoint(data / "golden" / "quantized" / (name + ".safetensors"))) {}

const loaders::Tensor& QuantizedGolden::tensor(const std::string& name) const {
  const loaders::Tensor* found = answers_.find(name);
  if (found == nullptr) throw std::out_of_range("no tensor " + name);
  return *found;
}

std::vector<float> QuantizedGolden::floats(const std::string& name) const {
  std::vector<float> values(tensor(name).elements);
  loaders::read_f32(tensor(name), 0, values);
  return values;
}
std::vector<double> QuantizedGolden::doubles(const std::string& name) const {
  std::vector<double> values(tensor(name).elements);
  loaders::read_f64(tensor(name), 0, values);
  return values;
}
std::vector<std::int8_t> QuantizedGolden::bytes(const std::string& name) const {
  std::vector<std::int8_t> values(tensor(name).elements);
  loaders::read_i8(tensor(name), 0, values);
  return values;
}
std::vector<std::int32_t> QuantizedGolden::integers(const std::string& name) const {
  std::vector<std::int32_t> values(tensor(name).elements);
  loaders::read_i32(tensor(name), 0, values);
  return values;
}
std::vector<std::uint64_t> QuantizedGolden::shape(const std::string& name) const {
  return tensor(name).shape;
}

std::vector<Text> QuantizedGolden::texts() const {
  const std::vector<float> ids = floats("ids"), segments = floats("segments"),
                           bounds = floats("bounds");
  std::vector<Text> texts;
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    Text& text = texts.emplace_back();
    for (auto token = static_cast<std::size_t>(bounds[i]);
         token < static_cast<std::size_t>(bounds[i + 1]); ++token) {
      text.ids.push_back(static_cast<std::int32_t>(ids[token]));
      text.segments.push_back(static_cast<std::int32_t>(segments[token]));
    }
  }
  return texts;
}

std::filesystem::path quantized_fixture(const std::string& form) {
  return data / "checkpoints" / form;
}

ModelFiles open_quantized_fixture(const std::string& form) {
  return open_model(quantized_fixture(form), {});
}

std::vector<float> logits_in_batches(Session& session, std::span<const Text> texts,
                                     std::size_t batch) {
  std::vector<float> logits;
  for (std::size_t first = 0; first < texts.size(); first += batch) {
    const auto part = texts.subspan(first, std::min(batch, texts.size() - first));
    const auto rows = session.logits(batch_of(part));
    logits.insert(logits.end(), rows.begin(), rows.end());
  }
  return logits;
}

double largest_difference(std::span<const float> got, std::span<const float> want) {
  if (got.size() != want.size()) return HUGE_VAL;
  double largest = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
    largest = std::isnan(difference) ? HUGE_VAL : std::max(largest, difference);
  }
  return largest;
}

}  // namespace bertq::testing
