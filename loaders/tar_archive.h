// The members of a tar archive: POSIX ustar and GNU headers, plain files only, as short as names
// and sizes were when PyTorch wrote its files so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loaders/byte_source.h"

namespace bertq::loaders {

inline constexpr std::size_t tar_member_limit = 16;
inline constexpr std::uint64_t tar_mark_offset = 257;  // of "ustar" in the file

struct TarMember {
  std::string name;
  std::uint64_t offset = 0, size = 0;  // of its bytes
};

// In the order of the file. Throws FormatError for two of one name, and for what is no plain file
// (links, folders, extended headers).
std::vector<TarMember> read_tar(const ByteSource& source);

}  // namespace bertq::loaders
