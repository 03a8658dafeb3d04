// Recipes as files: what their reader and their writer agree on.
#pragma once

#include <cstdint>

namespace bertq::engine {

inline constexpr std::uint64_t longest_recipe = 64 << 20;  // bytes

}  // namespace bertq::engine
