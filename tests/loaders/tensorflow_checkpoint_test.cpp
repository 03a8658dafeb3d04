#include "loaders/tensorflow_checkpoint.h"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <map>
#include <vector>

#include "loaders/leveldb_table.h"
#include "support/allocation_peak.h"
#include "support/random.h"
#include "support/tensor_bundle_file.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using testing::bundle_header;
using testing::BundleFile;
using testing::BundleTensor;
using testing::bytes_field;
using testing::table_bytes;
using testing::TableEntries;
using testing::TableForm;
using testing::varint_field;

// An index and its shards by suffix, in memory.
struct Files {
  std::string index;
  std::map<std::string, std::string> shards;

  Checkpoint open() const {
    const auto source = open_memory(std::as_bytes(std::span(index)), "m.index");
    return open_tensorflow_checkpoint(*source, [&](const std::string& suffix) {
      const auto shard = shards.find(suffix);
      if (shard == shards.end())
        throw FormatError(std::string("m").append(suffix).append(": expected a readable file"));
      return open_memory(std::as_bytes(std::span(shard->second)), std::string("m").append(suffix));
    });
  }
};
constexpr const char* only_shard = ".data-00000-of-00001";

Files files_of(const BundleFile& bundle, const TableForm& form = {}) {
  return {bundle.index(form), {{only_shard, bundle.data()}}};
}

// A checkpoint whose header and one tensor "t" are these messages, with 64 bytes of data.
Files with_messages(const std::string& header, const std::string& tensor) {
  return {table_bytes({{"", header}, {"t", tensor}}), {{only_shard, std::string(64, '\0')}}};
}

std::string complaint(const Files& files) {
  return testing::thrown_message<FormatError>([&] { files.open(); });
}

std::vector<float> values(const Tensor& tensor) {
  std::vector<float> out(tensor.elements);
  read_f32(tensor, 0, out);
  return out;
}

