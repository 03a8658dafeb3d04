#include <xmmintrin.h>

#include "jit/kernels.h"

namespace bertq::jit {
namespace {

// Round to nearest, all exceptions masked, denormals read (bit 6) and written (bit 15) as zero: the
// tails of softmax would otherwise cost hundreds of cycles each.
constexpr std::uint32_t kernel_mxcsr = 0x1f80U | 0x8000U | 0x0040U;

}  // namespace

ThreadScope::ThreadScope(Isa isa) : isa_(isa), saved_mxcsr_(_mm_getcsr()) {
  _mm_setcsr(kernel_mxcsr);
}

ThreadScope::~ThreadScope() {
  _mm_setcsr(saved_mxcsr_);
}

}  // namespace bertq::jit
