// Brings the parts of a model together (config, weights, tokenizer, pooling) and checks each
// against the others, wherever they come from.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/model/model_files.h"
#include "engine/model/model_folder.h"
#include "engine/model/packed_facts.h"
#include "loaders/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

// Gets what stands before the names of the BERT's own files: "" or "0_Transformer/".
using OpenWeights = std::function<loaders::Checkpoint(const std::string& prefix)>;

// `packed`: of a .bertq file, whose weights need no checks of their names and shapes. Throws what
// open_model throws (model_files.h).
ModelFiles assemble_model(std::string name, const ModelFolder& folder,
                          const tokenizer::Tokenizer::Overrides& tokenizer_overrides,
                          const OpenWeights& open_weights,
                          std::shared_ptr<const PackedFacts> packed = nullptr);

}  // namespace bertq::engine
