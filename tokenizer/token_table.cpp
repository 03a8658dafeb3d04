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

constexpr std::size_t kHead = sizeof(std::uint64_t);

// The first eight bytes, zeros behind a shorter text.
std::uint64_t head_of(std::string_view text) {
  std::uint64_t head = 0;
  if (text.size() >= kHead) {
    std::memcpy(&head, text.data(), kHead);
  } else {
    for (std::size_t i = text.size(); i-- > 0;) {
      head = head << 8 | static_cast<unsigned char>(text[i]);
    }
  }
  return head;
}

// Of a text's head, that of its first `length` bytes.
constexpr std::uint64_t shorten_head(std::uint64_t head, std::size_t length) {
  return length >= kHead ? head : head & ((std::uint64_t{1} << 8 * length) - 1);
}

}  // namespace

TokenTable::TokenTable(std::size_t count) {
  const std::size_t slots = std::bit_ceil(std::max<std::size_t>(count + count / 2, 2));
  slots_.resize(slots);
  shift_ = 64 - std::countr_zero(slots);
}

std::size_t TokenTable::find_slot(std::string_view token, std::uint64_t head,
                                  std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash >> shift_;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.length == 0) return at;
    if (slot.head != head || slot.length != token.size()) continue;
    if (token.size() <= kHead) return at;
    if (std::memcmp(tails_.data() + slot.tail, token.data() + kHead, token.size() - kHead) == 0) {
      return at;
    }
  }
}

void TokenTable::insert(std::string_view token, std::int32_t id) {
  if (token.empty()) return;
  const std::uint64_t hash = hash_of(token);
  const std::uint64_t head = head_of(token);
  const std::size_t at = find_slot(token, head, hash);
  Slot& slot = slots_[at];
  if (slot.length == 0) {
    if (((at - (hash >> shift_)) & (slots_.size() - 1)) > kMaxProbes) {
      throw TokenizerError("vocabulary: more than " + std::to_string(kMaxProbes) +
                           " tokens share a hash; this file is made to be slow");
    }
    slot.head = head;
    slot.length = token.size() & 0x7FF;
    slot.tail = tails_.size() & 0x7FFFFFFF;
    if (token.size() > kHead) tails_ += token.substr(kHead);
    ++size_;
    longest_ = std::max(longest_, token.size());
  }
  slot.id = static_cast<std::uint32_t>(id) & 0x3FFFFF;
}

std::optional<std::int32_t> TokenTable::find(std::string_view token) const {
  if (token.empty() || token.size() > longest_) return std::nullopt;
  const Slot& slot = slots_[find_slot(token, head_of(token), hash_of(token))];
  if (slot.length == 0) return std::nullopt;
  return static_cast<std::int32_t>(slot.id);
}

TokenTable::Match TokenTable::longest_prefix(std::string_view text) const {
  std::array<std::uint64_t, longest_allowed> hashes;  // [n]: of the first n + 1 bytes
  const std::size_t longest = std::min(text.size(), longest_);
  std::uint64_t hash = kSeed;
  for (std::size_t i = 0; i < longest; ++i) hashes[i] = hash = extend(hash, text[i]);
  const std::uint64_t head = head_of(text.substr(0, longest));
  for (std::size_t length = longest; length > 0; --length) {
    const Slot& slot =
        slots_[find_slot(text.substr(0, length), shorten_head(head, length), hashes[length - 1])];
    if (slot.length != 0) {
      return {static_cast<std::int32_t>(slot.id), static_cast<std::uint32_t>(length)};
    }
  }
  return {};
}

}  // namespace bertq::tokenizer
