// Element types that formats know. Whether one can be read as f32 is another question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bertq::loaders {

enum class DType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};
std::string_view dtype_name(DType dtype);  // "F16", as safetensors spells it
std::optional<DType> dtype_named(std::string_view name);
std::size_t dtype_bytes(DType dtype);
bool is_float(DType dtype);

}  // namespace bertq::loaders
