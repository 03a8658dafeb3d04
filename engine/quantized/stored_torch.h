// PyTorch's quantised state dicts: dynamic, dynamic to FP16, and static as LPOT and Neural
// Compressor leave them.
//
// A static linear layer p reads what the QuantStub beside it, <parent of p>.quant, has quantised:
// `scale` and `zero_point` of the stub are the range of its input, those of p the range of its
// result. A dynamic one has neither; its own `scale` and `zero_point` mean nothing. A layer that
// LPOT let fall back to FP32 has a float weight and no stub.
#pragma once

#include <vector>

#include "engine/quantized/canonical_tensors.h"
#include "engine/quantized/stored_quantization.h"

namespace bertq::engine {

// Throws what stored_quantization throws.
StoredQuantization stored_torch(const loaders::Checkpoint& checkpoint,
                                const std::vector<NamedTensor>& tensors);

}  // namespace bertq::engine
