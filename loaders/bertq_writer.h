// Writes a .bertq file (bertq_header.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "loaders/bertq_header.h"

namespace bertq::loaders {

// A section to be written; its bytes outlive the call.
struct BertqContent {
  SectionKind kind = SectionKind::array;
  std::string name;
  DType dtype = DType::u8;  // of an array
  std::span<const std::byte> bytes;
};

struct BertqWritten {
  std::uint64_t file_bytes = 0;
  std::string hash;  // the XXH3-128 at the file's end, as hexadecimal digits
};

// Hands the file's bytes to `write`, in their order. Texts are packed where that makes them
// shorter. Throws std::invalid_argument for what no reader would take (two sections of one name)
// and what `write` throws.
BertqWritten write_bertq(std::span<const BertqContent> contents,
                         const std::function<void(std::span<const std::byte>)>& write);

}  // namespace bertq::loaders
