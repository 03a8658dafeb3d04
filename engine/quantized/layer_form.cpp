#include "engine/quantized/layer_form.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/model/json_fields.h"

namespace bertq {
namespace {

using Json = nlohmann::json;

// In the order of the enumeration.
constexpr std::array<std::string_view, 5> names{"fp32", "torch_dynamic", "torch_static",
                                                "q8bert_ema", "q8bert_dynamic"};

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

bool ModelForm::needs_padding() const {
  return std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    return layer.second.arithmetic == Arithmetic::torch_dynamic;
  });
}

std::string ModelForm::to_json() const {
  Json json = {{"int8_words", int8_words}, {"layers", Json::object()}};
  for (const auto& [module, form] : layers) {
    json["layers"][module] = {{"arithmetic", arithmetic_name(form.arithmetic)},
                              {"requantized", form.requantized},
                              {"reduced_range", form.reduced_range}};
  }
  return json.dump();
}

ModelForm ModelForm::parse(std::string_view text, const std::string& name) {
  const Json document = parse_json_file(text, name);
  const JsonFields fields(document, name);
  ModelForm form;
  form.int8_words = fields.flag("int8_words", false);
  const Json* layers = fields.find("layers");
  if (layers == nullptr || !layers->is_object()) fields.refuse("layers", "an object");
  for (const auto& [module, json] : layers->items()) {
    const JsonFields layer(json, name + ": " + module);
    form.layers[module] = {arithmetic_of(layer), layer.flag("requantized", false),
                           layer.flag("reduced_range", false)};
  }
  return form;
}

}  // namespace bertq
