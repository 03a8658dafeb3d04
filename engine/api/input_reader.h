// From a caller's inputs to batches: tokenized, checked for length, and no larger than is good for
// the caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bertq/session.hpp"
#include "engine/model/model_files.h"
#include "engine/model/packed_batch.h"
#include "tokenizer/tokenizer.h"

namespace bertq {

// One input as the model takes it; looks at the input or at the reader.
struct ReadInput {
  std::span<const std::int32_t> ids, segments;
  bool truncated = false;
};

// Not thread-safe. Reads an input no longer than earlier ones without allocating.
class InputReader {
 public:
  // `files` outlives it.
  InputReader(const engine::ModelFiles& files, std::size_t max_tokens, bool truncate);

  // Holds until the next one. Throws Error (input), or what the tokenizer throws.
  ReadInput read(const Input& input);
  // The same, whose errors name the input by its number among several.
  ReadInput read(std::span<const Input> inputs, std::size_t number);

  std::size_t max_tokens() const { return max_tokens_; }

 private:
  const engine::ModelFiles& files_;
  std::size_t max_tokens_;
  bool truncate_;
  tokenizer::Tokenizer::Scratch scratch_;
  tokenizer::Encoding encoding_;
};

}  // namespace bertq
