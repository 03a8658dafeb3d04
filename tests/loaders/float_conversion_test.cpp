// Every bit pattern of the narrow formats against a decoder that works in arithmetic: sign times
// fraction times a power of two, as IEEE 754 and OCP's 8-bit formats define them.
#include "loaders/float_conversion.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace bertq::loaders {
namespace {

double decoded(std::uint32_t bits, int exponent_bits, int mantissa_bits, bool has_infinity) {
  const int exponent_mask = (1 << exponent_bits) - 1;
  const int bias = exponent_mask / 2;
  const auto mantissa = static_cast<double>(bits & ((1U << mantissa_bits) - 1U));
  const int exponent = static_cast<int>(bits >> mantissa_bits) & exponent_mask;
  const double sign = (bits >> (exponent_bits + mantissa_bits)) != 0 ? -1.0 : 1.0;
  if (has_infinity && exponent == exponent_mask) {
    return mantissa == 0.0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(1.0 + std::ldexp(mantissa, -mantissa_bits), exponent - bias);
}

// Equal bits, or both NaN.
bool same(float got, double expected) {
  if (std::isnan(expected)) return std::isnan(got);
  return std::bit_cast<std::uint64_t>(static_cast<double>(got)) ==
         std::bit_cast<std::uint64_t>(expected);
}

TEST_CASE("f16 and bf16: all 65,536 patterns") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 65'536; ++bits) {
    const auto stored = static_cast<std::uint16_t>(bits);
    wrong += same(f16_to_f32(stored), decoded(bits, 5, 10, true)) ? 0 : 1;
    wrong += same(bf16_to_f32(stored), decoded(bits, 8, 7, true)) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("f8: all 256 patterns") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 256; ++bits) {
    const auto stored = static_cast<std::uint8_t>(bits);
    wrong += same(f8_e5m2_to_f32(stored), decoded(bits, 5, 2, true)) ? 0 : 1;
    const double e4m3 = (bits & 0x7FU) == 0x7FU ? std::nan("") : decoded(bits, 4, 3, false);
    wrong += same(f8_e4m3_to_f32(stored), e4m3) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("known values") {
  CHECK(f16_to_f32(0x3C00) == 1.0F);
  CHECK(f16_to_f32(0x7BFF) == 65504.0F);
  CHECK(f16_to_f32(0x0001) == 0x1p-24F);
  CHECK(std::signbit(f16_to_f32(0x8000)));
  CHECK(bf16_to_f32(0x3F80) == 1.0F);
  CHECK(bf16_to_f32(0x0001) == 0x1p-133F);
  CHECK(f8_e4m3_to_f32(0x7E) == 448.0F);
  CHECK(f8_e4m3_to_f32(0x01) == 0x1p-9F);
  CHECK(f8_e5m2_to_f32(0x7B) == 57344.0F);
  CHECK(f8_e5m2_to_f32(0xFC) == -std::numeric_limits<float>::infinity());
}

TEST_CASE("f64 is rounded to nearest, ties to even") {
  struct Row {
    double stored;
    float expected;
  };
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<Row> rows{{0.1, 0.1F},
                              {1.0 + 0x1p-24, 1.0F},
                              {1.0 + 0x1.8p-23, 1.0F + 0x1p-22F},
                              {0x1.fffffe8p127, 0x1.fffffep127F},
                              {0x1.ffffffp127, infinity},
                              {-1e300, -infinity},
                              {0x1p-150, 0.0F},
                              {0x1.8p-150, 0x1p-149F},
                              {-0.0, -0.0F}};
  for (const Row& row : rows) {
    CAPTURE(row.stored);
    float got = 0.0F;
    widen(DType::f64, std::as_bytes(std::span(&row.stored, 1)), std::span(&got, 1));
    CHECK(std::bit_cast<std::uint32_t>(got) == std::bit_cast<std::uint32_t>(row.expected));
  }
}

TEST_CASE("elements need no alignment") {
  const std::vector<DType> dtypes{DType::f64,  DType::f32,     DType::f16,
                                  DType::bf16, DType::f8_e4m3, DType::f8_e5m2};
  for (const DType dtype : dtypes) {
    CAPTURE(dtype_name(dtype));
    constexpr std::size_t count = 9;
    std::vector<std::byte> aligned(count * dtype_bytes(dtype));
    for (std::size_t i = 0; i < aligned.size(); ++i) aligned[i] = std::byte(17 * i % 101);
    std::vector<std::byte> shifted(aligned.size() + 1);
    std::memcpy(shifted.data() + 1, aligned.data(), aligned.size());
    std::vector<float> expected(count), got(count);
    widen(dtype, aligned, expected);
    widen(dtype, std::span(shifted).subspan(1), got);
    CHECK(std::memcmp(expected.data(), got.data(), count * sizeof(float)) == 0);
  }
}

}  // namespace
}  // namespace bertq::loaders
