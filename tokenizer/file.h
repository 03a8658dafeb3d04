// Reads a whole file, but never more than a bound: a tokenizer's files are small, and what is not
// (a device, a pipe, another kind of file) is refused before memory is spent on it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace bertq::tokenizer {

constexpr std::size_t kMaxFileSize = std::size_t{64} << 20;

// Whether there is something of that name, readable or not: what is there but cannot be read must
// be complained of, not passed over. Never throws.
bool is_present(const std::filesystem::path& file);

// Throws TokenizerError naming the file.
std::string read_file(const std::filesystem::path& file);

}  // namespace bertq::tokenizer
