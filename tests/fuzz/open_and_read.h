// What a fuzz target does with its input: open it as a checkpoint, and read all of each tensor.
// Bad input is refused with FormatError, which is caught here; any other exception is a find, as is
// what sanitizers and limits of time and memory see.
#pragma once

#include <cstddef>
#include <span>

namespace bertq::fuzz {

// One file of any format, told apart by its first bytes.
void open_file(std::span<const std::byte> bytes);

// TensorFlow's two files as one input: the index, which ends with its footer's magic number, and
// the bytes of its only shard.
void open_tensorflow(std::span<const std::byte> bytes);
std::size_t tensorflow_index_size(std::span<const std::byte> bytes);

// An archive as such, deflated members too: what a model published as a .zip comes through.
void open_zip(std::span<const std::byte> bytes);

}  // namespace bertq::fuzz
