// Reads a whole file, but never more than a bound: a tokenizer's files are small, and what is not
// (a device, a pipe, another kind of file) is refused before memory is spent on it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace bertq::tokenizer {

constexpr std::size_t kMaxFileSize = std::size_t{64} << 20;

// Throws TokenizerError naming the file.
std::string read_file(const std::filesystem::path& file);

}  // namespace bertq::tokenizer
