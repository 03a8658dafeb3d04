#include "loaders/xxh3.h"

#include <xxhash.h>

#include <new>
#include <string_view>

namespace bertq::loaders {

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
