#include "engine/quantized/best_configure.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

#include "bertq/error.h"
#include "engine/model/tensor_names.h"
#include "engine/quantized/canonical_tensors.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

constexpr std::string_view tuple_tag = "tag:yaml.org,2002:python/tuple";

struct Approach {
  std::string_view name;
  Quantizer quantizer;
};
constexpr std::array<Approach, 3> approaches{{
    {"post_training_static_quant", Quantizer::torch_static},
    {"quant_aware_training", Quantizer::torch_static},
    {"post_training_dynamic_quant", Quantizer::torch_dynamic},
}};

class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    const std::string line = mark.is_null() ? "" : "line " + std::to_string(mark.line + 1) + ": ";
    throw Error(ErrorKind::input, name_ + ": " + line + what);
  }

  YAML::Node member(const YAML::Node& map, const char* key) const {
    check_tag(map);
    if (!map.IsMap()) fail(map.Mark(), "expected a map");
    const YAML::Node found = map[key];
    if (!found.IsDefined()) {
      fail(map.Mark(), std::string("expected a member \"") + key + "\", found none");
    }
    return found;
  }

  std::string text(const YAML::Node& node) const {
    check_tag(node);
    if (!node.IsScalar()) fail(node.Mark(), "expected a text");
    return node.Scalar();
  }

  // Of an operation: (module, type).
  std::array<std::string, 2> key(const YAML::Node& node) const {
    check_tag(node);
    if (!node.IsSequence() || node.size() != 2) {
      fail(node.Mark(), "expected a module and its type as key of an operation");
    }
    return {text(node[0]), text(node[1])};
  }

 private:
  // PyYAML would build an object, or call something, for any other tag.
  void check_tag(const YAML::Node& node) const {
    const std::string& tag = node.Tag();
    if (tag.size() <= 1 || tag == tuple_tag) return;
    fail(node.Mark(), "expected no tags but !!python/tuple, got " + loaders::printable(tag));
  }

  const std::string& name_;
};

BestConfigure read(const YAML::Node& document, const Reader& reader) {
  BestConfigure configure;
  configure.approach = reader.text(reader.member(document, "approach"));
  const YAML::Node operations = reader.member(document, "op");
  if (!operations.IsMap()) reader.fail(operations.Mark(), "op: expected a map");
  for (const auto& operation : operations) {
    const auto [module, type] = reader.key(operation.first);
    if (type != "Linear") continue;
    const std::string dtype =
        reader.text(reader.member(reader.member(operation.second, "weight"), "dtype"));
    if (dtype != "int8" && dtype != "fp32") {
      reader.fail(operation.second.Mark(),
                  "expected weights in int8 or fp32, got " + loaders::printable(dtype));
    }
    configure.layers.push_back({std::string(module_of(canonical_name(module + ".weight"))),
                                dtype == "int8",
                                static_cast<std::size_t>(operation.first.Mark().line + 1)});
  }
  return configure;
}

}  // namespace

BestConfigure parse_best_configure(std::string_view yaml, const std::string& name) {
  const Reader reader(name);
  try {
    return read(YAML::Load(std::string(yaml)), reader);
  } catch (const YAML::Exception& error) {
    reader.fail(error.mark, "expected YAML: " + loaders::printable(error.msg));
  }
}

void check_best_configure(const BestConfigure& configure, const StoredQuantization& stored,
                          const std::string& name) {
  const auto approach =
      std::find_if(approaches.begin(), approaches.end(),
                   [&](const Approach& known) { return known.name == configure.approach; });
  if (approach == approaches.end() || approach->quantizer != stored.quantizer) {
    throw Error(ErrorKind::input, name + ": approach: expected that of the weights (" +
                                      std::string(quantizer_name(stored.quantizer)) + "), got " +
                                      loaders::printable(configure.approach));
  }
  for (const ConfiguredLayer& layer : configure.layers) {
    for (const std::string& part : parts_of(layer.module)) {
      const bool int8 = stored.is_int8(part);
      if (int8 == layer.int8) continue;
      throw Error(ErrorKind::input,
                  name + ": line " + std::to_string(layer.line) + ": " +
                      loaders::printable(layer.module) + ": expected " + (int8 ? "int8" : "fp32") +
                      ", as the weights have it, got " + (layer.int8 ? "int8" : "fp32"));
    }
  }
}

}  // namespace bertq::engine
