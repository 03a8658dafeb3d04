#include "loaders/safetensors.h"

#include <doctest/doctest.h>

#include <numeric>
#include <thread>
#include <vector>

#include "support/random.h"
#include "support/safetensors_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using testing::safetensors_bytes;
using testing::safetensors_entry;
using testing::SafetensorsFile;

Checkpoint opened(const std::string& bytes) {
  return open_safetensors(open_memory(std::as_bytes(std::span(bytes)), "m"));
}

std::vector<float> values(const Checkpoint& checkpoint, std::size_t index) {
  std::vector<float> out(checkpoint.tensors[index].elements);
  read_f32(checkpoint.tensors[index], 0, out);
  return out;
}

TEST_CASE("tensors come with name, type, shape and values") {
  const std::string bytes = SafetensorsFile()
                                .add_f32("matrix", {2, 3}, {1, 2, 3, 4, 5, 6})
                                .add("half", "F16", {2}, std::string("\x00\x3c\x00\xc0", 4))
                                .add("brain", "BF16", {1}, std::string("\x80\x3f", 2))
                                .add("ids", "I64", {1}, std::string(8, '\1'))
                                .add("byte", "F8_E4M3", {1}, "\x38")
                                .bytes();
  const auto checkpoint = opened(bytes);
  CHECK(checkpoint.format == "safetensors");
  CHECK(checkpoint.name == "m");
  CHECK(checkpoint.file_bytes == bytes.size());
  CHECK(checkpoint.remarks.empty());
  REQUIRE(checkpoint.tensors.size() == 5);
  const Tensor& matrix = checkpoint.tensors[0];
  CHECK(matrix.name == "matrix");
  CHECK(matrix.dtype == DType::f32);
  CHECK(matrix.shape == std::vector<std::uint64_t>{2, 3});
  CHECK(matrix.elements == 6);
  CHECK(matrix.file() == "m");
  CHECK(values(checkpoint, 0) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(values(checkpoint, 1) == std::vector<float>{1, -2});
  CHECK(values(checkpoint, 2) == std::vector<float>{1});
  CHECK(values(checkpoint, 4) == std::vector<float>{1});
  CHECK(testing::thrown_message<FormatError>([&] { values(checkpoint, 3); }) ==
        "m: tensor ids: expected a float type, got I64");
}

TEST_CASE("what the format allows is accepted") {
  const std::string scalar = safetensors_entry("scalar", "F32", {}, 0, 4);
  const std::string empty = safetensors_entry("empty", "F32", {3, 0}, 4, 4);
  const std::string last = safetensors_entry("last", "U8", {2}, 4, 6);
  const std::vector<std::string> headers{
      "{" + scalar + "," + empty + "," + last + "}",
      "{" + last + "," + scalar + "," + empty + "}",  // in any order
      "{" + empty + "," + last + "," + scalar + "}        ",
      R"({"__metadata__":{},)" + scalar + "," + empty + "," + last + "}",
      R"({"__metadata__":{"format":"pt","other":""},)" + empty + "," + scalar + "," + last + "}",
      "{" + last + "," + empty + "," + scalar + R"(,"__metadata__":{}})",
      R"({"scalar":{"data_offsets":[0,4],"shape":[],"dtype":"F32"},)" + empty + "," + last + "}",
  };
  const std::string data = std::string("\x00\x00\x20\x41", 4) + "ab";
  for (const std::string& header : headers) {
    CAPTURE(header);
    const std::string bytes = safetensors_bytes(header, data);
    const auto checkpoint = opened(bytes);
    REQUIRE(checkpoint.tensors.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      const Tensor& info = checkpoint.tensors[i];
      if (info.name == "scalar") CHECK(values(checkpoint, i) == std::vector<float>{10});
      if (info.name == "empty") CHECK(values(checkpoint, i).empty());
      if (info.name == "last") CHECK(info.elements == 2);
    }
  }
  const std::string nothing = safetensors_bytes("{}", "");
  CHECK(opened(nothing).tensors.empty());
}

TEST_CASE("any window of a tensor can be read") {
  std::vector<float> stored(20'011);  // more than one piece
  std::iota(stored.begin(), stored.end(), 0.0F);
  const std::string bytes = SafetensorsFile()
                                .add("before", "U8", {3}, "xyz")  // nothing is aligned after it
                                .add_f32("t", {stored.size()}, stored)
                                .bytes();
  const auto checkpoint = opened(bytes);
  struct Window {
    std::uint64_t first;
    std::size_t count;
  };
  for (const Window& window : std::vector<Window>{{0, 20'011},
                                                  {0, 1},
                                                  {20'010, 1},
                                                  {4'095, 2},
                                                  {4'096, 8'192},
                                                  {7, 12'345},
                                                  {20'011, 0}}) {
    std::vector<float> out(window.count);
    read_f32(checkpoint.tensors[1], window.first, out);
    const auto begin = stored.begin() + static_cast<std::ptrdiff_t>(window.first);
    CHECK(std::equal(out.begin(), out.end(), begin));
  }
  std::vector<float> out(2);
  CHECK_THROWS_AS(read_f32(checkpoint.tensors[1], 20'010, out), std::out_of_range);
  CHECK_THROWS_AS(read_f32(checkpoint.tensors[1], ~std::uint64_t{0}, out), std::out_of_range);
}

TEST_CASE("a spoilt file is refused, or all of it can be read") {
  const std::string good = SafetensorsFile()
                               .add_f32("a", {2, 3}, {1, 2, 3, 4, 5, 6})
                               .add("b", "BF16", {4}, "12345678")
                               .add("c", "F8_E5M2", {0, 7}, "")
                               .bytes();
  const std::string_view likely = "0123456789[]{},:\"\\-.eE \0\xff";
  testing::Random random(11);
  int refused = 0, read = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
      const std::size_t at = random.below(bytes.size());
      const auto any = static_cast<char>(random.below(256));
      const char edit = random.coin() ? likely[random.below(likely.size())] : any;
      const std::size_t kind = random.below(4);
      if (kind == 0) bytes.erase(at, 1);
      if (kind == 1) bytes.insert(at, 1, edit);
      if (kind >= 2) bytes[at] = edit;
    }
    try {
      const auto checkpoint = opened(bytes);
      for (std::size_t i = 0; i < checkpoint.tensors.size(); ++i) {
        if (is_float(checkpoint.tensors[i].dtype)) values(checkpoint, i);
      }
      ++read;
    } catch (const FormatError& error) {
      REQUIRE(std::string_view(error.what()).starts_with("m: "));
      REQUIRE(std::string_view(error.what()).find('\n') == std::string_view::npos);
      ++refused;
    }
  }
  CHECK(refused > 1'000);
  CHECK(read > 100);
}

TEST_CASE("threads may read one file at once") {
  const testing::TemporaryFolder folder;
  std::vector<float> stored(100'000);
  std::iota(stored.begin(), stored.end(), 0.0F);
  const auto path = folder.write("m.safetensors",
                                 SafetensorsFile().add_f32("t", {stored.size()}, stored).bytes());
  const auto checkpoint = open_checkpoint(path);
  std::vector<std::vector<float>> read(4);
  std::vector<std::thread> threads;
  for (std::vector<float>& out : read) {
    threads.emplace_back([&] { out = values(checkpoint, 0); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<float>& out : read) CHECK(out == stored);
}

TEST_CASE("a file that shrinks after it was opened is an error that names it") {
  const testing::TemporaryFolder folder;
  const auto path = folder.write(
      "m.safetensors", SafetensorsFile().add_f32("t", {1'000}, std::vector<float>(1'000)).bytes());
  const auto checkpoint = open_checkpoint(path);
  std::filesystem::resize_file(path, 100);
  CHECK(testing::thrown_message<FormatError>([&] {
          values(checkpoint, 0);
        }).starts_with(path.string() + ": byte 100: expected "));
}

}  // namespace
}  // namespace bertq::loaders
