#include "loaders/tensor_bundle_proto.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "support/random.h"
#include "support/tensor_bundle_file.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using testing::bundle_shape;
using testing::BundleTensor;
using testing::bytes_field;
using testing::fixed32_field;
using testing::varint_bytes;
using testing::varint_field;

BundleEntry entry(const std::string& message) {
  return parse_bundle_entry(std::as_bytes(std::span(message)), "m");
}
BundleHeader header(const std::string& message) {
  return parse_bundle_header(std::as_bytes(std::span(message)), "m");
}
std::string complaint(const std::string& message) {
  return testing::thrown_message<FormatError>([&] { entry(message); });
}

constexpr std::uint64_t minus_one = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("an entry's fields are read, and absent ones are zero") {
  const BundleEntry full = entry(BundleTensor{14, {3, 0, 5}, 2, 7, 90, 0xfedcba98U}.message());
  CHECK(full.dtype == 14);
  CHECK(full.shape == std::vector<std::uint64_t>{3, 0, 5});
  CHECK(full.shard == 2);
  CHECK(full.offset == 7);
  CHECK(full.bytes == 90);
  CHECK(full.crc == 0xfedcba98U);
  CHECK(full.slices == 0);
  const BundleEntry none = entry("");
  CHECK(none.dtype == 0);
  CHECK(none.shape.empty());
  CHECK(none.shard + none.offset + none.bytes + none.crc + none.slices == 0);
  CHECK(entry(bytes_field(7, "") + bytes_field(7, "anything")).slices == 2);
  CHECK(entry(bytes_field(2, bytes_field(2, ""))).shape == std::vector<std::uint64_t>{0});
}

TEST_CASE("a header's fields are read") {
  const BundleHeader full = header(varint_field(1, 3) + varint_field(2, 1) +
                                   bytes_field(3, varint_field(1, 1) + varint_field(2, 7)));
  CHECK(full.shards == 3);
  CHECK(full.endianness == 1);
  CHECK(full.min_consumer == 7);
  CHECK(header("").shards == 0);
  CHECK(testing::thrown_message<FormatError>([] { header(varint_field(1, minus_one)); }) ==
        "m: num_shards: expected 0 or more, got -1");
}

TEST_CASE("fields that are not known are passed over, whatever they hold") {
  const std::string known = BundleTensor{1, {2}, 0, 0, 8, 0}.message();
  const std::string fixed64 = varint_bytes(200U << 3U | 1U) + std::string(8, '\xff');
  for (const std::string& unknown :
       {varint_field(99, minus_one), bytes_field(1'000'000, "\xff\xff"), fixed32_field(8, 1),
        fixed64, bytes_field(2, bytes_field(9, "name") + varint_field(3, 0)),
        bytes_field(2, bytes_field(2, varint_field(1, 5) + bytes_field(2, "name")))}) {
    for (const std::string& message : {known + unknown, unknown + known}) {
      const BundleEntry got = entry(message);
      CHECK(got.dtype == 1);
      CHECK(got.bytes == 8);
    }
  }
}

TEST_CASE("what no message may hold is refused") {
  struct Row {
    std::string message, complaint;
  };
  const std::string dimension = bytes_field(2, varint_field(1, 1));
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += dimension;
  for (const Row& row : std::vector<Row>{
           {varint_bytes(1U << 3U | 3U), "m: field 1: expected a number or bytes, got wire type 3"},
           {varint_bytes(9U << 3U | 4U), "m: field 9: expected a number or bytes, got wire type 4"},
           {varint_bytes(9U << 3U | 6U), "m: field 9: expected a number or bytes, got wire type 6"},
           {std::string(1, '\0'), "m: expected a field number in 1..536870911, got 0"},
           {varint_bytes(std::uint64_t{1} << 32U),
            "m: expected a field number in 1..536870911, got 536870912"},
           {"\x80", "m: a field's tag: expected a varint, got the last 1 of the message"},
           {std::string(11, '\xff'),
            "m: a field's tag: expected a varint, got the last 11 of the message"},
           {"\x08", "m: field 1: expected a varint, got the last 0 of the message"},
           {std::string("\x08") + std::string(11, '\x80'),
            "m: field 1: expected a varint, got the last 11 of the message"},
           {"\x12\x05"
            "abc",
            "m: field 2: expected 5 bytes, got the last 3 of the message"},
           {std::string("\x12") + varint_bytes(minus_one) + "abc",
            "m: field 2: expected 18446744073709551615 bytes, got the last 3 of the message"},
           {varint_bytes(6U << 3U | 5U) + "abc",
            "m: field 6: expected 4 bytes, got the last 3 of the message"},
           {bytes_field(1, "f"), "m: field 1: expected wire type 0, got 2"},
           {varint_field(2, 1), "m: field 2: expected wire type 2, got 0"},
           {varint_field(6, 1), "m: field 6: expected wire type 5, got 0"},
           {varint_field(7, 1), "m: field 7: expected wire type 2, got 0"},
           {varint_field(3, minus_one), "m: shard_id: expected 0 or more, got -1"},
           {varint_field(4, std::uint64_t{1} << 63U),
            "m: offset: expected 0 or more, got -9223372036854775808"},
           {varint_field(5, minus_one - 3), "m: size: expected 0 or more, got -4"},
           {bytes_field(2, bundle_shape({4, minus_one})),
            "m: dimension: expected 0 or more, got -1"},
           {bytes_field(2, nine), "m: expected at most 8 dimensions, got more"},
           {bytes_field(2, varint_field(3, 1)), "m: expected a shape, got one of unknown rank"},
           {bytes_field(2, varint_field(2, 4)), "m: field 2: expected wire type 2, got 0"},
       }) {
    CHECK(complaint(row.message) == row.complaint);
  }
}

TEST_CASE("a message cut anywhere or spoilt is refused or read, and no more") {
  const std::string good = BundleTensor{1, {30'522, 768}, 3, 12'345, 678, 0x12345678U}.message();
  for (std::size_t size = 0; size <= good.size(); ++size) {
    const std::string got = complaint(good.substr(0, size));
    CHECK((got == "(nothing thrown)" || got.starts_with("m: ")));
  }
  testing::Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string message = good;
    for (std::size_t edits = 1 + random.below(4); edits > 0; --edits) {
      message[random.below(message.size())] = static_cast<char>(random.below(256));
    }
    const std::string got = complaint(message);
    REQUIRE((got == "(nothing thrown)" || got.starts_with("m: ")));
  }
}

}  // namespace
}  // namespace bertq::loaders
