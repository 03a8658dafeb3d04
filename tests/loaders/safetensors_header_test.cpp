// Bad safetensors files: each refused with one line that says what and where, the same whether it
// comes as a file, as memory or as a shard, and at no cost in memory.
#include "loaders/safetensors_header.h"

#include <doctest/doctest.h>

#include <ctime>
#include <vector>

#include "loaders/checkpoint.h"
#include "support/allocation_peak.h"
#include "support/safetensors_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using testing::safetensors_bytes;
using testing::safetensors_entry;
using testing::TemporaryFolder;
using testing::thrown_message;
using testing::u64_bytes;

constexpr std::string_view file_name = "m.safetensors";

double seconds_since(std::clock_t start) {
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

std::string memory_complaint(std::string_view bytes) {
  return thrown_message<FormatError>([&] {
    open_checkpoint_file(open_memory(std::as_bytes(std::span(bytes)), std::string(file_name)));
  });
}

// The complaints of a file and of a shard, without their folder.
std::vector<std::string> other_complaints(std::string_view bytes) {
  const TemporaryFolder folder;
  const auto file = folder.write(file_name, bytes);
  const auto index =
      folder.write("x.safetensors.index.json", R"({"weight_map":{"a":"m.safetensors"}})");
  std::vector<std::string> complaints;
  for (const auto& path : {file, index}) {
    std::string complaint = thrown_message<FormatError>([&] { open_checkpoint(path); });
    const std::string prefix = folder.path().string() + "/";
    if (complaint.starts_with(prefix)) complaint.erase(0, prefix.size());
    complaints.push_back(complaint);
  }
  return complaints;
}

// "a" with the given fields; 4 bytes of data fit "F32", "[1]" and "[0,4]".
std::string entry_a(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return R"({"a":{"dtype":)" + std::string(dtype) + R"(,"shape":)" + std::string(shape) +
         R"(,"data_offsets":)" + std::string(offsets) + "}}";
}

struct BadFile {
  std::string bytes, complaint;
};

void check_all(const std::vector<BadFile>& files) {
  for (const BadFile& file : files) {
    const std::string expected = std::string(file_name) + ": " + file.complaint;
    CHECK(memory_complaint(file.bytes) == expected);
    for (const std::string& complaint : other_complaints(file.bytes)) CHECK(complaint == expected);
  }
}

TEST_CASE("bad lengths") {
  const std::string good = safetensors_bytes(entry_a("\"F32\"", "[1]", "[0,4]"), "....");
  const std::string wanted = "byte 0: expected the length of a safetensors header, 1..";
  check_all({
      {"", "expected a checkpoint, got 0 bytes"},
      {"1234567", "expected a checkpoint, got 7 bytes"},
      {u64_bytes(0) + "{}", wanted + "2, got 0"},
      {u64_bytes(3) + "{}", wanted + "2, got 3"},
      {u64_bytes(0), wanted + "0, got 0"},
      {u64_bytes(std::uint64_t{1} << 63U) + "{}", wanted + "2, got 9223372036854775808"},
      {u64_bytes(~std::uint64_t{0}) + "{}", wanted + "2, got 18446744073709551615"},
      {good + ".", "expected 4 bytes of data, got 5"},
  });
}

TEST_CASE("a header above 100 MB is refused though the file is as large") {
  const TemporaryFolder folder;
  const auto path = folder.write(file_name, u64_bytes(safetensors_header_limit + 1) + "{");
  std::filesystem::resize_file(path, safetensors_header_limit + 100);
  const testing::AllocationPeak peak;
  CHECK(thrown_message<FormatError>([&] { open_checkpoint(path); }) ==
        path.string() +
            ": byte 0: expected the length of a safetensors header, 1..100000000, got 100000001");
  CHECK(peak.bytes() < 100'000);
}

TEST_CASE("a file cut at any byte is refused") {
  const std::string good =
      testing::SafetensorsFile().add_f32("a", {2}, {1.0F, 2.0F}).add("b", "U8", {3}, "xyz").bytes();
  CHECK(memory_complaint(good) == "(nothing thrown)");
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK(memory_complaint(good.substr(0, length)).starts_with("m.safetensors: "));
  }
}

TEST_CASE("what is another format is named") {
  const std::string rest(64, '.');
  check_all({
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       "expected a checkpoint, got a Git LFS pointer (the file itself was not downloaded)"},
      {std::string("PK\3\4\0\0\x08\x08", 8) + rest,
       "byte 72: expected a zip directory before the end of the file, found none"},
      {"\x80\x02K\1" + rest, "byte 0: expected PyTorch's magic number, got something else"},
      {"\x89HDF\r\n\x1a\n" + rest,
       "expected a checkpoint, got an HDF5 file (a Keras checkpoint?), which bertq does not "
       "read"},
      {"{\"weight_map\": {}}", "expected a checkpoint, got JSON"},
  });
}

