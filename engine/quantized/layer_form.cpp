#include "engine/quantized/layer_form.h"

#include <algorithm>
#include <array>

#include "bertq/error.h"
#include "engine/model/json_fields.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::json;

// In the order of the enumeration.
constexpr std::array<std::string_view, 6> names{
    "fp32", "torch_dynamic", "torch_static", "torch_static_fp32", "q8bert_ema", "q8bert_dynamic"};

bool is_q8bert(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::q8bert_ema || arithmetic == Arithmetic::q8bert_dynamic;
}
bool is_static(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::torch_static || arithmetic == Arithmetic::torch_static_fp32;
}

Arithmetic arithmetic_of(const JsonFields& fields) {
  const std::string name = fields.text("arithmetic", "");
  const auto row = std::find(names.begin(), names.end(), name);
  if (row == names.end()) fields.refuse("arithmetic", "a known arithmetic");
  return static_cast<Arithmetic>(row - names.begin());
}

}  // namespace

std::string_view arithmetic_name(Arithmetic arithmetic) {
  return names[static_cast<std::size_t>(arithmetic)];
}

LayerForm ModelForm::of(std::string_view module) const {
  const auto layer = layers.find(module);
  return layer == layers.end() ? LayerForm{} : layer->second;
}

bool ModelForm::has(Arithmetic arithmetic) const {
  return std::any_of(layers.begin(), layers.end(),
                     [&](const auto& layer) { return layer.second.arithmetic == arithmetic; });
}

bool ModelForm::rounds_inputs() const {
  return has(Arithmetic::torch_static_fp32);
}

bool ModelForm::needs_padding() const {
  return has(Arithmetic::torch_dynamic);
}

Json ModelForm::to_json() const {
  Json json = {{"int8_words", int8_words}, {"layers", Json::object()}};
  for (const auto& [module, form] : layers) {
    json["layers"][module] = {{"arithmetic", arithmetic_name(form.arithmetic)},
                              {"requantized", form.requantized},
                              {"reduced_range", form.reduced_range}};
  }
  return json;
}

ModelForm ModelForm::from_json(const Json& json, const std::string& name) {
  if (!json.is_object()) throw Error(ErrorKind::input, name + ": expected an object");
  const JsonFields fields(json, name);
  ModelForm form;
  form.int8_words = fields.flag("int8_words", false);
  const Json* layers = fields.find("layers");
  if (layers == nullptr || !layers->is_object()) fields.refuse("layers", "an object");
  for (const auto& [module, member] : layers->items()) {
    if (!member.is_object()) fields.refuse("layers", "objects");
    const JsonFields layer(member, name + ": " + loaders::printable(module));
    const LayerForm read{arithmetic_of(layer), layer.flag("requantized", false),
                         layer.flag("reduced_range", false)};
    if (!is_q8bert(read.arithmetic) && read.requantized != is_static(read.arithmetic)) {
      layer.refuse("requantized", read.requantized ? "false" : "true");
    }
    form.layers[module] = read;
  }
  return form;
}

}  // namespace bertq::engine
