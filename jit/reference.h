// The kernels in plain C++: the shortest correct text, the measure for all others, and what runs
// where nothing else can.
#pragma once

#include <memory>

#include "jit/gemm.h"
#include "jit/row_kernels.h"

namespace bertq::jit {

std::unique_ptr<Gemm> make_reference_gemm(const GemmSpec& spec);
const RowKernels& reference_row_kernels();

}  // namespace bertq::jit
