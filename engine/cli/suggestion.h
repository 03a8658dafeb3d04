// "Did you mean" for mistyped names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bertq::engine::cli {

// "; did you mean '--threads'?", or nothing if no known name is near.
std::string suggestion(std::string_view typed, std::span<const std::string> known);

}  // namespace bertq::engine::cli
