// The range that PyTorch gives a tensor of activations when it quantises dynamically.
//
// Source: ChooseQuantizationParams of PyTorch and FBGEMM, with qmin 0, qmax 255 (127 if reduced)
// and no preservation of sparsity.
#pragma once

#include <cstdint>

namespace bertq::engine {

struct TorchRange {
  float scale = 0.0F;
  std::int32_t zero_point = 0;  // 0..255
};

// Of a tensor whose values reach from `lowest` to `highest`, both finite.
TorchRange torch_range(float lowest, float highest, bool reduced);

}  // namespace bertq::engine
