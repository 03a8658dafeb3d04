// Whether the files of a checkpoint are as they were written: their own checksums, and of a .bertq
// file all that can be computed twice.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/inspection.h"
#include "engine/cli/json_output.h"
#include "loaders/bertq_file.h"

namespace bertq::engine::cli {

struct Verification {
  std::size_t checked = 0;                   // tensors that agree with their checksum
  std::size_t unchecked = 0;                 // tensors of which the format keeps none
  std::optional<loaders::BertqHashes> hash;  // of a .bertq file
  std::vector<std::string> problems;         // a line each
};

// Reads every byte that a checksum is of. Throws std::system_error if reading fails.
Verification verify(const Inspection& inspection);

Json verification_json(const Verification& verification);
std::string verification_text(const Verification& verification);

}  // namespace bertq::engine::cli
