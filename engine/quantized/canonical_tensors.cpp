#include "engine/quantized/canonical_tensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "bertq/error.h"
#include "engine/quantized/wrappers.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

namespace names = quantized_names;
using loaders::DType;
using loaders::Tensor;

struct Renaming {
  std::string_view from, to;
};
constexpr std::array<Renaming, 5> torch_names{{{names::torch_weight, ".weight"},
                                               {names::torch_bias, ".bias"},
                                               {names::torch_weight_v2, ".weight"},
                                               {names::torch_bias_v2, ".bias"},
                                               {names::torch_table, ".weight"}}};
constexpr std::array<std::string_view, 5> q8bert_numbers{
    names::q8bert_weight_scale, names::q8bert_bias_scale, names::q8bert_step, names::q8bert_input,
    names::q8bert_output};
constexpr std::string_view mixed = ".attention.self.mixed";
constexpr std::array<std::string_view, 3> mixed_parts{
    ".attention.self.query", ".attention.self.key", ".attention.self.value"};

[[noreturn]] void fail(const Tensor& tensor, const std::string& what) {
  throw Error(ErrorKind::input,
              tensor.file() + ": tensor " + loaders::printable(tensor.name) + ": " + what);
}

bool is_quantized(const Tensor& tensor) {
  return tensor.affine != nullptr;
}

const Renaming* torch_renaming(std::string_view name) {
  const auto row = std::find_if(torch_names.begin(), torch_names.end(),
                                [&](const Renaming& known) { return name.ends_with(known.from); });
  return row == torch_names.end() ? nullptr : &*row;
}

std::string_view without_suffix(std::string_view name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

// A range that belongs to a quantised module or to a stub.
bool is_torch_range(std::string_view name, const std::set<std::string, std::less<>>& modules) {
  for (const std::string_view suffix :
       {names::scale, names::zero_point, names::input_scale, names::input_zero_point}) {
    if (!name.ends_with(suffix)) continue;
    const std::string_view module = without_suffix(name, suffix);
    return modules.contains(module) || is_stub(module);
  }
  return false;
}

// "….scale", or "add_scale_0" as torch.fx numbers what is no module's.
bool is_named_as_range(std::string_view name) {
  constexpr std::array<std::string_view, 2> numbered{"_scale_", "_zero_point_"};
  if (name.ends_with(names::scale) || name.ends_with(names::zero_point)) return true;
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  return digits < name.size() &&
         std::any_of(numbered.begin(), numbered.end(), [&](std::string_view suffix) {
           return name.substr(0, digits).ends_with(suffix);
         });
}

// Rows [first, first + count) of a tensor.
Tensor rows_of(const Tensor& tensor, std::uint64_t first, std::uint64_t count) {
  Tensor part = tensor;
  part.shape[0] = count;
  const std::uint64_t width = tensor.elements / tensor.shape[0];
  part.elements = count * width;
  const std::uint64_t stride = tensor.strides.empty() ? width : tensor.strides[0];
  part.offset += first * stride * loaders::dtype_bytes(tensor.dtype);
  if (tensor.affine != nullptr && tensor.affine->axis == 0 &&
      tensor.affine->scales.size() == tensor.shape[0]) {
    const auto cut = [&](const auto& all) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
      return std::decay_t<decltype(all)>(begin, begin + static_cast<std::ptrdiff_t>(count));
    };
    auto affine = std::make_shared<loaders::Affine>();
    affine->scales = cut(tensor.affine->scales);
    affine->zero_points = cut(tensor.affine->zero_points);
    part.affine = std::move(affine);
  }
  return part;
}

// attention.self.mixed becomes query, key and value.
void add_torch(std::string name, const Tensor& tensor, std::vector<NamedTensor>& to) {
  const std::string_view leaf = name.ends_with(".weight") ? ".weight" : ".bias";
  const std::string module(without_suffix(name, leaf));
  const std::uint64_t rows = tensor.shape.empty() ? 0 : tensor.shape[0];
  const std::vector<std::string> parts = parts_of(module);
  if (!name.ends_with(leaf) || parts.size() == 1 || rows == 0 || rows % parts.size() != 0) {
    to.push_back({std::move(name), tensor});
    return;
  }
  const std::uint64_t count = rows / parts.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    to.push_back({name_of(parts[i], leaf), rows_of(tensor, i * count, count)});
  }
}

std::vector<NamedTensor> without_torch(const std::vector<NamedTensor>& tensors,
                                       const std::vector<PackedLinear>& linears) {
  std::set<std::string, std::less<>> modules;
  for (const PackedLinear& linear : linears) modules.insert(linear.module);
  std::vector<NamedTensor> plain;
  for (const NamedTensor& named : tensors) {
    if (is_torch_range(named.name, modules)) continue;
    if (is_named_as_range(named.name)) {
      fail(named.tensor,
           "expected ranges of linear layers alone, got that of another operation, such as a "
           "product of attention, a sum or a LayerNorm: have it left in FP32");
    }
    std::string name = named.name;
    if (const Renaming* renaming = torch_renaming(name)) {
      name = name_of(without_suffix(name, renaming->from), renaming->to);
    }
    add_torch(std::move(name), named.tensor, plain);
  }
  return plain;
}

