// What is in a checkpoint, whether or not the engine can use it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bertq/error.h"
#include "engine/model/model_files.h"
#include "engine/quantized/stored_quantization.h"

namespace bertq::engine::cli {

// Of a tensor's elements. The range is that of the finite ones, and absent if there are none.
struct ValueSummary {
  std::optional<float> least, greatest;
  std::uint64_t nans = 0, infinities = 0;
};

struct TensorReport {
  std::size_t index = 0;  // in the checkpoint
  std::string_view part;  // "embeddings", "encoder", ..., "ignored"
  // In INT8 without a recipe: "int8", "fp32", "range" (what quantised the checkpoint gives those),
  // "ignored"; "" if unknown.
  std::string_view use;
  std::optional<ValueSummary> values;  // if asked for and of a float or a quantised type
};

// Sums over the tensors of one part or type.
struct Share {
  std::string_view name;
  std::uint64_t tensors = 0, parameters = 0, bytes = 0, quantized = 0;  // `quantized` parameters
};

struct Inspection {
  // Without `problem` everything; with it at least name and checkpoint.
  ModelFiles files;
  std::optional<Error> problem;     // why the engine refuses the model
  StoredQuantization quantization;  // of a checkpoint that comes quantised
  std::vector<TensorReport> tensors;
  std::vector<Share> parts;   // that there are, in the order of the forward pass
  std::vector<Share> dtypes;  // most bytes first
};

// `model` as -m has it; empty: the embedded sample. Reads weights only if `with_values`. Throws
// what opening throws if not even the weights' metadata can be read.
Inspection inspect_model(const std::string& model, bool with_values);

}  // namespace bertq::engine::cli
