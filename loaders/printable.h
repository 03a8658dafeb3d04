// Text that came out of a file, fit for one line of a message.
#pragma once

#include <string>
#include <string_view>

namespace bertq::loaders {

// Control characters and bytes that are not UTF-8 as \xNN, a backslash as \\; what is longer than
// 120 bytes is cut and ends in "...". So no file can break a message's line or steer a terminal.
std::string printable(std::string_view text);

}  // namespace bertq::loaders
