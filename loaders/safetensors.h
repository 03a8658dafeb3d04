// One safetensors file as a checkpoint.
#pragma once

#include <memory>

#include "loaders/byte_source.h"
#include "loaders/checkpoint.h"

namespace bertq::loaders {

// Validates all metadata. Throws FormatError.
Checkpoint open_safetensors(std::unique_ptr<const ByteSource> source);

}  // namespace bertq::loaders
