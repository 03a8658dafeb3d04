#include "engine/cli/inspect_words.h"

#include "engine/model/tensor_names.h"

namespace bertq::engine::cli {

std::string_view activation_text(jit::Activation activation) {
  switch (activation) {
    case jit::Activation::gelu_erf:
      return "gelu_erf";
    case jit::Activation::gelu_tanh:
      return "gelu_tanh";
    case jit::Activation::relu:
      return "relu";
    default:
      return "none";
  }
}

std::string_view profile_text(tokenizer::Profile profile) {
  return profile == tokenizer::Profile::hf ? "hf" : "google";
}

std::string_view pooling_text(Pooling pooling) {
  return pooling == Pooling::mean ? "mean" : "cls";
}

std::vector<std::string> head_names(const Heads& heads) {
  std::vector<std::string> names;
  if (heads.pooler) names.emplace_back(part_name(Part::pooler));
  if (heads.classifier) names.emplace_back(part_name(Part::classifier));
  if (heads.span) names.emplace_back(part_name(Part::span));
  return names;
}

Share total_of(const std::vector<Share>& parts) {
  Share total{"total"};
  for (const Share& part : parts) {
    total.tensors += part.tensors;
    total.parameters += part.parameters;
    total.bytes += part.bytes;
    total.quantized += part.quantized;
  }
  return total;
}

}  // namespace bertq::engine::cli
