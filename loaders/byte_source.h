// Bytes that can be read at any offset: a file, or memory. All readers of checkpoints stand on it,
// so that a file, a shard and an embedded checkpoint are judged by the same code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "loaders/file_descriptor.h"

namespace bertq::loaders {

// A file that is not what it should be. The message is one line that names the file and the tensor,
// line or offset: "model.safetensors: tensor bert.pooler.dense.bias: expected ..., got ...".
struct FormatError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Bytes that stay where they are as long as `owner` lives.
struct ResidentBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual const std::string& name() const = 0;  // for messages
  virtual std::uint64_t size() const = 0;
  // Fills `out` from `offset`. Throws FormatError if the source ends before (a file may shrink
  // while it is read), std::system_error if reading fails. Thread-safe.
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  // All bytes, where they can be used in place beyond the source's own life (mapped_file.h); no
  // owner otherwise.
  virtual ResidentBytes resident() const { return {}; }
};

// Opens a regular file; a folder, a FIFO or a device is refused with FormatError.
std::unique_ptr<ByteSource> open_file(const std::filesystem::path& path);
// The same for a file that is open already, by a name for messages.
std::unique_ptr<ByteSource> open_descriptor(FileDescriptor descriptor, std::string name);
// Bytes that outlive the source.
std::unique_ptr<ByteSource> open_memory(std::span<const std::byte> bytes, std::string name);

// A whole small text file, at most `limit` bytes (FormatError above it).
std::string read_text(const ByteSource& source, std::uint64_t limit);

}  // namespace bertq::loaders
