#include "loaders/torch_names.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bertq::loaders {
namespace {

struct Row {
  PickleName name;
  TorchMeaning meaning;
};

constexpr Row storage(std::string_view name, DType dtype, bool quantized = false) {
  return {{"torch", name, PickleRole::constant}, {TorchName::storage, dtype, quantized}};
}
constexpr Row dtype(std::string_view name) {
  return {{"torch", name, PickleRole::constant}, {TorchName::dtype}};
}
constexpr Row dtype(std::string_view name, DType type) {
  return {{"torch", name, PickleRole::constant}, {TorchName::dtype, type}};
}
constexpr Row scheme(std::string_view name, TorchName kind) {
  return {{"torch", name, PickleRole::constant}, {kind}};
}
constexpr Row rebuild(std::string_view name, TorchName kind) {
  return {{"torch._utils", name, PickleRole::call}, {kind}};
}
constexpr Row constant(std::string_view module, std::string_view name) {
  return {{module, name, PickleRole::constant}, {}};
}
constexpr Row wrapper(std::string_view module, std::string_view name) {
  return {{module, name, PickleRole::first_argument}, {}};
}

constexpr std::array rows{
    storage("DoubleStorage", DType::f64),
    storage("FloatStorage", DType::f32),
    storage("HalfStorage", DType::f16),
    storage("BFloat16Storage", DType::bf16),
    storage("LongStorage", DType::i64),
    storage("IntStorage", DType::i32),
    storage("ShortStorage", DType::i16),
    storage("CharStorage", DType::i8),
    storage("ByteStorage", DType::u8),
    storage("BoolStorage", DType::boolean),
    storage("QInt8Storage", DType::i8, true),
    storage("QUInt8Storage", DType::u8, true),
    storage("QInt32Storage", DType::i32, true),
    Row{{"torch.storage", "UntypedStorage", PickleRole::constant}, {TorchName::untyped_storage}},
    Row{{"torch", "UntypedStorage", PickleRole::constant}, {TorchName::untyped_storage}},

    dtype("float64", DType::f64),
    dtype("float32", DType::f32),
    dtype("float16", DType::f16),
    dtype("bfloat16", DType::bf16),
    dtype("float8_e4m3fn", DType::f8_e4m3),
    dtype("float8_e5m2", DType::f8_e5m2),
    dtype("int64", DType::i64),
    dtype("int32", DType::i32),
    dtype("int16", DType::i16),
    dtype("int8", DType::i8),
    dtype("uint64", DType::u64),
    dtype("uint32", DType::u32),
    dtype("uint16", DType::u16),
    dtype("uint8", DType::u8),
    dtype("bool", DType::boolean),
    dtype("qint8"),
    dtype("quint8"),
    dtype("qint32"),

    // The symmetric ones are written as affine with the zero point 0, the last as a channel's.
    scheme("per_tensor_affine", TorchName::scheme_tensor),
    scheme("per_tensor_symmetric", TorchName::scheme_tensor),
    scheme("per_channel_affine", TorchName::scheme_channel),
    scheme("per_channel_symmetric", TorchName::scheme_channel),
    scheme("per_channel_affine_float_qparams", TorchName::scheme_channel),

    rebuild("_rebuild_tensor", TorchName::rebuild_tensor),
    rebuild("_rebuild_tensor_v2", TorchName::rebuild_tensor),
    rebuild("_rebuild_tensor_v3", TorchName::rebuild_tensor_typed),
    rebuild("_rebuild_qtensor", TorchName::rebuild_quantized),
    rebuild("_rebuild_parameter", TorchName::rebuild_wrapped),
    rebuild("_rebuild_parameter_with_state", TorchName::rebuild_wrapped),
    Row{{"torch._tensor", "_rebuild_from_type_v2", PickleRole::call}, {TorchName::rebuild_of_type}},
    constant("torch.nn.parameter", "Parameter"),
    constant("torch.nn.parameter", "Buffer"),
    constant("torch", "Tensor"),
    constant("torch._tensor", "Tensor"),

    // The old tar names the class of each tensor.
    constant("torch", "DoubleTensor"),
    constant("torch", "FloatTensor"),
    constant("torch", "HalfTensor"),
    constant("torch", "LongTensor"),
    constant("torch", "IntTensor"),
    constant("torch", "ShortTensor"),
    constant("torch", "CharTensor"),
    constant("torch", "ByteTensor"),
    constant("torch.cuda", "DoubleTensor"),
    constant("torch.cuda", "FloatTensor"),
    constant("torch.cuda", "HalfTensor"),
    constant("torch.cuda", "LongTensor"),
    constant("torch.cuda", "IntTensor"),
    constant("torch.cuda", "ShortTensor"),
    constant("torch.cuda", "CharTensor"),
    constant("torch.cuda", "ByteTensor"),

    Row{{"collections", "OrderedDict", PickleRole::dict}, {}},
    wrapper("torch", "Size"),
    wrapper("torch", "device"),
    wrapper("torch.jit._pickle", "build_intlist"),
    wrapper("torch.jit._pickle", "build_doublelist"),
    wrapper("torch.jit._pickle", "build_boollist"),
    wrapper("torch.jit._pickle", "build_tensorlist"),
    wrapper("torch.jit._pickle", "restore_type_tag"),
};

constexpr std::array<PickleName, rows.size()> make_names() {
  std::array<PickleName, rows.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = rows[i].name;
  return names;
}
constexpr std::array<PickleName, rows.size()> names = make_names();

// c10::ScalarType, whose numbers TorchScript keeps in place of torch.dtype.
constexpr std::array<std::string_view, 16> scalar_types{
    "torch.uint8",     "torch.int8",      "torch.int16",      "torch.int32",
    "torch.int64",     "torch.float16",   "torch.float32",    "torch.float64",
    "torch.complex32", "torch.complex64", "torch.complex128", "torch.bool",
    "torch.qint8",     "torch.quint8",    "torch.qint32",     "torch.bfloat16",
};

}  // namespace

PickleNames torch_names(bool script) {
  return {names, script ? std::string_view("__torch__") : std::string_view()};
}

const TorchMeaning& torch_meaning(std::size_t global) {
  static constexpr TorchMeaning script_class{};
  return global < rows.size() ? rows[global].meaning : script_class;
}

std::string torch_name_text(std::size_t global) {
  if (global >= rows.size()) return "a class of TorchScript's";
  return std::string(names[global].module) + "." + std::string(names[global].name);
}

std::string_view torch_scalar_type(std::int64_t number) {
  if (number < 0 || static_cast<std::size_t>(number) >= scalar_types.size()) return {};
  return scalar_types[static_cast<std::size_t>(number)];
}

}  // namespace bertq::loaders
