// Whether bytes are UTF-8, for messages that must name a file and a line.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace bertq::engine {

// The offset of the first byte that does not belong to well-formed UTF-8 (Unicode, table 3-7: no
// overlong forms, no surrogates, nothing above U+10FFFF); empty if all is well.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

}  // namespace bertq::engine