TEST_CASE("headers that are no JSON object") {
  check_all({
      {safetensors_bytes("[]", ""), "byte 8: expected '{', got '['"},
      {safetensors_bytes(" {}", ""), "byte 8: expected '{', got ' '"},
      {safetensors_bytes("\xEF\xBB\xBF{}", ""), "byte 8: expected '{', got '\\xef'"},
      {safetensors_bytes("{\"\xff\":1}", ""), "byte 10: expected JSON in UTF-8, got '\\xff'"},
      {safetensors_bytes("{\"a\":{", ""), "byte 14: expected JSON in UTF-8, got the end"},
      {safetensors_bytes("{}x", ""), "byte 10: expected JSON in UTF-8, got 'x'"},
      {safetensors_bytes(R"({"a":1})", ""), "tensor a: expected an object, got 1"},
      {safetensors_bytes(R"({"a":[]})", ""), "tensor a: expected an object, got an array"},
      {safetensors_bytes(R"({"a\nb":1})", ""), "tensor a\\x0ab: expected an object, got 1"},
      {safetensors_bytes(R"({"__metadata__":[]})", ""),
       "__metadata__: expected an object, got an array"},
      {safetensors_bytes(R"({"__metadata__":{"k":1}})", ""),
       "__metadata__: k: expected a string, got 1"},
      {safetensors_bytes(R"({"__metadata__":{"k":["v"]}})", ""),
       "__metadata__: k: expected a string, got an array"},
  });
}

