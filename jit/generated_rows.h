// The row-wise kernels of one instruction set as generated code.
#pragma once

#include <memory>

#include "jit/code_memory.h"
#include "jit/isa.h"
#include "jit/row_kernels.h"

namespace bertq::jit {

// Owns the code that its table points to.
class GeneratedRows {
 public:
  // Generates all kernels for `isa` (not reference), where `fast_bf16` tells whether it has that
  // (isa.h). Throws std::system_error if no code memory can be had.
  GeneratedRows(Isa isa, bool fast_bf16);

  const RowKernels& table() const { return table_; }

 private:
  CodeMemory memory_;
  RowKernels table_;
};

std::unique_ptr<GeneratedRows> generate_row_kernels(Isa isa, bool fast_bf16);

}  // namespace bertq::jit
