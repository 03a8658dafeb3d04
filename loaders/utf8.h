// Names in files are text, and text is UTF-8.
#pragma once

#include <string_view>

namespace bertq::loaders {

// Whether all of it is well-formed: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace bertq::loaders