TEST_CASE("bad entries") {
  const auto bad = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return safetensors_bytes(entry_a(dtype, shape, offsets), "....");
  };
  const std::string f32 = "\"F32\"", integer = "expected an integer of 0 or more, got ";
  check_all({
      {bad("\"F33\"", "[1]", "[0,4]"),
       "tensor a: dtype: expected a known type such as F32 or BF16, got the string 'F33'"},
      {bad("\"f32\"", "[1]", "[0,4]"),
       "tensor a: dtype: expected a known type such as F32 or BF16, got the string 'f32'"},
      {bad("5", "[1]", "[0,4]"), "tensor a: dtype: expected a string, got 5"},
      {bad("[\"F32\"]", "[1]", "[0,4]"), "tensor a: dtype: expected a string, got an array"},
      {bad(f32, "1", "[0,4]"), "tensor a: shape: expected an array, got 1"},
      {bad(f32, "[-1]", "[0,4]"), "tensor a: shape: " + integer + "-1"},
      {bad(f32, "[1.0]", "[0,4]"), "tensor a: shape: " + integer + "1.0"},
      {bad(f32, "[1e3]", "[0,4]"), "tensor a: shape: " + integer + "1e3"},
      {bad(f32, "[18446744073709551616]", "[0,4]"),
       "tensor a: shape: " + integer + "18446744073709551616"},
      {bad(f32, "[\"1\"]", "[0,4]"), "tensor a: shape: " + integer + "the string '1'"},
      {bad(f32, "[[1]]", "[0,4]"), "tensor a: shape: " + integer + "an array"},
      {bad(f32, "[{}]", "[0,4]"), "tensor a: shape: " + integer + "an object"},
      {bad(f32, "[1,1,1,1,1,1,1,1,1]", "[0,4]"),
       "tensor a: shape: expected at most 8 numbers, got more"},
      {bad(f32, "[4194305,4194305,211106198978564]", "[0,16]"),
       "tensor a: shape: expected fewer than 2^64 bytes, got more"},
      {bad(f32, "[4611686018427387904]", "[0,0]"),
       "tensor a: shape: expected fewer than 2^64 bytes, got more"},
      {bad(f32, "[2]", "[0,4]"),
       "tensor a: data_offsets: expected 8 bytes for its shape and dtype, got 4"},
      {bad("\"F16\"", "[1]", "[0,4]"),
       "tensor a: data_offsets: expected 2 bytes for its shape and dtype, got 4"},
      {bad(f32, "[1]", "[4,0]"), "tensor a: data_offsets: expected begin <= end, got 4 and 0"},
      {bad(f32, "[1]", "[0]"), "tensor a: data_offsets: expected 2 numbers, got 1"},
      {bad(f32, "[1]", "[0,4,4]"), "tensor a: data_offsets: expected at most 2 numbers, got more"},
      {bad(f32, "[1]", "[0,-4]"), "tensor a: data_offsets: " + integer + "-4"},
      {bad(f32, "[1]", "{}"), "tensor a: data_offsets: expected an array, got an object"},
      {bad(f32, "[1]", "[0,4],\"strides\":[1]"), "tensor a: unknown key strides"},
      {bad(f32, "[1]", "[0,4],\"dtype\":\"F32\""), "tensor a: duplicate key dtype"},
      {safetensors_bytes(R"({"a":{"dtype":"F32","shape":[1]}})", "...."),
       "tensor a: expected a key data_offsets, found none"},
      {safetensors_bytes(R"({"a":{}})", ""), "tensor a: expected a key dtype, found none"},
  });
}

TEST_CASE("data that are not covered exactly once") {
  const auto two = [](const std::string& a, const std::string& b, std::size_t data) {
    return safetensors_bytes("{" + a + "," + b + "}", std::string(data, '.'));
  };
  const auto a = [](std::uint64_t begin, std::uint64_t end) {
    return safetensors_entry("a", "U8", {end - begin}, begin, end);
  };
  const auto b = [](std::uint64_t begin, std::uint64_t end) {
    return safetensors_entry("b", "U8", {end - begin}, begin, end);
  };
  check_all({
      {two(a(0, 4), b(3, 7), 7),
       "tensor b: data_offsets: expected to begin at 4 (an overlap), got 3"},
      {two(a(0, 4), b(0, 4), 4),
       "tensor b: data_offsets: expected to begin at 4 (an overlap), got 0"},
      {two(a(0, 4), b(5, 8), 8), "tensor b: data_offsets: expected to begin at 4 (a hole), got 5"},
      {two(b(1, 4), a(4, 8), 8), "tensor b: data_offsets: expected to begin at 0 (a hole), got 1"},
      {two(a(0, 4), b(2, 2), 4),
       "tensor b: data_offsets: expected to begin at 4 (an overlap), got 2"},
      {two(a(0, 4), b(4, 8), 7),
       "tensor b: data_offsets: expected at most 7, the bytes of data in the file, got 8"},
      {two(a(0, 4), b(4, 8), 9), "expected 8 bytes of data, got 9"},
      {safetensors_bytes("{}", "."), "expected 0 bytes of data, got 1"},
  });
}

TEST_CASE("keys given twice") {
  const std::string a = safetensors_entry("a", "U8", {0}, 0, 0);
  check_all({
      {safetensors_bytes("{" + a + "," + a + "}", ""), "tensor a: duplicate key"},
      {safetensors_bytes("{" + a + R"(,"\u0061")" + a.substr(3) + "}", ""),
       "tensor a: duplicate key"},
      {safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})", ""),
       "header: duplicate key __metadata__"},
      {safetensors_bytes(R"({"__metadata__":{"k":"1","k":"2"}})", ""),
       "__metadata__: duplicate key k"},
  });
}

