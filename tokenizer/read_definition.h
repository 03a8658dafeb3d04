// A tokenizer's definition from a checkpoint's folder or from one file.
#pragma once

#include <filesystem>

#include "tokenizer/definition.h"
#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {

// tokenizer.json, or else vocab.txt, with tokenizer_config.json, special_tokens_map.json and
// added_tokens.json. Whatever two files say of one thing must be the same. A lower-casing that the
// user asks for settles a contradiction about it. Throws TokenizerError.
Definition read_files(const Files& files, const Tokenizer::Overrides& overrides);
Files files_in(const std::filesystem::path& folder);

// vocab.txt or tokenizer.json, told apart by content, and nothing beside it.
Definition read_definition_file(const std::filesystem::path& file);

// The definition that a vocab.txt alone makes.
Definition define_by_vocab_txt(std::string_view bytes, std::string_view file);

}  // namespace bertq::tokenizer
