// Products in vector registers: the block of C stays in registers over the whole depth. One loop
// serves every ISA and all operand types; they differ in how many rows a block has, how wide a
// register is, and in the dot product of one step.
#pragma once

#include "jit/code_memory.h"
#include "jit/gemm.h"
#include "jit/isa.h"

namespace bertq::jit {

// How large a block may be so that its sums and operands fit the registers.
struct BlockShape {
  int rows;    // at most
  int groups;  // of 16 columns, at most
};
BlockShape vector_block_shape(Isa isa, Operands operands);

// Code for blocks of exactly `rows` x `groups` groups. `name` is the product's own name.
CodeBlock generate_vector_gemm(Isa isa, bool fast_bf16, const GemmSpec& spec,
                               const BlockShape& block, const std::string& name);

}  // namespace bertq::jit
