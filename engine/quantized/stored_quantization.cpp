#include "engine/quantized/stored_quantization.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/model/tensor_names.h"
#include "engine/quantized/canonical_tensors.h"
#include "engine/quantized/stored_q8bert.h"
#include "engine/quantized/stored_torch.h"

namespace bertq::engine {

std::string_view quantizer_name(Quantizer quantizer) {
  // In the order of the enumeration.
  constexpr std::array<std::string_view, 5> names{
      "", "PyTorch dynamic quantisation", "PyTorch dynamic quantisation to FP16",
      "PyTorch static quantisation (LPOT, Neural Compressor)", "Q8BERT"};
  return names[static_cast<std::size_t>(quantizer)];
}

StoredQuantization stored_quantization(const loaders::Checkpoint& checkpoint,
                                       const ModelConfig& config) {
  const std::vector<NamedTensor> tensors = named_tensors(checkpoint);
  if (is_q8bert(tensors) || !config.q8bert.empty()) {
    return stored_q8bert(checkpoint, tensors, config);
  }
  return stored_torch(checkpoint, tensors);
}

}  // namespace bertq::engine
