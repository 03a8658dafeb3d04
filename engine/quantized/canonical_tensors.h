// A checkpoint that comes quantised, seen as one that is not: each linear layer's weight and bias
// under their ordinary names, as integers with scales. So it can be inspected, dequantised and run
// in bertq's own arithmetic by code that knows nothing of the systems that quantise.
//
// Sources: the state dicts of torch.nn.quantized and torch.nn.quantized.dynamic in all versions of
// their packed parameters; LPOT's BERT, whose attention.self.mixed is query, key and value below
// one another; nlp-architect's Q8BERT.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/checkpoint.h"

namespace bertq::engine {

// A tensor by its canonical name (tensor_names.h), whatever its file calls it.
struct NamedTensor {
  std::string name;
  loaders::Tensor tensor;
};

// The systems' own names for what belongs to a linear layer, behind the layer's.
namespace quantized_names {
inline constexpr std::string_view torch_weight = "._packed_params._packed_params.0";
inline constexpr std::string_view torch_bias = "._packed_params._packed_params.1";
inline constexpr std::string_view torch_weight_v2 = "._packed_params.weight";
inline constexpr std::string_view torch_bias_v2 = "._packed_params.bias";
inline constexpr std::string_view scale = ".scale", zero_point = ".zero_point";
inline constexpr std::string_view q8bert_weight = ".quantized_weight";
inline constexpr std::string_view q8bert_weight_scale = "._weight_scale";
inline constexpr std::string_view q8bert_bias = "._quantized_bias";
inline constexpr std::string_view q8bert_bias_scale = ".bias_scale";
inline constexpr std::string_view q8bert_step = "._step";
inline constexpr std::string_view q8bert_input = ".input_thresh";
inline constexpr std::string_view q8bert_output = ".output_thresh";
}  // namespace quantized_names

// The full name of what belongs to a module.
inline std::string name_of(std::string_view module, std::string_view suffix) {
  std::string name(module);
  name += suffix;
  return name;
}

// The tensors by name, for looking up; they outlive it.
using TensorIndex = std::map<std::string_view, const loaders::Tensor*, std::less<>>;
TensorIndex index_of(const std::vector<NamedTensor>& tensors);

// Reads scales, thresholds and zero points, each the one number of a tensor. Not thread-safe.
class NumberReader {
 public:
  // Throws Error (input) naming the tensor if it holds more, or no number, and FormatError if its
  // checksum is another; the storage that several share is compared once.
  double read(const loaders::Tensor& tensor);

 private:
  loaders::ChecksumVerifier verifier_;
};

// "query" of a state dict that has its weight packed or quantised. The weight is a plain float
// tensor where the packing is FP16.
struct PackedLinear {
  std::string module;
  const loaders::Tensor* weight = nullptr;
};
std::vector<PackedLinear> torch_packed_linears(const std::vector<NamedTensor>& tensors);

// Whether any tensor has one of Q8BERT's names.
bool is_q8bert(const std::vector<NamedTensor>& tensors);

// For "….attention.self.mixed" the modules whose rows it holds; else the module itself.
std::vector<std::string> parts_of(const std::string& module);

// What a tensor of this canonical name is called where nothing is quantised: a weight or bias. Of
// "….mixed", that of its first part. Any other name comes back as it is.
std::string plain_name(std::string_view name);

// Replaces the packed forms and takes out what only describes ranges. Leaves what is not quantised
// as it is. Throws Error (input) naming the tensor for scales that are no positive numbers,
// integers of another type than the format's, and ranges of operations that bertq has in floating
// point only.
std::vector<NamedTensor> without_quantization(std::vector<NamedTensor> tensors);

}  // namespace bertq::engine
