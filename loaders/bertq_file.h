// A .bertq file (bertq_header.h): packed arrays as a checkpoint, and the texts beside them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"

namespace bertq::loaders {

inline constexpr std::string_view bertq_format = ".bertq";

// The arrays are the checkpoint's tensors, of one dimension, each with its checksum. The notes are
// its attributes. Which notes there are is the engine's matter, as are the arrays' names.
struct BertqFile {
  Checkpoint checkpoint;
  std::map<std::string, std::string, std::less<>> files;  // by name, as they were in the folder
};

// Validates the header and reads files and notes, held against their checksums; no array is read.
// Throws FormatError.
BertqFile open_bertq(std::unique_ptr<const ByteSource> source);

// The hash at the end of a .bertq file, and that of its bytes, as 32 hexadecimal digits. Reads the
// whole file.
struct BertqHashes {
  std::string stored, computed;
};
BertqHashes hash_bertq(const ByteSource& source);

}  // namespace bertq::loaders