// The integers of Q8BERT with the scale that stands beside them, which is a multiplier.
Tensor scaled_integers(const NamedTensor& integers, std::string_view own, std::string_view scale,
                       DType dtype, const TensorIndex& index, NumberReader& numbers) {
  if (integers.tensor.dtype != dtype) {
    fail(integers.tensor, "expected " + std::string(loaders::dtype_name(dtype)) + ", got " +
                              std::string(loaders::dtype_name(integers.tensor.dtype)));
  }
  const std::string name = name_of(without_suffix(integers.name, own), scale);
  const auto found = index.find(name);
  if (found == index.end()) fail(integers.tensor, "expected " + name + " beside it, found none");
  const double multiplier = numbers.read(*found->second);
  if (!(multiplier > 0.0) || !std::isfinite(multiplier)) {
    fail(*found->second, "expected a positive number, got " + std::to_string(multiplier));
  }
  Tensor view = integers.tensor;
  auto affine = std::make_shared<loaders::Affine>();
  affine->scales = {1.0 / multiplier};
  affine->zero_points = {0};
  view.affine = std::move(affine);
  return view;
}

std::vector<NamedTensor> without_q8bert(const std::vector<NamedTensor>& tensors) {
  const TensorIndex index = index_of(tensors);
  NumberReader numbers;
  std::vector<NamedTensor> plain;
  for (const NamedTensor& named : tensors) {
    const std::string_view name = named.name;
    const auto renamed = [&](std::string_view from, std::string_view to) {
      return name_of(without_suffix(name, from), to);
    };
    if (name.ends_with(names::q8bert_weight)) {
      plain.push_back({renamed(names::q8bert_weight, ".weight"),
                       scaled_integers(named, names::q8bert_weight, names::q8bert_weight_scale,
                                       DType::i8, index, numbers)});
    } else if (name.ends_with(names::q8bert_bias)) {
      plain.push_back({renamed(names::q8bert_bias, ".bias"),
                       scaled_integers(named, names::q8bert_bias, names::q8bert_bias_scale,
                                       DType::i32, index, numbers)});
    } else if (std::none_of(q8bert_numbers.begin(), q8bert_numbers.end(),
                            [&](std::string_view number) { return name.ends_with(number); })) {
      plain.push_back(named);
    }
  }
  return plain;
}

}  // namespace

TensorIndex index_of(const std::vector<NamedTensor>& tensors) {
  TensorIndex index;
  for (const NamedTensor& named : tensors) index.emplace(named.name, &named.tensor);
  return index;
}

double NumberReader::read(const Tensor& tensor) {
  if (tensor.elements != 1) {
    fail(tensor, "expected one number, got " + std::to_string(tensor.elements));
  }
  verifier_.verify(tensor);
  if (tensor.dtype == DType::f64) {
    double value = 0.0;
    loaders::read_f64(tensor, 0, {&value, 1});
    return value;
  }
  if (loaders::is_float(tensor.dtype)) {
    float value = 0.0F;
    loaders::read_f32(tensor, 0, {&value, 1});
    return static_cast<double>(value);
  }
  if (tensor.dtype == DType::i32) {
    std::int32_t value = 0;
    loaders::read_i32(tensor, 0, {&value, 1});
    return static_cast<double>(value);
  }
  if (tensor.dtype != DType::i64) {
    fail(tensor, "expected a number, got " + std::string(loaders::dtype_name(tensor.dtype)));
  }
  std::int64_t value = 0;
  loaders::read_i64(tensor, 0, {&value, 1});
  return static_cast<double>(value);
}

std::vector<PackedLinear> torch_packed_linears(const std::vector<NamedTensor>& tensors) {
  std::vector<PackedLinear> linears;
  for (const NamedTensor& named : tensors) {
    const Renaming* renaming = torch_renaming(named.name);
    if (renaming != nullptr && renaming->from == names::torch_table) continue;
    if (renaming != nullptr && renaming->to == ".weight") {
      linears.push_back({std::string(without_suffix(named.name, renaming->from)), &named.tensor});
    } else if (renaming == nullptr && named.name.ends_with(".weight") &&
               is_quantized(named.tensor)) {
      linears.push_back({std::string(without_suffix(named.name, ".weight")), &named.tensor});
    }
  }
  return linears;
}

bool is_q8bert(const std::vector<NamedTensor>& tensors) {
  return std::any_of(tensors.begin(), tensors.end(), [](const NamedTensor& named) {
    return named.name.ends_with(names::q8bert_weight) ||
           named.name.ends_with(names::q8bert_input) || named.name.ends_with(names::q8bert_step);
  });
}

std::vector<std::string> parts_of(const std::string& module) {
  if (!module.ends_with(mixed)) return {module};
  std::vector<std::string> parts;
  for (const std::string_view part : mixed_parts) {
    parts.push_back(name_of(without_suffix(module, mixed), part));
  }
  return parts;
}

std::string plain_name(std::string_view name) {
  std::string plain = unwrapped_name(std::string(name));
  constexpr std::array<Renaming, 2> q8bert_names{
      {{names::q8bert_weight, ".weight"}, {names::q8bert_bias, ".bias"}}};
  const Renaming* renaming = torch_renaming(plain);
  for (const Renaming& row : q8bert_names) {
    if (plain.ends_with(row.from)) renaming = &row;
  }
  if (renaming != nullptr) plain = name_of(without_suffix(plain, renaming->from), renaming->to);
  const std::size_t dot = plain.rfind('.');
  if (dot == std::string::npos) return plain;
  return name_of(parts_of(plain.substr(0, dot)).front(), plain.substr(dot));
}

std::vector<NamedTensor> without_quantization(std::vector<NamedTensor> tensors) {
  if (is_q8bert(tensors)) return without_q8bert(tensors);
  if (!is_torch_quantized(tensors)) return tensors;
  tensors = unwrapped(std::move(tensors));
  return without_torch(tensors, torch_packed_linears(tensors));
}

}  // namespace bertq::engine
