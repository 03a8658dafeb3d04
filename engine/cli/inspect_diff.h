// How two checkpoints of any formats differ, tensor by tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/json_output.h"
#include "loaders/checkpoint.h"

namespace bertq::engine::cli {

// Tensors of one name in both; they have canonical names (tensor_names.h), and kernels that a
// format keeps as [in][out] are turned round, so that only the numbers count. Quantised tensors are
// compared by what they stand for.
struct TensorDiff {
  std::string name;
  std::vector<std::uint64_t> shape_a, shape_b;
  std::string type_a, type_b;
  bool compared = false;  // equal shapes, and types that can be compared
  std::uint64_t differing = 0;
  // The largest |a - b| and where it is, row-major; NaN against a number counts as infinite.
  double largest = 0.0;
  std::uint64_t index = 0;
  double value_a = 0.0, value_b = 0.0;

  bool equal() const { return compared && differing == 0; }
};

struct CheckpointDiff {
  std::string a, b;
  std::vector<std::string> only_a, only_b;
  std::vector<TensorDiff> common;

  bool identical() const;
};

// Throws what reading the tensors throws.
CheckpointDiff diff_checkpoints(const loaders::Checkpoint& a, const loaders::Checkpoint& b);

Json diff_json(const CheckpointDiff& diff);
std::string diff_text(const CheckpointDiff& diff);

}  // namespace bertq::engine::cli
