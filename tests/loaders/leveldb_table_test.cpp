#include "loaders/leveldb_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "support/allocation_peak.h"
#include "support/leveldb_table_file.h"
#include "support/random.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using testing::table_block;
using testing::table_bytes;
using testing::table_entry;
using testing::TableEntries;
using testing::TableFile;
using testing::TableForm;
using testing::TableHandle;
using testing::varint_bytes;

TableEntries walked(const std::string& bytes) {
  TableEntries entries;
  std::string last;
  walk_table(*open_memory(std::as_bytes(std::span(bytes)), "t"),
             [&](std::string_view key, std::span<const std::byte> value) {
               const std::string_view text(reinterpret_cast<const char*>(value.data()),
                                           value.size());
               if (!entries.empty()) REQUIRE(key > last);
               last = key;
               entries.emplace(key, text);
             });
  return entries;
}

std::string complaint(const std::string& bytes) {
  return testing::thrown_message<FormatError>([&] { walked(bytes); });
}

TableEntries many(std::size_t count) {
  TableEntries entries{{"", "header"}};
  for (std::size_t i = 0; i < count; ++i) {
    entries["layer_" + std::to_string(i) + "/kernel"] = std::string(i % 50, 'v');
  }
  return entries;
}

TEST_CASE("entries come back in order, whatever the blocks") {
  for (const std::size_t count : {0U, 1U, 2U, 300U}) {
    const TableEntries entries = many(count);
    for (const TableForm& form : std::vector<TableForm>{{1'000, 16, false},
                                                        {1'000, 1, false},
                                                        {1, 1, false},
                                                        {7, 3, false},
                                                        {7, 3, true},
                                                        {1'000, 16, true}}) {
      CHECK(walked(table_bytes(entries, form)) == entries);
    }
  }
  CHECK(walked(table_bytes({})).empty());
}

// A table whose only data block is `block`, stored as it is.
std::string with_block(const std::string& block, const std::string& last_key = "z") {
  TableFile file;
  const TableHandle data = file.add(block);
  return file.finish(last_key, data);
}

// The same with a block that calls itself compressed.
std::string with_snappy(const std::string& stored) {
  TableFile file;
  const TableHandle data = file.add_raw(stored, '\1');
  return file.finish("z", data);
}

// A good table whose footer is the varints of `footer`.
std::string with_footer(std::string footer) {
  std::string bytes = table_bytes(many(3));
  footer.resize(40, '\0');
  return bytes.replace(bytes.size() - 48, 40, footer);
}

// A table with a good data block and this index.
std::string with_index(const std::string& index) {
  TableFile file;
  file.add(table_block(TableEntries{{"a", "1"}}, 1));
  return file.finish(index);
}

TEST_CASE("a file that is no table is refused") {
  for (std::size_t size = 0; size < 48; ++size) {
    CHECK(complaint(std::string(size, 'x')) ==
          "t: expected at least 48 bytes, the footer of a table, got " + std::to_string(size));
  }
  CHECK(complaint(std::string(48, '\0')) ==
        "t: byte 40: expected the magic number of a table, got 0");
}

TEST_CASE("a footer that leads astray is refused") {
  const std::string far = varint_bytes(1U << 20U);
  const std::string huge = varint_bytes(std::numeric_limits<std::uint64_t>::max());
  const std::string none = varint_bytes(0) + varint_bytes(8);
  struct Row {
    std::string footer, starts;
  };
  for (const Row& row : std::vector<Row>{
           {far + varint_bytes(8) + none,
            "t: footer: metaindex: expected a block within the first"},
           {varint_bytes(0) + far + none,
            "t: footer: metaindex: expected a block within the first"},
           {none + huge + varint_bytes(8), "t: footer: index: expected a block within the first"},
           {none + huge + huge, "t: footer: index: expected a block within the first"},
           {none + varint_bytes(8) + huge, "t: footer: index: expected a block within the first"},
           {std::string(11, '\x80'), "t: footer: metaindex: expected offset and size as varints"},
           {none + std::string(11, '\xff'),
            "t: footer: index: expected offset and size as varints"},
           {none + none + "\1", "t: footer: expected zeros between the index and the magic number"},
       }) {
    CAPTURE(row.starts);
    CHECK(complaint(with_footer(row.footer)).starts_with(row.starts));
  }
}

TEST_CASE("a block that is damaged, or compressed in another way, is refused") {
  const std::string good = table_bytes(many(20), {8, 2, false});
  TableFile other;
  const TableHandle data = other.add_raw(table_block(TableEntries{{"a", "1"}}, 1), '\2');
  CHECK(complaint(other.finish("a", data)) ==
        "t: block at byte 0: expected no compression (0) or snappy (1), got 2");
  std::string damaged = good;
  damaged[3] ^= 1;
  CHECK(complaint(damaged).starts_with("t: block at byte 0: expected the checksum "));
  const TableHandle beyond{0, table_block_limit + 1};
  TableFile large;
  large.add(std::string(table_block_limit + 1, 'x'));
  CHECK(complaint(large.finish("a", beyond)) ==
        "t: block at byte 0: expected at most 1048576 bytes, got 1048577");
}

TEST_CASE("snappy data that lie about their length are refused") {
  std::string packed;
  const std::string block = table_block(TableEntries{{"a", std::string(100, 'x')}}, 1);
  snappy::Compress(block.data(), block.size(), &packed);
  REQUIRE(walked(with_snappy(packed)).size() == 1);
  const std::string body = packed.substr(1);  // the length is one byte
  struct Row {
    std::string stored, starts;
  };
  for (const Row& row : std::vector<Row>{
           {"", "t: block at byte 0: expected snappy data, got none"},
           {"\xff\xff\xff\xff\xff", "t: block at byte 0: expected snappy data, got none"},
           {varint_bytes(block.size() + 1) + body,
            "t: block at byte 0: expected snappy data of " + std::to_string(block.size() + 1)},
           {varint_bytes(block.size() - 1) + body,
            "t: block at byte 0: expected snappy data of " + std::to_string(block.size() - 1)},
           {varint_bytes(100'000) + body, "t: block at byte 0: expected snappy data of at most "},
           {varint_bytes(0xffffffffU) + body,
            "t: block at byte 0: expected snappy data of at most "},
           {varint_bytes(8) + std::string(8, '\xfe'),
            "t: block at byte 0: expected snappy data of 8 bytes, got others"},
       }) {
    CAPTURE(row.starts);
    CHECK(complaint(with_snappy(row.stored)).starts_with(row.starts));
  }
}

TEST_CASE("a block whose entries or restarts cannot be is refused") {
  const std::string a = table_entry(0, "a", "1"), ab = table_entry(1, "b", "2");
  const auto two = static_cast<std::uint32_t>(a.size());
  const std::string huge = varint_bytes(std::numeric_limits<std::uint64_t>::max());
  struct Row {
    std::string block, message;
  };
  for (const Row& row : std::vector<Row>{
           {"", "byte 0: expected at least one restart, got the block's end"},
           {"1234567", "byte 0: expected at least one restart, got the block's end"},
           {table_block(a, {}), "byte 5: expected 1 to 1 restarts, got 0"},
           {a + testing::word_bytes(0) + testing::word_bytes(0xffffffffU),
            "byte 9: expected 1 to 2 restarts, got 4294967295"},
           {a + testing::word_bytes(0) + testing::word_bytes(3),
            "byte 9: expected 1 to 2 restarts, got 3"},
           {table_block(a + ab, {two}), "byte 10: expected a first restart of 0, got 5"},
           {table_block(a + ab, {0, 1}),
            "byte 14: expected a restart where an entry begins, got 1"},
           {table_block(a + ab, {0, 0}),
            "byte 14: expected a restart where an entry begins, got 0"},
           {table_block(a + ab, {0, 10}),
            "byte 14: expected a restart where an entry begins, got 10"},
           {table_block(a + ab, {0, 0xffffffffU}),
            "byte 14: expected a restart where an entry begins, got 4294967295"},
           {table_block("", {0, 0}), "byte 0: expected a restart where an entry begins, got 0"},
           {table_block(a + ab, {0, two}), "byte 5: expected nothing shared at a restart, got 1"},
           {table_block(table_entry(1, "a", ""), {0}),
            "byte 0: expected at most the 0 bytes of the key before as shared, got 1"},
           {table_block(a + table_entry(2, "b", ""), {0}),
            "byte 5: expected at most the 1 bytes of the key before as shared, got 2"},
           {table_block(a + huge + "\1\1bb", {0}),
            "byte 5: expected at most the 1 bytes of the key before as shared, got "
            "18446744073709551615"},
           {table_block(a + std::string("\0\5\0b", 4), {0}),
            "byte 5: expected a key and a value within the 1 bytes left, got 5 and 0 bytes"},
           {table_block(a + std::string("\0\1\1b", 4), {0}),
            "byte 5: expected a key and a value within the 1 bytes left, got 1 and 1 bytes"},
           {table_block(a + '\0' + huge + huge + "b", {0}),
            "byte 5: expected a key and a value within the 1 bytes left, got "
            "18446744073709551615 and 18446744073709551615 bytes"},
           {table_block(a + std::string(11, '\x80') + "b", {0}),
            "byte 5: expected three lengths as varints, got none that is one"},
           {table_block(a + std::string("\0\1", 2), {0}),
            "byte 5: expected three lengths as varints, got none that is one"},
           {table_block(table_entry(0, std::string(table_key_limit + 1, 'k'), ""), {0}),
            "byte 0: expected a key of at most 4096 bytes, got 4097"},
           {table_block(a + a, {0}), "byte 5: expected a key above the one before, got a"},
           {table_block(table_entry(0, "b\n", "") + a, {0}),
            "byte 5: expected a key above the one before, got a"},
           {table_block(a + table_entry(1, "", "x"), {0}),
            "byte 5: expected a key above the one before, got a"},
       }) {
    CAPTURE(row.message);
    CHECK(complaint(with_block(row.block)) == "t: block at byte 0: " + row.message);
  }
  CHECK(complaint(with_block(table_block(a + ab, {0}), "a")) ==
        "t: block at byte 0: byte 0: expected no key above a, got ab");
}

TEST_CASE("an index that does not lead to blocks in order is refused") {
  const std::string good = TableHandle{0, 13}.encoded();
  REQUIRE(walked(with_index(table_block(TableEntries{{"a", good}}, 1))).size() == 1);
  struct Row {
    TableEntries index;
    std::string ends;
  };
  for (const Row& row : std::vector<Row>{
           {{{"a", "\x80"}}, "key a: expected offset and size as varints, got other bytes"},
           {{{"a", good + "x"}},
            "key a: expected a block from byte 0 on, got one at 0 and more bytes"},
           {{{"a", good}, {"b", good}}, "key b: expected a block from byte 18 on, got one at 0"},
           {{{"a", TableHandle{900, 1}.encoded()}},
            "key a: expected a block within the first 51 bytes, got 1 bytes at 900"},
       }) {
    CAPTURE(row.ends);
    const std::string got = complaint(with_index(table_block(row.index, 1)));
    CHECK(got.starts_with("t: index block at byte "));
    CHECK_MESSAGE(got.ends_with(row.ends), got);
  }
  TableFile twice;
  const std::string block = table_block(TableEntries{{"a", "1"}}, 1);
  const TableHandle first = twice.add(block), second = twice.add(block);
  CHECK(complaint(twice.finish(
            table_block(TableEntries{{"a", first.encoded()}, {"b", second.encoded()}}, 1))) ==
        "t: block at byte 18: byte 0: expected a key above a, got a");
}

TEST_CASE("a table cut anywhere is refused; one with a bit turned too, or it says the same") {
  const TableEntries entries = many(30);
  const std::string good = table_bytes(entries, {8, 3, true});
  std::size_t refused = 0;
  for (std::size_t size = 0; size < good.size(); ++size) {
    REQUIRE(complaint(good.substr(0, size)).starts_with("t: "));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    bytes[at] ^= static_cast<char>(1U << (at % 8));
    CAPTURE(at);
    try {
      const TableEntries got = walked(bytes);
      REQUIRE(got == entries);  // a varint with a needless zero at its end
    } catch (const FormatError& error) {
      REQUIRE(std::string_view(error.what()).starts_with("t: "));
      ++refused;
    }
  }
  CHECK(refused + 2 >= good.size());
}

TEST_CASE("a spoilt block with the right checksum is refused, or its keys ascend") {
  const TableEntries entries = many(12);
  const std::string block = table_block(entries, 4);
  testing::Random random(3);
  int refused = 0, read = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = block;
    for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
      const std::size_t at = random.below(bytes.size());
      const auto value = static_cast<char>(random.coin() ? random.below(256) : random.below(20));
      const std::size_t kind = random.below(4);
      if (kind == 0) bytes.erase(at, 1);
      if (kind == 1) bytes.insert(at, 1, value);
      if (kind >= 2) bytes[at] = value;
    }
    try {
      walked(random.coin() ? with_block(bytes) : with_index(bytes));
      ++read;
    } catch (const FormatError& error) {
      REQUIRE(std::string_view(error.what()).starts_with("t: "));
      REQUIRE(std::string_view(error.what()).find('\n') == std::string_view::npos);
      ++refused;
    }
  }
  CHECK(refused > 1'000);
  CHECK(read > 100);
}

// Keys that share all but a byte: three bytes of the file make a key of four thousand.
std::string swollen() {
  std::string entries = table_entry(0, std::string(table_key_limit - 1, 'k'), "");
  std::vector<std::string> blocks;
  for (int i = 1; i < 255; ++i) {
    entries += table_entry(table_key_limit - 1, std::string(1, static_cast<char>(i)), "");
  }
  return with_block(table_block(entries, {0}));
}

TEST_CASE("walking costs memory and time in proportion to the file") {
  std::string flat;
  snappy::Compress(std::string(table_block_limit, '\0').data(), table_block_limit, &flat);
  TableFile many_blocks;
  TableEntries index;
  for (int i = 0; i < 2'000; ++i) {
    const std::string key = std::to_string(1'000'000 + i);
    index[key] = many_blocks.add(table_block(TableEntries{{key, ""}}, 1), true).encoded();
  }
  const std::string bomb = with_snappy(flat);
  const std::string claim = with_snappy(varint_bytes(0xffffffffU) + std::string(1'000, 'x'));
  for (const std::string& bytes :
       {swollen(), bomb, claim, many_blocks.finish(table_block(index, 1)), table_bytes(many(3))}) {
    const auto begin = std::chrono::steady_clock::now();
    const testing::AllocationPeak peak;
    try {
      walk_table(*open_memory(std::as_bytes(std::span(bytes)), "t"),
                 [](std::string_view, std::span<const std::byte>) {});
    } catch (const FormatError&) {
    }
    CHECK(peak.bytes() <= 2 * bytes.size() + 2 * table_block_limit + 65'536);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
  }
}

}  // namespace
}  // namespace bertq::loaders
