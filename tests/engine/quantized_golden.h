// What scripts/make_quantized_checkpoints.py wrote: texts, and what the systems that quantise
// answer.
#pragma once

#include <string>
#include <vector>

#include "engine/model/model_files.h"
#include "loaders/checkpoint.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;

class QuantizedGolden {
 public:
  // "q8bert" -> tests/data/golden/quantized/q8bert.safetensors
  explicit QuantizedGolden(const std::string& name);

  bool has(const std::string& tensor) const { return answers_.find(tensor) != nullptr; }
  std::vector<float> floats(const std::string& tensor) const;
  std::vector<double> doubles(const std::string& tensor) const;
  std::vector<std::int8_t> bytes(const std::string& tensor) const;
  std::vector<std::int32_t> integers(const std::string& tensor) const;
  std::vector<std::uint64_t> shape(const std::string& tensor) const;

  // Of the files that have them.
  std::vector<Text> texts() const;

 private:
  const loaders::Tensor& tensor(const std::string& name) const;
  loaders::Checkpoint answers_;
};

// A folder of tests/data/checkpoints.
std::filesystem::path quantized_fixture(const std::string& form);
ModelFiles open_quantized_fixture(const std::string& form);

// Logits of all texts, `batch` at a time in their order.
std::vector<float> logits_in_batches(Session& session, std::span<const Text> texts,
                                     std::size_t batch);

double largest_difference(std::span<const float> got, std::span<const float> want);

}  // namespace bertq::testing
