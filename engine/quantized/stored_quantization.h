// What a checkpoint that comes quantised says of the arithmetic it was made for: which system, and
// the ranges of each linear layer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/model/config.h"
#include "engine/quantized/layer_form.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {

enum class Quantizer : std::uint8_t {
  none,
  torch_dynamic,
  torch_dynamic_fp16,  // weights in FP16, arithmetic in FP32
  torch_static,        // LPOT and Neural Compressor
  q8bert,
};
// "PyTorch dynamic quantisation", for people; empty for none.
std::string_view quantizer_name(Quantizer quantizer);

// The ranges that a file gives. PyTorch: x = scale * (q - zero point). Q8BERT has no zero points,
// and its scales multiply: q = x * scale.
struct LayerRanges {
  float input_scale = 0.0F, input_zero_point = 0.0F;
  float output_scale = 0.0F, output_zero_point = 0.0F;
};

struct StoredLayer {
  Arithmetic arithmetic = Arithmetic::fp32;
  bool requantized = false;
  // torch_dynamic; unknown where the file has no versions of its modules (TorchScript,
  // safetensors): those before PyTorch 1.7 used all 8 bits for activations, those since use 7.
  std::optional<bool> reduced_range = std::nullopt;
  LayerRanges ranges;
};

struct StoredQuantization {
  Quantizer quantizer = Quantizer::none;
  // By module, canonical; those that are fp32, and so is all around them, are absent.
  std::map<std::string, StoredLayer, std::less<>> layers;

  // Whether the module's weights are integers.
  bool is_int8(std::string_view module) const {
    const auto layer = layers.find(module);
    return layer != layers.end() && layer->second.arithmetic != Arithmetic::torch_static_fp32;
  }

  // Whether activations have an arithmetic of their own that is the file's default.
  bool has_arithmetic() const {
    return quantizer == Quantizer::torch_static || quantizer == Quantizer::q8bert;
  }
};

// Reads single numbers only. Throws Error (input), naming file and tensor or key: for a static
// layer without the range of its input, ranges that are no positive numbers (a threshold of 0 is
// that of a layer that was never trained), Q8BERT's tensors without its keys in the config and the
// reverse.
StoredQuantization stored_quantization(const loaders::Checkpoint& checkpoint,
                                       const ModelConfig& config);

}  // namespace bertq::engine
