// Whose arithmetic a model computes in: bertq's own, as a recipe says, or that of the system that
// quantised its checkpoint.
#pragma once

#include <cstdint>
#include <optional>

namespace bertq::engine {

struct ArithmeticChoice {
  enum class Kind : std::uint8_t {
    own,
    // The checkpoint's, where it comes with ranges for its activations (Q8BERT, and PyTorch's
    // static quantisation by LPOT or Neural Compressor); else bertq's own.
    stored,
    // PyTorch's dynamic quantisation: of a checkpoint that has it, or of an FP32 one as
    // quantize_dynamic would. Ranges are those of a whole padded batch, so here alone an answer
    // depends on who else is in the batch (Session::pad_to).
    torch_dynamic,
  };
  Kind kind = Kind::own;
  // torch_dynamic: whether activations have 7 bits, as in PyTorch since 1.7, or 8. Empty: as the
  // checkpoint says.
  std::optional<bool> reduced_range = std::nullopt;
};

}  // namespace bertq::engine
