// What sentence-transformers writes beside a BERT: modules.json, the pooling module's config.json
// and sentence_bert_config.json.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "engine/model/model.h"
#include "engine/model/model_folder.h"

namespace bertq::engine {

struct SentenceTransformer {
  std::string transformer;     // before the names of the BERT's files: "" or "0_Transformer/"
  std::string pooling_config;  // the file, for messages
  PoolingChoice pooling;
  std::optional<std::size_t> width;  // of the vectors, as the pooling has it
  std::optional<std::size_t> max_tokens;
  bool lower_cases = false;  // the text, before the tokenizer sees it
};

// Empty if `folder` has no modules.json. Throws Error (input), naming the file and what it asks
// for: modules other than Transformer, Pooling and Normalize in this order, pooling other than mean
// and CLS.
std::optional<SentenceTransformer> read_sentence_transformer(const ModelFolder& folder);

}  // namespace bertq::engine