TEST_CASE("tensors come with name, type, shape and values, whatever the table's form") {
  BundleFile bundle;
  bundle.add_f32("bert/a/kernel", {2, 3}, {1, 2, 3, 4, 5, 6})
      .add("bert/a/half", 19, {2}, std::string("\x00\x3c\x00\xc0", 4))
      .add("bert/b", 14, {1}, std::string("\x80\x3f", 2))
      .add("double", 2, {1}, std::string("\0\0\0\0\0\0\xf0\x3f", 8))
      .add("empty", 1, {3, 0}, "")
      .add("global_step", 9, {}, std::string("\x0a\0\0\0\0\0\0\0", 8));
  for (const TableForm& form :
       std::vector<TableForm>{{1'000, 16, false}, {2, 1, false}, {3, 2, true}}) {
    const Files files = files_of(bundle, form);
    const Checkpoint checkpoint = files.open();
    CHECK(checkpoint.format == "TensorFlow");
    CHECK(checkpoint.name == "m.index");
    CHECK(checkpoint.file_bytes == files.index.size() + bundle.data().size());
    CHECK(checkpoint.remarks.empty());
    REQUIRE(checkpoint.tensors.size() == 6);
    const Tensor* kernel = checkpoint.find("bert/a/kernel");
    REQUIRE(kernel != nullptr);
    CHECK(kernel->dtype == DType::f32);
    CHECK(kernel->shape == std::vector<std::uint64_t>{2, 3});
    CHECK(kernel->file() == "m.data-00000-of-00001");
    CHECK(values(*kernel) == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(values(transposed(*kernel)) == std::vector<float>{1, 4, 2, 5, 3, 6});
    CHECK(values(*checkpoint.find("bert/a/half")) == std::vector<float>{1, -2});
    CHECK(values(*checkpoint.find("bert/b")) == std::vector<float>{1});
    CHECK(values(*checkpoint.find("double")) == std::vector<float>{1});
    CHECK(values(*checkpoint.find("empty")).empty());
    std::vector<std::int64_t> step(1);
    read_i64(*checkpoint.find("global_step"), 0, step);
    CHECK(step.front() == 10);
    for (const Tensor& tensor : checkpoint.tensors) verify_checksum(tensor);
  }
}

TEST_CASE("each shard is a file of its own") {
  const std::string one("\0\0\x80\x3f", 4), two("\0\0\0\x40", 4);
  Files files;
  files.index =
      table_bytes({{"", bundle_header(3)},
                   {"a", BundleTensor{1, {1}, 2, 0, 4, testing::masked_crc32c_of(two)}.message()},
                   {"b", BundleTensor{1, {1}, 0, 4, 4, testing::masked_crc32c_of(one)}.message()}});
  files.shards = {{".data-00000-of-00003", std::string("xxxx") + one},
                  {".data-00001-of-00003", ""},
                  {".data-00002-of-00003", two}};
  const Checkpoint checkpoint = files.open();
  CHECK(values(checkpoint.tensors[0]) == std::vector<float>{2});
  CHECK(values(checkpoint.tensors[1]) == std::vector<float>{1});
  CHECK(checkpoint.tensors[0].file() == "m.data-00002-of-00003");
  for (const Tensor& tensor : checkpoint.tensors) verify_checksum(tensor);
  files.shards.erase(".data-00001-of-00003");
  CHECK(complaint(files) == "m.data-00001-of-00003: expected a readable file");
}

TEST_CASE("a damaged tensor is named") {
  BundleFile bundle;
  bundle.add_f32("fine", {2}, {1, 2}).add_f32("spoilt", {2}, {3, 4});
  Files files = files_of(bundle);
  files.shards[only_shard][9] ^= 1;
  const Checkpoint checkpoint = files.open();
  verify_checksum(*checkpoint.find("fine"));
  CHECK(testing::thrown_message<FormatError>([&] {
          verify_checksum(*checkpoint.find("spoilt"));
        }).starts_with("m.data-00000-of-00001: tensor spoilt: expected the checksum "));
}

TEST_CASE("what is no number is left out and said") {
  const std::string text = BundleTensor{7, {}, 0, 0, 30, 1}.message();
  const TableEntries one{{"", bundle_header(1)}, {"_CHECKPOINTABLE_OBJECT_GRAPH", text}};
  const Checkpoint checkpoint =
      Files{table_bytes(one), {{only_shard, std::string(30, 'x')}}}.open();
  CHECK(checkpoint.tensors.empty());
  CHECK(checkpoint.remarks ==
        std::vector<std::string>{"m.index: 1 tensor that is no numbers left out: "
                                 "_CHECKPOINTABLE_OBJECT_GRAPH (string)"});
  TableEntries three{{"", bundle_header(1)}};
  for (const std::uint64_t dtype : {8U, 11U, 20U}) {
    three[std::string("t") + std::to_string(dtype)] = BundleTensor{dtype, {}, 0, 0, 0, 0}.message();
  }
  CHECK(Files{table_bytes(three), {{only_shard, ""}}}.open().remarks ==
        std::vector<std::string>{"m.index: 3 tensors that are no numbers left out: t11 (qint8) "
                                 "and others"});
}

TEST_CASE("a header that this reader cannot obey is refused") {
  const std::string tensor = BundleTensor{1, {2}, 0, 0, 8, 0}.message();
  struct Row {
    std::string header, message;
  };
  for (const Row& row : std::vector<Row>{
           {bundle_header(1, 1),
            "m.index: header: expected little-endian tensors (0), got endianness 1"},
           {bundle_header(1, 7),
            "m.index: header: expected little-endian tensors (0), got endianness 7"},
           {"", "m.index: header: expected 1 to 512 shards, got 0"},
           {bundle_header(513), "m.index: header: expected 1 to 512 shards, got 513"},
           {bundle_header(1U << 31U), "m.index: header: expected 1 to 512 shards, got 2147483648"},
           {varint_field(1, 1) + bytes_field(3, varint_field(2, 2)),
            "m.index: header: expected a bundle that version 1 can read, got one that needs "
            "version 2"},
           {"\x08", "m.index: header: field 1: expected a varint, got the last 0 of the message"},
           {bundle_header(2), "m.data-00000-of-00002: expected a readable file"},
       }) {
    CHECK(complaint(with_messages(row.header, tensor)) == row.message);
  }
  CHECK(complaint({table_bytes({}), {}}) ==
        "m.index: expected a header under an empty key, got no entry");
  CHECK(complaint({table_bytes({{"t", tensor}}), {}}) ==
        "m.index: expected the header under an empty key first, got t");
}

TEST_CASE("an entry that contradicts itself or its shard is refused by name") {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  struct Row {
    BundleTensor tensor;
    std::string message;
  };
  for (const Row& row : std::vector<Row>{
           {{0, {2}, 0, 0, 8, 0}, "expected a known type, got number 0"},
           {{26, {2}, 0, 0, 8, 0}, "expected a known type, got number 26"},
           {{101, {2}, 0, 0, 8, 0}, "expected a known type, got number 101"},
           {{1, {2}, 1, 0, 8, 0}, "expected a shard below 1, got 1"},
           {{1, {2}, most, 0, 8, 0}, "expected a shard below 1, got 9223372036854775807"},
           {{1, {3}, 0, 0, 8, 0}, "expected 12 bytes for its shape and type F32, got 8"},
           {{1, {2}, 0, 0, 0, 0}, "expected 8 bytes for its shape and type F32, got 0"},
           {{2, {2}, 0, 0, 8, 0}, "expected 16 bytes for its shape and type F64, got 8"},
           {{1, {}, 0, 0, 8, 0}, "expected 4 bytes for its shape and type F32, got 8"},
           {{1, {0, 2}, 0, 0, 8, 0}, "expected 0 bytes for its shape and type F32, got 8"},
           {{1, {16}, 0, 1, 64, 0},
            "expected it within the 64 bytes of m.data-00000-of-00001, got 64 at 1"},
           {{1, {2}, 0, most, 8, 0},
            "expected it within the 64 bytes of m.data-00000-of-00001, got 8 at "
            "9223372036854775807"},
           {{1, {0}, 0, 65, 0, 0},
            "expected it within the 64 bytes of m.data-00000-of-00001, got 0 at 65"},
           {{1, {4'194'305, 4'194'305, 211'106'198'978'564}, 0, 0, 4, 0},
            "expected a size below 2^64 bytes, got dimensions whose product is larger"},
           {{1, {most, 2}, 0, 0, 4, 0},
            "expected a size below 2^64 bytes, got dimensions whose product is larger"},
           {{1, {2}, 0, 0, 8, 0, bytes_field(7, "")},
            "expected it whole, got a partitioned variable of 1 slices"},
           {{1, {2}, 0, 0, 8, 0, varint_field(3, ~0ULL)}, "shard_id: expected 0 or more, got -1"},
       }) {
    CHECK(complaint(with_messages(bundle_header(1), row.tensor.message())) ==
          "m.index: tensor t: " + row.message);
  }
}

TEST_CASE("an index cut anywhere is refused, and so are shards that are too short") {
  BundleFile bundle;
  bundle.add_f32("a", {2}, {1, 2}).add_f32("b", {3}, {3, 4, 5});
  const Files good = files_of(bundle);
  for (std::size_t size = 0; size < good.index.size(); ++size) {
    Files cut = good;
    cut.index.resize(size);
    REQUIRE(complaint(cut).starts_with("m.index: "));
  }
  for (std::size_t size = 0; size < bundle.data().size(); ++size) {
    Files cut = good;
    cut.shards[only_shard].resize(size);
    REQUIRE(complaint(cut).starts_with(size < 8 ? "m.index: tensor a: " : "m.index: tensor b: "));
  }
}

TEST_CASE("opening costs memory and time in proportion to the index") {
  const auto cost = [](const Files& files) {
    const auto begin = std::chrono::steady_clock::now();
    const testing::AllocationPeak peak;
    const std::string got = complaint(files);
    CHECK(peak.bytes() <= 2 * files.index.size() + (std::size_t{16} << 20U));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
    return got;
  };
  const std::string nothing = BundleTensor{1, {0}, 0, 0, 0, 0}.message();
  for (const bool compressed : {false, true}) {
    TableEntries entries{{"", bundle_header(1)}};
    for (std::size_t i = 0; i < bundle_tensor_limit; ++i) {
      entries[std::to_string(1'000'000 + i)] = nothing;
    }
    const TableForm form{5'000, 16, compressed};
    CHECK(cost({table_bytes(entries, form), {{only_shard, ""}}}) == "(nothing thrown)");
    entries["z"] = nothing;
    CHECK(cost({table_bytes(entries, form), {{only_shard, ""}}}) ==
          "m.index: expected at most 32768 tensors, got more");
  }
  // Names that share all but their ends: each costs the file a few bytes.
  TableEntries long_names{{"", bundle_header(1)}};
  const std::string stem(table_key_limit - 8, 'n');
  for (int i = 0; i < 1'000; ++i) long_names[stem + std::to_string(1'000 + i)] = nothing;
  CHECK(cost({table_bytes(long_names), {{only_shard, ""}}}) ==
        "m.index: expected at most 2097152 bytes of names, got more");
  // Claims of huge tensors cost nothing.
  CHECK(cost(with_messages(bundle_header(1),
                           BundleTensor{1, {1ULL << 60U}, 0, 0, 1ULL << 62U, 0}.message()))
            .starts_with("m.index: tensor t: expected it within the 64 bytes of "));
}

TEST_CASE("a spoilt entry under a right checksum is refused, or all of it can be read") {
  BundleFile bundle;
  bundle.add_f32("a", {2, 3}, {1, 2, 3, 4, 5, 6})
      .add("b", 14, {4}, "12345678")
      .add("c", 9, {1}, "12345678");
  TableEntries good;
  const std::string index = bundle.index();
  walk_table(*open_memory(std::as_bytes(std::span(index)), "m"),
             [&](std::string_view key, std::span<const std::byte> value) {
               good.emplace(key,
                            std::string(reinterpret_cast<const char*>(value.data()), value.size()));
             });
  testing::Random random(17);
  int refused = 0, read = 0;
  for (int round = 0; round < 20'000; ++round) {
    TableEntries entries = good;
    auto entry = entries.begin();
    std::advance(entry, random.below(entries.size()));
    std::string& message = entry->second;
    for (std::size_t edits = 1 + random.below(2); edits > 0 && !message.empty(); --edits) {
      const std::size_t at = random.below(message.size());
      const auto value = static_cast<char>(random.coin() ? random.below(256) : random.below(32));
      const std::size_t kind = random.below(4);
      if (kind == 0) message.erase(at, 1);
      if (kind == 1) message.insert(at, 1, value);
      if (kind >= 2) message[at] = value;
    }
    const Files files{table_bytes(entries), {{only_shard, bundle.data()}}};
    try {
      const Checkpoint checkpoint = files.open();
      for (const Tensor& tensor : checkpoint.tensors) {
        if (is_float(tensor.dtype)) values(tensor);
      }
      ++read;
    } catch (const FormatError& error) {
      REQUIRE(std::string_view(error.what()).starts_with("m."));
      REQUIRE(std::string_view(error.what()).find('\n') == std::string_view::npos);
      ++refused;
    }
  }
  CHECK(refused > 1'000);
  CHECK(read > 100);
}

}  // namespace
}  // namespace bertq::loaders
