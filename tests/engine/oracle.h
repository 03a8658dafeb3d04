// The forward pass of BERT once more, as short as can be, in double and with Eigen: the measure for
// the engine's. It shares no code with the kernels or the engine, only the loader's interface.
#pragma once

#include <Eigen/Dense>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/model/config.h"
#include "loaders/checkpoint.h"

namespace bertq::testing {
using namespace engine;

using OracleMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct OracleAnswer {
  std::vector<OracleMatrix> hidden;  // after the embeddings and after each layer, [tokens][hidden]
  std::vector<double> logits;        // of the classifier
  std::vector<double> token_logits;  // of the span head, [tokens][2]
};

// One sequence through a checkpoint whose tensors have their canonical names.
OracleAnswer oracle(const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                    std::span<const std::int32_t> ids, std::span<const std::int32_t> segments);

}  // namespace bertq::testing
