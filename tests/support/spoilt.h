// Files spoilt at random, in the ways that accidents and attackers spoil them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <vector>

#include "support/random.h"

namespace bertq::testing {

// Bytes [begin, end) of a file.
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
};

// `bytes` with one to three edits: a stretch taken out, doubled or overwritten, a telling number, a
// bit or a byte changed, the end cut off. No edit touches a range of `spared`, by the places that
// the good file has.
inline std::string spoilt(std::string bytes, Random& random,
                          const std::vector<ByteRange>& spared = {}) {
  constexpr std::uint32_t telling[] = {0, 1, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF, 0xFFFF, 8};
  constexpr std::size_t longest = 32;  // stretch of an edit
  constexpr std::size_t room = 64;     // that every kind of edit finds behind its place
  const auto is_spared = [&](std::size_t at) {
    return std::any_of(spared.begin(), spared.end(), [&](const ByteRange& range) {
      return range.begin < at + longest && at < range.end;
    });
  };
  // Most of a file is numbers, which nothing but a checksum guards: half of the edits go to the
  // first and last 4 KB, where the structure is.
  const auto any_place = [&] {
    const std::size_t near = std::min<std::size_t>(bytes.size(), 4'096);
    std::size_t at = random.below(bytes.size());
    if (random.coin()) {
      at = random.coin() ? random.below(near) : bytes.size() - 1 - random.below(near);
    }
    return std::min(at, bytes.size() - room);
  };
  const auto place = [&] {
    std::size_t at = any_place();
    for (int tries = 0; tries < 1'000 && is_spared(at); ++tries) at = any_place();
    return at;
  };
  for (std::size_t edits = 1 + random.below(3); edits > 0 && bytes.size() > room; --edits) {
    const std::size_t at = place();
    if (is_spared(at)) break;
    const std::size_t length = 1 + random.below(longest);
    switch (random.below(8)) {
      case 0:
        bytes.erase(at, length);
        break;
      case 1:
        bytes.insert(at, bytes.substr(any_place(), length));
        break;
      case 2:
        bytes.replace(at, length, bytes.substr(any_place(), length));
        break;
      case 3: {
        const std::uint32_t number = telling[random.below(std::size(telling))];
        std::memcpy(bytes.data() + at, &number, sizeof number);
        break;
      }
      case 4:
        bytes.resize(at);
        break;
      case 5:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      default:
        bytes[at] =
            static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << random.below(8)));
    }
  }
  return bytes;
}

}  // namespace bertq::testing
