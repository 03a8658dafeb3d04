// tokenizer.json, the file of Hugging Face `tokenizers`: of all that it can describe, BERT's
// tokenizer. Another model, normaliser, pre-tokenizer or post-processor is refused by name.
#pragma once

#include <string_view>

#include "tokenizer/definition.h"

namespace bertq::tokenizer {

// Stored truncation and padding are ignored: this tokenizer never pads, and truncates when asked
// to. `file` stands for the file in messages. Throws TokenizerError naming file and key.
Definition parse_tokenizer_json(std::string_view bytes, std::string_view file);

}  // namespace bertq::tokenizer
