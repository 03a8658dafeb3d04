// nlp-architect's Q8BERT: the training form (pytorch_model.bin, float weights beside the thresholds
// that training found) and the inference form (quant_pytorch_model.bin, integers). Which layers are
// quantised, and how, is in config.json and never assumed.
#pragma once

#include <vector>

#include "engine/quantized/canonical_tensors.h"
#include "engine/quantized/stored_quantization.h"

namespace bertq::engine {

// The key of config.json for a module: "bert.pooler.dense" -> "pooler". Empty for what has none.
std::string_view q8bert_key(std::string_view module);

// Throws what stored_quantization throws.
StoredQuantization stored_q8bert(const loaders::Checkpoint& checkpoint,
                                 const std::vector<NamedTensor>& tensors,
                                 const ModelConfig& config);

}  // namespace bertq::engine
