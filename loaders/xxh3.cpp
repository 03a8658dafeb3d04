#include "loaders/xxh3.h"

#include <xxhash.h>

#include <algorithm>
#include <new>
#include <string_view>
#include <vector>

namespace bertq::loaders {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20U;

}  // namespace

struct Xxh3::State {
  State() : state(XXH3_createState()) {
    if (state == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(state);
  }
  ~State() { XXH3_freeState(state); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  XXH3_state_t* state;
};

Xxh3::Xxh3() : state_(std::make_unique<State>()) {}
Xxh3::~Xxh3() = default;

void Xxh3::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_->state, bytes.data(), bytes.size());
}

Xxh3::Digest Xxh3::digest() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->state));
  Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = std::byte{canonical.digest[i]};
  return digest;
}

void update(Xxh3& hash, const ByteSource& source, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::byte> piece(
      static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end - begin)));
  while (begin < end) {
    const auto part = std::span(piece).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), end - begin)));
    source.read(begin, part);
    hash.update(part);
    begin += part.size();
  }
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += digits[value / 16];
    text += digits[value % 16];
  }
  return text;
}

}  // namespace bertq::loaders
