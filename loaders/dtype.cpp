#include "loaders/dtype.h"

#include <algorithm>
#include <array>

namespace bertq::loaders {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
  bool floating;
};
// In the order of the enumeration.
constexpr std::array<DTypeRow, 15> dtypes{{
    {DType::f64, "F64", 8, true},
    {DType::f32, "F32", 4, true},
    {DType::f16, "F16", 2, true},
    {DType::bf16, "BF16", 2, true},
    {DType::f8_e4m3, "F8_E4M3", 1, true},
    {DType::f8_e5m2, "F8_E5M2", 1, true},
    {DType::i64, "I64", 8, false},
    {DType::i32, "I32", 4, false},
    {DType::i16, "I16", 2, false},
    {DType::i8, "I8", 1, false},
    {DType::u64, "U64", 8, false},
    {DType::u32, "U32", 4, false},
    {DType::u16, "U16", 2, false},
    {DType::u8, "U8", 1, false},
    {DType::boolean, "BOOL", 1, false},
}};

const DTypeRow& row(DType dtype) {
  return dtypes[static_cast<std::size_t>(dtype)];
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return row(dtype).name;
}

std::optional<DType> dtype_named(std::string_view name) {
  const auto found = std::find_if(dtypes.begin(), dtypes.end(),
                                  [&](const DTypeRow& known) { return known.name == name; });
  if (found == dtypes.end()) return std::nullopt;
  return found->dtype;
}

std::size_t dtype_bytes(DType dtype) {
  return row(dtype).bytes;
}

bool is_float(DType dtype) {
  return row(dtype).floating;
}

}  // namespace bertq::loaders
