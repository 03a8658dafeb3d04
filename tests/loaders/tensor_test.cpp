#include "loaders/tensor.h"

#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/checksum.h"
#include "support/random.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

// f32 elements 0, 1, 2, ... and views of them.
struct Elements {
  explicit Elements(std::size_t count) : values(count) {
    std::iota(values.begin(), values.end(), 0.0F);
    source = open_memory(std::as_bytes(std::span(values)), "m");
  }
  Tensor view(const std::vector<std::uint64_t>& shape, const std::vector<std::uint64_t>& strides,
              std::uint64_t first = 0) const {
    Tensor tensor;
    tensor.name = "t";
    tensor.shape = shape;
    tensor.strides = strides;
    tensor.elements = element_count(shape).value();
    tensor.source = source.get();
    tensor.offset = first * sizeof(float);
    return tensor;
  }

  std::vector<float> values;
  std::unique_ptr<ByteSource> source;
};

std::vector<float> all_of(const Tensor& tensor) {
  std::vector<float> out(tensor.elements);
  read_f32(tensor, 0, out);
  return out;
}

TEST_CASE("views are read in row-major order, whatever their strides") {
  const Elements elements(64);
  struct Row {
    std::vector<std::uint64_t> shape, strides;
    std::uint64_t first;
    std::vector<float> expected;
  };
  const std::vector<Row> rows{
      {{2, 3}, {}, 0, {0, 1, 2, 3, 4, 5}},
      {{2, 3}, {3, 1}, 1, {1, 2, 3, 4, 5, 6}},
      {{3, 2}, {1, 3}, 0, {0, 3, 1, 4, 2, 5}},  // transposed
      {{2, 2}, {8, 1}, 4, {4, 5, 12, 13}},      // columns of a wider matrix
      {{3}, {2}, 0, {0, 2, 4}},
      {{2, 3}, {0, 1}, 0, {0, 1, 2, 0, 1, 2}},  // expanded
      {{1, 3}, {77, 1}, 2, {2, 3, 4}},          // the stride of a single row means nothing
      {{2, 2, 2}, {1, 2, 4}, 0, {0, 4, 2, 6, 1, 5, 3, 7}},
      {{}, {}, 9, {9}},
      {{0, 5}, {5, 1}, 0, {}},
  };
  for (const Row& row : rows) {
    CHECK(all_of(elements.view(row.shape, row.strides, row.first)) == row.expected);
  }
}

TEST_CASE("rows of a transposed matrix come in any number") {
  constexpr std::size_t outputs = 37, inputs = 53;
  const Elements elements(outputs * inputs);  // stored [inputs][outputs]
  const Tensor matrix = transposed(elements.view({inputs, outputs}, {}));
  CHECK(matrix.shape == std::vector<std::uint64_t>{outputs, inputs});
  for (const std::size_t first : {0U, 1U, 30U, 36U}) {
    for (const std::size_t count : {1U, 7U}) {
      const std::size_t rows = std::min(count, outputs - first);
      std::vector<float> out(rows * inputs);
      read_f32(matrix, first * inputs, out);
      for (std::size_t i = 0; i < out.size(); ++i) {
        REQUIRE(out[i] == static_cast<float>(i % inputs * outputs + first + i / inputs));
      }
    }
  }
  std::vector<float> torn(5);  // not whole rows
  read_f32(matrix, inputs - 2, torn);
  CHECK(torn[1] == static_cast<float>((inputs - 1) * outputs));
  CHECK(torn[2] == 1.0F);
  CHECK(all_of(transposed(matrix)) == elements.values);
  CHECK(testing::thrown_message<FormatError>([&] { transposed(elements.view({3}, {})); }) ==
        "m: tensor t: expected 2 dimensions, got 1");
}

