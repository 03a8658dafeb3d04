#include "engine/quantized/wrappers.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace bertq::engine {
namespace {

constexpr std::string_view stub = ".quant";  // LPOT's name of every QuantStub

// How names go on behind a module that is in a wrapper.
struct Wrapping {
  std::string_view wrapped, plain;
};
constexpr std::array<Wrapping, 2> wrappings{{{".module.", "."}, {".module_input_", "_input_"}}};
constexpr std::string_view member = ".module";

bool is_wrapped(const NamedTensor& named) {
  return unwrapped_name(named.name) != named.name;
}

}  // namespace

std::string stub_beside(std::string_view module) {
  const std::size_t dot = module.rfind('.');
  if (dot == std::string_view::npos) return std::string(stub.substr(1));
  return name_of(module.substr(0, dot), stub);
}

std::string stub_within(std::string_view module) {
  return name_of(module, stub);
}

bool is_stub(std::string_view module) {
  return module == stub.substr(1) || module.ends_with(stub);
}

bool is_torch_quantized(const std::vector<NamedTensor>& tensors) {
  constexpr std::string_view scale = quantized_names::scale;
  return !torch_packed_linears(tensors).empty() ||
         std::any_of(tensors.begin(), tensors.end(), [&](const NamedTensor& named) {
           const std::string_view name = named.name;
           return name.ends_with(quantized_names::torch_table) ||
                  (name.ends_with(scale) && is_stub(name.substr(0, name.size() - scale.size())));
         });
}

std::string unwrapped_name(std::string name) {
  for (const Wrapping& wrapping : wrappings) {
    for (std::size_t at = 0; (at = name.find(wrapping.wrapped, at)) != std::string::npos;) {
      name.replace(at, wrapping.wrapped.size(), wrapping.plain);
    }
  }
  if (name.ends_with(member)) name.resize(name.size() - member.size());
  return name;
}

std::vector<NamedTensor> unwrapped(std::vector<NamedTensor> tensors) {
  if (!is_torch_quantized(tensors)) return tensors;
  std::set<std::string, std::less<>> in_wrappers;
  for (const NamedTensor& named : tensors) {
    if (is_wrapped(named)) in_wrappers.insert(plain_name(named.name));
  }
  std::erase_if(tensors, [&](const NamedTensor& named) {
    return !is_wrapped(named) && in_wrappers.contains(plain_name(named.name));
  });
  for (NamedTensor& named : tensors) named.name = unwrapped_name(std::move(named.name));
  return tensors;
}

}  // namespace bertq::engine
