// Texts to token ids, as the model reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bertq/export.h"
#include "bertq/model.hpp"

namespace bertq {

// The bytes [begin, end) of a text.
struct ByteSpan {
  std::uint32_t begin = 0, end = 0;
  friend bool operator==(const ByteSpan&, const ByteSpan&) = default;
};

// [CLS] text [SEP] or [CLS] text [SEP] pair [SEP].
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> segments;  // 0 up to and including the first [SEP], then 1
  std::vector<ByteSpan> spans;         // special tokens have none; those of segment 1 lie in `pair`
  bool truncated = false;
};

// Immutable and cheap to copy; any number of threads may use one at once.
class BERTQ_API Tokenizer {
 public:
  // A vocab.txt or tokenizer.json, or a folder with one, without a model. Throws Error (input).
  static Tokenizer load(const std::string& path, std::optional<bool> lower_case = {});

  // At most `max_tokens` tokens, the longer text giving first; 0: no limit. Throws Error: input for
  // a text that is not UTF-8, with the byte offset; usage for a limit below the special tokens.
  Encoding encode(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                  std::size_t max_tokens = 0) const;

  std::size_t vocabulary() const;                 // one more than the largest id
  std::string_view token(std::int32_t id) const;  // empty where there is none
  std::optional<std::int32_t> id(std::string_view token) const;

 private:
  friend class Model;
  struct BERTQ_HIDDEN Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace bertq
