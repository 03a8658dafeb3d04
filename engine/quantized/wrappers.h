// What LPOT and Neural Compressor put around the layers of a model that they quantise statically:
// stubs that round, and wrappers, modules whose one member is called "module".
//
// Sources: lpot 1.4, lpot/adaptor/pytorch.py; what neural_compressor 2.6 saves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/quantized/canonical_tensors.h"

namespace bertq::engine {

namespace quantized_names {
// An embedding's weight in 8 bits.
inline constexpr std::string_view torch_table = "._packed_params._packed_weight";
// The range of a layer's input, where no stub is a module of its own (torch.fx).
inline constexpr std::string_view input_scale = "_input_scale_0";
inline constexpr std::string_view input_zero_point = "_input_zero_point_0";
}  // namespace quantized_names

// LPOT's QuantStub beside a module: "bert.pooler.dense" -> "bert.pooler.quant", "classifier" ->
// "quant".
std::string stub_beside(std::string_view module);
// The one within a wrapper, through which its result goes: "classifier" -> "classifier.quant".
std::string stub_within(std::string_view module);
bool is_stub(std::string_view module);

// Whether there is a quantised layer, or a stub: LPOT's tuning may leave those alone.
bool is_torch_quantized(const std::vector<NamedTensor>& tensors);

// "classifier.weight" of "classifier.module.weight", "classifier_input_scale_0" of
// "classifier.module_input_scale_0", "classifier" of "classifier.module". Others as they are.
std::string unwrapped_name(std::string name);
// The same of all tensors of a quantised state dict. What a wrapper holds counts, not what stayed
// of the module beside it.
std::vector<NamedTensor> unwrapped(std::vector<NamedTensor> tensors);

}  // namespace bertq::engine
