// A flat hash table from strings to ids, made for greedy longest match: it hashes a text once and
// asks for its prefixes from the longest down, without allocating.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::tokenizer {

class TokenTable {
 public:
  // No token is longer, in bytes: the hashes of a text's prefixes fit a fixed array on the stack.
  static constexpr std::size_t longest_allowed = 1024;

  // Room for `count` tokens; more cannot be inserted.
  explicit TokenTable(std::size_t count = 0);

  // Adds `token`, or gives it a new id if it is there; an id is less than 2^22. Throws
  // TokenizerError if so many tokens share a hash that looking one up would take long, which no
  // vocabulary does that was not made for it.
  void insert(std::string_view token, std::int32_t id);

  std::optional<std::int32_t> find(std::string_view token) const;

  struct Match {
    std::int32_t id = 0;
    std::uint32_t length = 0;  // bytes; 0: no match
  };
  // The longest token that `text` starts with.
  Match longest_prefix(std::string_view text) const;

  bool empty() const { return size_ == 0; }

 private:
  // A short token lies in its slot whole, so that finding it touches one cache line.
  struct Slot {
    std::uint64_t head = 0;         // the first eight bytes, zeros behind a shorter token
    std::uint64_t length : 11 = 0;  // 0: the slot is free
    std::uint64_t id : 22 = 0;
    std::uint64_t tail : 31 = 0;  // where the bytes after the head lie in tails_
  };
  static_assert(sizeof(Slot) == 16 && longest_allowed < 1 << 11);

  // The slot of the token, or a free one where it belongs.
  std::size_t find_slot(std::string_view token, std::uint64_t head, std::uint64_t hash) const;

  std::vector<Slot> slots_;  // a power of two, at most two thirds full
  std::string tails_;        // of the longer tokens, one after the other
  std::size_t size_ = 0;
  std::size_t longest_ = 0;
  int shift_ = 63;  // the top 64 - shift_ bits of a hash number its slot
};

}  // namespace bertq::tokenizer
