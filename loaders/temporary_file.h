// A file without a name, for what does not fit memory and nobody else should see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "loaders/byte_source.h"
#include "loaders/file_descriptor.h"

namespace bertq::loaders {

// In $TMPDIR, or /tmp. Its space is free again when the source, or the file without one, is gone,
// also if the process is killed. Throws std::system_error, naming `name` and the folder.
class TemporaryFile {
 public:
  // `name` is the source's, for messages.
  explicit TemporaryFile(std::string name);
  void append(std::span<const std::byte> bytes);
  // What was appended. The file is empty-handed afterwards.
  std::unique_ptr<ByteSource> source() &&;

 private:
  std::string name_, folder_;
  FileDescriptor descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace bertq::loaders
