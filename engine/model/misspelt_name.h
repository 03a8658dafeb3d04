// A checkpoint may lack the table of segments, the pooler and each head. One whose name is damaged
// is not one that lacks it: to run without would be to answer wrongly and say nothing.
#pragma once

#include <vector>

#include "engine/model/tensor_names.h"

namespace bertq::engine {

// Throws Error (input) naming the one of `tensors`, all of the checkpoint's, that is ignored, has
// the missing one's shape, and is called as it but for a few letters.
void refuse_misspelt(const loaders::Checkpoint& checkpoint, const std::vector<NamedTensor>& tensors,
                     const ExpectedTensor& missing);

}  // namespace bertq::engine