TEST_CASE("what a view reaches") {
  using Sizes = std::vector<std::uint64_t>;
  constexpr std::uint64_t huge = std::uint64_t{1} << 40U;
  CHECK(element_count(Sizes{2, 3}) == 6U);
  CHECK(element_count(Sizes{}) == 1U);
  CHECK(element_count(Sizes{huge, huge}) == std::nullopt);
  CHECK(element_extent(Sizes{2, 3}, Sizes{}) == 6U);
  CHECK(element_extent(Sizes{2, 3}, Sizes{8, 1}) == 11U);
  CHECK(element_extent(Sizes{2, 0}, Sizes{huge, huge}) == 0U);
  CHECK(element_extent(Sizes{1, 1}, Sizes{~0ULL, ~0ULL}) == 1U);
  CHECK(element_extent(Sizes{huge, 2}, Sizes{huge, 1}) == std::nullopt);
  CHECK(element_extent(Sizes{2, 2}, Sizes{~0ULL, 1}) == std::nullopt);
  CHECK(element_extent(Sizes{2}, Sizes{~0ULL}) == std::nullopt);
}

TEST_CASE("quantised tensors are read as what they stand for, or as they are") {
  const std::vector<std::int8_t> stored{-128, -1, 0, 1, 2, 127};
  const auto source = open_memory(std::as_bytes(std::span(stored)), "m");
  Tensor tensor;
  tensor.name = "q";
  tensor.dtype = DType::i8;
  tensor.shape = {2, 3};
  tensor.elements = 6;
  tensor.source = source.get();
  CHECK(testing::thrown_message<FormatError>([&] { all_of(tensor); }) ==
        "m: tensor q: expected a float type, got I8");
  tensor.affine = std::make_shared<const Affine>(Affine{{0.5}, {1}, 0});
  CHECK(all_of(tensor) == std::vector<float>{-64.5F, -1, -0.5F, 0, 0.5F, 63});
  tensor.affine = std::make_shared<const Affine>(Affine{{1, 2}, {0, 1}, 0});
  CHECK(all_of(tensor) == std::vector<float>{-128, -1, 0, 0, 2, 252});
  CHECK(all_of(transposed(tensor)) == std::vector<float>{-128, 0, -1, 2, 0, 252});
  tensor.affine = std::make_shared<const Affine>(Affine{{1, 2, 3}, {0, 0, 0}, 1});
  CHECK(all_of(tensor) == std::vector<float>{-128, -2, 0, 1, 4, 381});
  std::vector<std::int8_t> out(2);
  read_i8(tensor, 4, out);
  CHECK(out == std::vector<std::int8_t>{2, 127});
  std::vector<std::int32_t> wide(1);
  CHECK(testing::thrown_message<FormatError>([&] { read_i32(tensor, 0, wide); }) ==
        "m: tensor q: expected I32, got I8");
}

TEST_CASE("checksums") {
  const std::string digits = "123456789";
  const auto bytes = std::as_bytes(std::span(digits));
  CHECK(crc32c(bytes) == 0xe3069283U);  // RFC 3720's check value
  CHECK(crc32c_portable(bytes) == 0xe3069283U);
  CHECK(crc32c(bytes.subspan(4), crc32c(bytes.first(4))) == 0xe3069283U);
  CHECK(masked(0xe3069283U) == 0xc78ab0e5U);
  const auto source = open_memory(bytes, "m");
  CHECK(checksum_of(ChecksumKind::crc32, *source, 0, digits.size()) == 0xcbf43926U);
  testing::Random random(3);
  std::string long_bytes(100'003, '\0');
  for (char& c : long_bytes) c = static_cast<char>(random.next());
  const auto all = std::as_bytes(std::span(long_bytes));
  for (std::size_t begin = 0; begin < 9; ++begin) {
    CHECK(crc32c(all.subspan(begin)) == crc32c_portable(all.subspan(begin)));
  }
}

TEST_CASE("a damaged tensor is named") {
  const Elements elements(4);
  Tensor tensor = elements.view({4}, {});
  const std::uint32_t crc = checksum_of(ChecksumKind::masked_crc32c, *elements.source, 0, 16);
  tensor.checksum =
      std::make_shared<const Checksum>(Checksum{ChecksumKind::masked_crc32c, crc, 0, 16});
  CHECK_NOTHROW(verify_checksum(tensor));
  tensor.checksum =
      std::make_shared<const Checksum>(Checksum{ChecksumKind::masked_crc32c, crc + 1, 0, 16});
  CHECK(testing::thrown_message<FormatError>([&] { verify_checksum(tensor); }) ==
        "m: tensor t: expected the checksum " + std::to_string(crc + 1) + ", got " +
            std::to_string(crc) + ": the file is damaged");
}

}  // namespace
}  // namespace bertq::loaders
