// One layer of the encoder: its weights and the steps of its forward pass.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "engine/model/attention.h"
#include "engine/model/config.h"
#include "engine/model/layer_norm.h"
#include "engine/model/linear.h"
#include "engine/model/weight_loader.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

// "bert.encoder.layer.3."
std::string layer_prefix(std::size_t layer);

struct EncoderLayer {
  // `prefix` is layer_prefix(its number).
  EncoderLayer(WeightLoader& loader, const ModelConfig& config, const Recipe& recipe,
               const std::string& prefix);

  std::array<Linear, 3> query_key_value;
  AttentionChoice attention;
  Linear attention_output;
  LayerNorm attention_norm;
  Linear intermediate;
  Linear output;
  LayerNorm output_norm;
};

// Which quantised or rounded copies of its input a layer's query, key and value read: most often
// one that all three share.
struct SharedInputs {
  explicit SharedInputs(const EncoderLayer& layer);

  std::array<InputFormat, 3> formats;       // of the copies
  std::size_t count = 0;                    // copies
  std::array<std::size_t, 3> copy_of = {};  // by query, key, value
};

}  // namespace bertq::engine
