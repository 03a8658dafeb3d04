// A whole file as it is.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace bertq::testing {

// Empty for one that cannot be read.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace bertq::testing
