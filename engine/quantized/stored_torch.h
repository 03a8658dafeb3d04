// PyTorch's quantised state dicts: dynamic, dynamic to FP16, and static as LPOT and Neural
// Compressor leave them.
//
// A static linear layer p reads what the QuantStub beside it, <parent of p>.quant, has quantised:
// `scale` and `zero_point` of the stub are the range of its input, those of p the range of its
// result. Where torch.fx traced the model there is no stub, and the range of the input is
// p_input_scale_0 and p_input_zero_point_0. A dynamic layer has neither; its own `scale` and
// `zero_point` mean nothing.
//
// A layer that LPOT let fall back to FP32 has a float weight. If it was the only one of its block,
// LPOT took the block's stub away. Otherwise it is wrapped: its input is still rounded by the stub
// beside it, its result by the wrapper's, p.quant.
//
// Sources: lpot 1.4, lpot/adaptor/pytorch.py and lpot/utils/pytorch.py; neural_compressor 2.6.
#pragma once

#include <vector>

#include "engine/quantized/canonical_tensors.h"
#include "engine/quantized/stored_quantization.h"

namespace bertq::engine {

// Throws what stored_quantization throws.
StoredQuantization stored_torch(const loaders::Checkpoint& checkpoint,
                                std::vector<NamedTensor> tensors);

}  // namespace bertq::engine
