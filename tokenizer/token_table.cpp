#include "tokenizer/token_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {
namespace {

constexpr std::uint64_t kSeed = 0xCBF29CE484222325;
constexpr std::size_t kMaxProbes = 1024;

// One byte at a time, so that the hash of every prefix comes for free. The multiplication carries
// each byte into the high bits, which number the slots.
constexpr std::uint64_t extend(std::uint64_t hash, char byte) {
  return (hash ^ static_cast<unsigned char>(byte)) * 0x9E3779B97F4A7C15;
}

std::uint64_t hash_of(std::string_view token) {
  std::uint64_t hash = kSeed;
  for (const char byte : token) hash = extend(hash, byte);
  return hash;
}

constexpr std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 8);
}

}  // namespace

TokenTable::TokenTable(std::size_t count) {
  const std::size_t slots = std::bit_ceil(std::max<std::size_t>(count + count / 2, 2));
  slots_.resize(slots);
  shift_ = 64 - std::countr_zero(slots);
}

std::size_t TokenTable::find_slot(std::string_view token, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash >> shift_;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.length == 0) return at;
    if (slot.tag == tag_of(hash) && slot.length == token.size() &&
        std::memcmp(bytes_.data() + slot.offset, token.data(), token.size()) == 0) {
      return at;
    }
  }
}

void TokenTable::insert(std::string_view token, std::int32_t id) {
  if (token.empty()) return;
  const std::uint64_t hash = hash_of(token);
  const std::size_t at = find_slot(token, hash);
  Slot& slot = slots_[at];
  if (slot.length == 0) {
    if (((at - (hash >> shift_)) & (slots_.size() - 1)) > kMaxProbes) {
      throw TokenizerError("vocabulary: more than " + std::to_string(kMaxProbes) +
                           " tokens share a hash; this file is made to be slow");
    }
    slot = {tag_of(hash), static_cast<std::uint32_t>(bytes_.size()),
            static_cast<std::uint32_t>(token.size()), id};
    bytes_ += token;
    ++size_;
    longest_ = std::max(longest_, token.size());
  }
  slot.id = id;
}

std::optional<std::int32_t> TokenTable::find(std::string_view token) const {
  if (token.empty() || token.size() > longest_) return std::nullopt;
  const Slot& slot = slots_[find_slot(token, hash_of(token))];
  if (slot.length == 0) return std::nullopt;
  return slot.id;
}

TokenTable::Match TokenTable::longest_prefix(std::string_view text) const {
  std::array<std::uint64_t, longest_allowed> hashes;  // [n]: of the first n + 1 bytes
  const std::size_t longest = std::min(text.size(), longest_);
  std::uint64_t hash = kSeed;
  for (std::size_t i = 0; i < longest; ++i) hashes[i] = hash = extend(hash, text[i]);
  for (std::size_t length = longest; length > 0; --length) {
    const Slot& slot = slots_[find_slot(text.substr(0, length), hashes[length - 1])];
    if (slot.length != 0) return {slot.id, slot.length};
  }
  return {};
}

}  // namespace bertq::tokenizer
