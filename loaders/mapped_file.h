// A file mapped into memory instead of being read: pages come when they are first used, and the
// kernel may drop them again.
#pragma once

#include <filesystem>
#include <memory>

#include "loaders/byte_source.h"

namespace bertq::loaders {

// Maps a regular file, read-only and private. Throws what open_file throws, and std::system_error
// if it cannot be mapped.
//
// read() is as safe as that of any file. resident() is not: if the file is cut shorter while it is
// mapped, touching a page beyond its new end raises SIGBUS. Whoever uses it in place installs
// a handler that asks mapped_file_at(), or accepts that. (Writing a new file and renaming it over
// the old one, as bertq does, leaves a mapped one alone.)
std::unique_ptr<ByteSource> open_mapped_file(const std::filesystem::path& path);

// The name of the mapped file that `address` lies in; null if there is none. Async-signal-safe.
const char* mapped_file_at(const void* address);

}  // namespace bertq::loaders
