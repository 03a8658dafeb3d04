// The accuracy methods as a search sees them: bits of Configuration::methods.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace bertq {

struct MethodRow {
  std::uint32_t bit;
  std::string_view name;
};
// In the order in which they are applied and tried.
inline constexpr std::array<MethodRow, 4> all_methods{{
    {1, "equalization"},
    {2, "weight_clipping"},
    {4, "rounding"},
    {8, "bias_correction"},
}};

}  // namespace bertq
