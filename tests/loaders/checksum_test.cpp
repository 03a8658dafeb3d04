#include "loaders/checksum.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/random.h"

namespace bertq::loaders {
namespace {

TEST_CASE("CRC-32C of RFC 3720's examples") {
  struct Row {
    std::string bytes;
    std::uint32_t crc;
  };
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) {
    rising += static_cast<char>(i);
    falling += static_cast<char>(31 - i);
  }
  const Row rows[] = {{"", 0},
                      {"123456789", 0xe3069283U},
                      {std::string(32, '\0'), 0x8a9136aaU},
                      {std::string(32, '\xff'), 0x62a8ab43U},
                      {rising, 0x46dd794eU},
                      {falling, 0x113fdb5cU}};
  for (const Row& row : rows) {
    CHECK(crc32c(std::as_bytes(std::span(row.bytes))) == row.crc);
    CHECK(crc32c_portable(std::as_bytes(std::span(row.bytes))) == row.crc);
  }
}

// The fast one takes three lanes of 4096 bytes at once, then words, then bytes.
TEST_CASE("CRC-32C is the same by instruction and by table, at all lengths and in pieces") {
  testing::Random random(3);
  std::vector<std::byte> bytes(40'000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  const auto all = std::span<const std::byte>(bytes);
  for (const std::size_t length : {1U, 7U, 8U, 9U, 4095U, 4096U, 12'287U, 12'288U, 12'289U, 12'297U,
                                   24'576U, 36'867U, 39'990U}) {
    for (const std::size_t begin : {0U, 1U, 5U}) {
      const auto part = all.subspan(begin, length);
      CHECK(crc32c(part) == crc32c_portable(part));
      const std::size_t cut = random.below(length + 1);
      CHECK(crc32c(part.subspan(cut), crc32c(part.first(cut))) == crc32c_portable(part));
    }
  }
}

}  // namespace
}  // namespace bertq::loaders
