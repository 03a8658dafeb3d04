#include "jit/gemm.h"

namespace bertq::jit {

std::string GemmSpec::name() const {
  std::string text = operands == Operands::f32 ? "f32" : "u8s8";
  if (row_scale) text += ".rs";
  if (column_scale) text += ".cs";
  if (bias) text += ".bias";
  static constexpr const char* activation_names[] = {"", ".relu", ".gelu_erf", ".gelu_tanh",
                                                     ".tanh"};
  text += activation_names[static_cast<std::size_t>(activation)];
  if (residual) text += ".residual";
  return text + (output == Output::f32 ? ".f32" : ".u8");
}

}  // namespace bertq::jit
