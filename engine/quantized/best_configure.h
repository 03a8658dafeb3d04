// best_configure.yaml, which LPOT and Neural Compressor write beside the weights: which operation
// runs in which type. The weights say the same themselves, so the file only has to agree with them.
//
//   approach: post_training_static_quant
//   op:
//     ? !!python/tuple
//     - bert.pooler.dense
//     - Linear
//     : activation: {dtype: uint8, scheme: asym, granularity: per_tensor, algorithm: minmax}
//       weight: {dtype: int8, ...}
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/quantized/stored_quantization.h"

namespace bertq::engine {

inline constexpr std::string_view best_configure_file = "best_configure.yaml";
// Neural Compressor's weights, with its choices among the tensors instead (loaders/torch_walk.h).
inline constexpr std::string_view neural_compressor_file = "best_model.pt";
inline constexpr std::uint64_t best_configure_limit = 1'000'000;  // bytes; BERT-large has 80,000

struct ConfiguredLayer {
  std::string module;  // canonical; LPOT's "….attention.self.mixed" stays
  bool int8 = false;
  std::size_t line = 0;
};
struct BestConfigure {
  std::string approach;
  std::vector<ConfiguredLayer> layers;  // the linear ones
};

// Builds no Python object: a tag other than that of tuples is refused. Throws Error (input) naming
// the file and line.
BestConfigure parse_best_configure(std::string_view yaml, const std::string& name);

// Throws Error (input) unless both say the same of every linear layer. `name` is that of the file.
void check_best_configure(const BestConfigure& configure, const StoredQuantization& stored,
                          const std::string& name);

}  // namespace bertq::engine
