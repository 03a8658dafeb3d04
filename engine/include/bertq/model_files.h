// What `-m` names: a folder with config.json, weights and a tokenizer, or the embedded sample.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bertq/config.h"
#include "bertq/model.h"
#include "loaders/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace bertq {

// Everything of a published checkpoint, opened and validated, with no weights read yet.
struct ModelFiles {
  std::string name;  // for people: the path, or "embedded sample"
  ModelConfig config;
  loaders::Checkpoint checkpoint;
  std::optional<tokenizer::Tokenizer> tokenizer;  // absent where the folder has none
  std::optional<PoolingChoice> pooling;           // sentence-transformers' modules.json
  std::size_t max_tokens = 0;                     // the folder's own limit, else config.positions
};

// Throws Error (input), loaders::FormatError or tokenizer::TokenizerError. A vocabulary larger than
// the word embeddings is refused.
ModelFiles open_model(const std::filesystem::path& path,
                      const tokenizer::Tokenizer::Overrides& tokenizer_overrides);

// The sample compiled into the program: a small BERT fine-tuned on made-up sentence pairs.
ModelFiles open_embedded_model(const tokenizer::Tokenizer::Overrides& tokenizer_overrides);
// Its pairs, in the form of MRPC's files.
std::string_view embedded_mrpc();

}  // namespace bertq
