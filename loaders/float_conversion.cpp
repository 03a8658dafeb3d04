#include "loaders/float_conversion.h"

#include <cstring>
#include <limits>
#include <stdexcept>

namespace bertq::loaders {
namespace {

template <typename Stored, typename Convert>
void convert_all(std::span<const std::byte> bytes, std::span<float> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert(stored);
  }
}

}  // namespace

float f16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(widened_bits<5, 10>(bits));
}

float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

float f8_e5m2_to_f32(std::uint8_t bits) {
  return std::bit_cast<float>(widened_bits<5, 2>(bits));
}

float f8_e4m3_to_f32(std::uint8_t bits) {
  const std::uint32_t magnitude = bits & 0x7FU;
  const std::uint32_t sign = (bits & 0x80U) << 24U;
  if (magnitude == 0x7FU) return std::bit_cast<float>(sign | 0x7FC00000U);
  // The exponent that IEEE 754 keeps for infinities is an ordinary one here.
  if (magnitude >= 0x78U) return std::bit_cast<float>(sign | (135U << 23U) | (bits & 7U) << 20U);
  return std::bit_cast<float>(widened_bits<4, 3>(bits));
}

void widen(DType dtype, std::span<const std::byte> bytes, std::span<float> out) {
  switch (dtype) {
    case DType::f64:
      return convert_all<double>(bytes, out, [](double v) { return static_cast<float>(v); });
    case DType::f32:
      return convert_all<float>(bytes, out, [](float v) { return v; });
    case DType::f16:
      return convert_all<std::uint16_t>(bytes, out, f16_to_f32);
    case DType::bf16:
      return convert_all<std::uint16_t>(bytes, out, bf16_to_f32);
    case DType::f8_e4m3:
      return convert_all<std::uint8_t>(bytes, out, f8_e4m3_to_f32);
    case DType::f8_e5m2:
      return convert_all<std::uint8_t>(bytes, out, f8_e5m2_to_f32);
    default:
      throw std::invalid_argument("widen: not a float type");
  }
}

}  // namespace bertq::loaders