// Headers of many parts, and what is said of them.
std::string many_tensors(std::size_t count, std::string_view shape = "0") {
  std::string header = "{";
  for (std::size_t i = 0; i < count; ++i) {
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[)" +
              std::string(shape) + R"(],"data_offsets":[0,0]})";
  }
  return header + "}";
}

std::string many_metadata(std::size_t count) {
  std::string header = R"({"__metadata__":{)";
  for (std::size_t i = 0; i < count; ++i) {
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  }
  return header + "}}";
}

TEST_CASE("headers made to cost much are refused for little") {
  struct Row {
    std::string header, complaint;
  };
  const std::string deep(10'000, '[');
  const std::string crowd = many_tensors(tensor_limit, "0,0,0,0,0,0,0,0");
  const std::vector<Row> rows{
      {"{\"a\":" + deep, "tensor a: expected an object, got an array"},
      {"{\"__metadata__\":{\"a\":" + deep, "__metadata__: a: expected a string, got an array"},
      {"{\"a\":{\"shape\":" + deep,
       "tensor a: shape: expected an integer of 0 or more, got an array"},
      {many_tensors(tensor_limit + 1), "header: expected at most 100000 tensors, got more"},
      {crowd + "x",
       "byte " + std::to_string(8 + crowd.size()) + ": expected JSON in UTF-8, got 'x'"},
      {many_metadata(safetensors_metadata_limit + 1),
       "__metadata__: expected at most 65536 keys, got more"},
      {"{\"" + std::string(20'000'000, 'x') + "\":1}",
       "byte 10: expected strings and numbers of at most 1048576 bytes, got 20000000"},
      {"{\"" + std::string(1'000'000, 'x') + "\":1}",
       "tensor " + std::string(120, 'x') + "...: expected an object, got 1"},
      {"{\"a\":" + std::string(3'000'000, '1') + "}",
       "byte 13: expected strings and numbers of at most 1048576 bytes, got 3000000"},
  };
  for (const Row& row : rows) {
    const std::string bytes = safetensors_bytes(row.header, "");
    const std::clock_t start = std::clock();  // of this process, whatever else runs
    const testing::AllocationPeak peak;
    const std::string complaint = memory_complaint(bytes);
    const std::size_t cost = peak.bytes();
    const double seconds = seconds_since(start);
    CHECK(complaint == "m.safetensors: " + row.complaint);
    CAPTURE(row.complaint);
    CHECK(cost <= 2 * row.header.size() + (std::size_t{16} << 20U));
    CHECK(seconds < 1.0 + static_cast<double>(bytes.size()) / 1e7);
  }
}

TEST_CASE("a lying header allocates nothing for its tensors") {
  const std::string header = entry_a("\"F32\"", "[1099511627776]", "[0,4398046511104]");
  const std::string bytes = safetensors_bytes(header, "....");
  const testing::AllocationPeak peak;
  CHECK(memory_complaint(bytes) ==
        "m.safetensors: tensor a: data_offsets: expected at most 4, the bytes of data in the file, "
        "got 4398046511104");
  CHECK(peak.bytes() < 100'000);
}

TEST_CASE("100,000 tensors are fine") {
  const std::string header = many_tensors(100'000);
  const std::string bytes = safetensors_bytes(header, "");
  const auto source = open_memory(std::as_bytes(std::span(bytes)), std::string(file_name));
  const testing::AllocationPeak peak;
  const std::clock_t start = std::clock();  // of this process, whatever else runs
  const std::vector<Tensor> read = read_safetensors_header(*source);
  const double seconds = seconds_since(start);
  CHECK(read.size() == 100'000);
  CHECK(read[77'777].name == "77777");
  CHECK(peak.bytes() <= bytes.size() + (std::size_t{64} << 20U));
  CHECK(seconds < 2.0);
}

}  // namespace
}  // namespace bertq::loaders
