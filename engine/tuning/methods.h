// The accuracy methods as a search sees them: bits of Configuration::methods.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace bertq::engine {

inline constexpr std::uint32_t method_equalization = 1, method_weight_clipping = 2,
                               method_rounding = 4, method_bias_correction = 8;

struct MethodRow {
  std::uint32_t bit;
  std::string_view name;
};
// In the order in which a search tries them.
inline constexpr std::array<MethodRow, 4> all_methods{{
    {method_equalization, "equalization"},
    {method_weight_clipping, "weight_clipping"},
    {method_rounding, "rounding"},
    {method_bias_correction, "bias_correction"},
}};

}  // namespace bertq::engine
