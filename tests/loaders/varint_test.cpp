#include "loaders/varint.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/leveldb_table_file.h"

namespace bertq::loaders {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST_CASE("a varint is taken off the front") {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127}, std::uint64_t{128},
        std::uint64_t{16'383}, std::uint64_t{16'384}, std::uint64_t{1} << 56U,
        std::uint64_t{1} << 63U, std::numeric_limits<std::uint64_t>::max()}) {
    const std::string text = testing::varint_bytes(value) + "rest";
    auto bytes = bytes_of(text);
    CHECK(take_varint(bytes) == value);
    CHECK(bytes.size() == 4);
    for (std::size_t cut = 0; cut + 4 < text.size(); ++cut) {
      auto part = bytes_of(text).first(cut);
      CHECK(!take_varint(part));
      CHECK(part.size() == cut);
    }
  }
}

TEST_CASE("a varint that is longer than it needs to be is still one, one beyond 64 bits is none") {
  struct Row {
    std::string text;
    std::optional<std::uint64_t> value;
  };
  const std::string nine(9, '\xff');
  for (const Row& row : std::vector<Row>{
           {std::string("\x81\x00", 2), 1},
           {std::string(9, '\x80') + '\0', 0},
           {nine + '\x01', std::numeric_limits<std::uint64_t>::max()},
           {nine + '\x02', std::nullopt},
           {nine + '\x7f', std::nullopt},
           {nine + "\x81\x01", std::nullopt},
           {std::string(10, '\x80') + '\0', std::nullopt},
       }) {
    auto bytes = bytes_of(row.text);
    CHECK(take_varint(bytes) == row.value);
  }
}

}  // namespace
}  // namespace bertq::loaders
