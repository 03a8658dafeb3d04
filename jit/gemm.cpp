#include "jit/gemm.h"

namespace bertq::jit {

std::string GemmSpec::name() const {
  static constexpr const char* operand_names[] = {"f32", "u8s8", "bf16"};
  std::string text = operand_names[static_cast<std::size_t>(operands)];
  if (row_scale) text += ".rs";
  if (column_scale) text += ".cs";
  if (bias) text += ".bias";
  static constexpr const char* activation_names[] = {"", ".relu", ".gelu_erf", ".gelu_tanh",
                                                     ".tanh"};
  text += activation_names[static_cast<std::size_t>(activation)];
  if (residual) text += ".residual";
  static constexpr const char* output_names[] = {".f32", ".u8", ".bf16"};
  return text + output_names[static_cast<std::size_t>(output)];
}

}  // namespace bertq::jit
