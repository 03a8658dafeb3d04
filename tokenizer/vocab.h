// A vocabulary: tokens and their ids, both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/token_table.h"

namespace bertq::tokenizer {

struct VocabEntry {
  std::string_view token;
  std::int32_t id = 0;
};

// Immutable; owns its strings.
class Vocab {
 public:
  // Ids must lie below this: a vocabulary is an array by id, and no file may make it huge.
  static constexpr std::int32_t max_size = 1 << 22;

  // Entries have ids in [0, max_size) and tokens of at most TokenTable::longest_allowed bytes.
  // Where a token is given twice, the later id is the token's, and both ids have its name. Empty
  // tokens are gaps.
  explicit Vocab(const std::vector<VocabEntry>& entries);

  std::size_t size() const { return tokens_.size(); }  // one more than the largest id
  std::string_view token(std::int32_t id) const;       // empty for a gap or an id out of range
  std::optional<std::int32_t> id(std::string_view token) const { return table_.find(token); }
  const TokenTable& table() const { return table_; }

 private:
  struct Place {
    std::uint32_t offset = 0, length = 0;
  };
  std::vector<Place> tokens_;  // by id, in bytes_
  std::string bytes_;
  TokenTable table_;
};

}  // namespace bertq::tokenizer
