#include "bertq/recipe.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "bertq/error.h"
#include "loaders/printable.h"

namespace bertq {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;
constexpr int max_depth = 64;  // of nested objects and arrays: metadata is written recursively
constexpr std::int32_t symmetric_zero_point = 128;

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::input, where + ": " + what);
}

std::string shown(const Json& value) {
  return loaders::printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Parses `text`, refusing what the library would let pass: a key given twice, and depth without
// end.
Json parse_strictly(std::string_view text, const std::string& name) {
  std::vector<std::set<std::string>> open_objects;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > max_depth) fail(name, "nested deeper than " + std::to_string(max_depth));
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key &&
        !open_objects.back().insert(value.get<std::string>()).second) {
      fail(name, "key " + shown(value) + " appears twice");
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    fail(name, "byte " + std::to_string(error.byte) + ": not JSON");
  }
}

// One value out of a fixed list of words.
template <typename Value, std::size_t N>
struct Words {
  std::array<std::pair<std::string_view, Value>, N> words;

  Value parse(const Json& value, const std::string& where) const {
    std::string expected;
    for (const auto& [word, meaning] : words) {
      if (value.is_string() && value.get_ref<const std::string&>() == word) return meaning;
      expected += (expected.empty() ? "\"" : ", \"") + std::string(word) + "\"";
    }
    fail(where, "expected one of " + expected + ", got " + shown(value));
  }
  std::string_view name(Value value) const {
    for (const auto& [word, meaning] : words) {
      if (meaning == value) return word;
    }
    throw Error(ErrorKind::internal, "a recipe value without a name");
  }
};

enum class Scheme : std::uint8_t { symmetric, asymmetric };
enum class Algorithm : std::uint8_t { minmax };

constexpr Words<Precision, 2> precisions{{{{"fp32", Precision::fp32}, {"int8", Precision::int8}}}};
constexpr Words<Granularity, 2> granularities{
    {{{"per_channel", Granularity::per_channel}, {"per_tensor", Granularity::per_tensor}}}};
constexpr Words<Ranges, 2> ranges{{{{"dynamic", Ranges::dynamic}, {"static", Ranges::fixed}}}};
constexpr Words<Scheme, 2> schemes{
    {{{"symmetric", Scheme::symmetric}, {"asymmetric", Scheme::asymmetric}}}};
constexpr Words<Algorithm, 1> algorithms{{{{"minmax", Algorithm::minmax}}}};

Scheme scheme_of(const LayerChoice& choice) {
  return choice.zero_point == symmetric_zero_point ? Scheme::symmetric : Scheme::asymmetric;
}

template <std::size_t N>
void check_keys(const Json& object, const std::array<std::string_view, N>& known,
                const std::string& where) {
  if (!object.is_object()) fail(where, "expected an object, got " + shown(object));
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail(where, "unknown key " + shown(key));
    }
  }
}

float parse_scale(const Json& value, const std::string& where) {
  const float scale = value.is_number() ? value.get<float>() : 0.0F;
  if (!std::isnormal(scale) || scale <= 0.0F || !std::isnormal(1.0F / scale)) {
    fail(where, "expected a positive scale, got " + shown(value));
  }
  return scale;
}

std::int32_t parse_zero_point(const Json& value, const std::string& where) {
  if (!value.is_number_integer() || value < 0 || value > 255) {
    fail(where, "expected an integer from 0 to 255, got " + shown(value));
  }
  return value.get<std::int32_t>();
}

const Json& required(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) fail(where, std::string("\"") + key + "\" is missing");
  return *found;
}

void parse_static_range(const Json& json, const std::string& where, LayerChoice& choice) {
  choice.scale = parse_scale(required(json, "scale", where), where + ": scale");
  choice.zero_point = parse_zero_point(required(json, "zero_point", where), where + ": zero_point");
  if (json.contains("scheme") &&
      schemes.parse(json["scheme"], where + ": scheme") != scheme_of(choice)) {
    fail(where, "scheme " + shown(json["scheme"]) + " contradicts zero_point " +
                    std::to_string(choice.zero_point));
  }
}

LayerChoice parse_choice(const Json& json, const std::string& where) {
  constexpr std::array<std::string_view, 7> int8_keys{
      "precision", "weights", "activations", "algorithm", "scheme", "scale", "zero_point"};
  constexpr std::array<std::string_view, 1> fp32_keys{"precision"};
  check_keys(json, int8_keys, where);
  LayerChoice choice;
  const Json& precision = required(json, "precision", where);
  if (precision == "bf16") fail(where, "precision \"bf16\" is not built yet");
  choice.precision = precisions.parse(precision, where + ": precision");
  if (choice.precision == Precision::fp32) {
    check_keys(json, fp32_keys, where + " (fp32)");
    return choice;
  }
  if (json.contains("weights")) {
    choice.weights = granularities.parse(json["weights"], where + ": weights");
  }
  if (json.contains("activations")) {
    choice.activations = ranges.parse(json["activations"], where + ": activations");
  }
  if (json.contains("algorithm")) algorithms.parse(json["algorithm"], where + ": algorithm");
  if (choice.activations == Ranges::fixed) {
    parse_static_range(json, where, choice);
  } else {
    for (const char* key : {"scheme", "scale", "zero_point"}) {
      if (json.contains(key)) fail(where, std::string(key) + " without static activations");
    }
  }
  return choice;
}

Json choice_to_json(const LayerChoice& choice) {
  Json json;
  json["precision"] = precisions.name(choice.precision);
  if (choice.precision == Precision::fp32) return json;
  json["weights"] = granularities.name(choice.weights);
  json["activations"] = ranges.name(choice.activations);
  json["algorithm"] = algorithms.name(Algorithm::minmax);
  if (choice.activations == Ranges::fixed) {
    json["scheme"] = schemes.name(scheme_of(choice));
    json["scale"] = choice.scale;
    json["zero_point"] = choice.zero_point;
  }
  return json;
}

}  // namespace

std::string_view precision_name(Precision precision) {
  return precisions.name(precision);
}

Recipe Recipe::uniform(Precision precision) {
  Recipe recipe;
  recipe.fallback_.precision = precision;
  return recipe;
}

Recipe Recipe::parse(std::string_view json, const std::string& name) {
  const Json root = parse_strictly(json, name);
  constexpr std::array<std::string_view, 4> keys{"schema_version", "default", "layers", "metadata"};
  check_keys(root, keys, name);
  const Json& version = required(root, "schema_version", name);
  if (version != schema_version) {
    fail(name,
         "schema_version: expected " + std::to_string(schema_version) + ", got " + shown(version));
  }
  Recipe recipe;
  recipe.fallback_ = parse_choice(required(root, "default", name), name + ": default");
  if (recipe.fallback_.activations == Ranges::fixed) {
    fail(name, "default: static ranges belong to one layer each");
  }
  if (root.contains("layers")) {
    const Json& layers = root["layers"];
    if (!layers.is_object()) fail(name, "layers: expected an object, got " + shown(layers));
    for (const auto& [module, choice] : layers.items()) {
      recipe.set(module, parse_choice(choice, name + ": layer " + loaders::printable(module)));
    }
  }
  if (root.contains("metadata")) {
    if (!root["metadata"].is_object()) {
      fail(name, "metadata: expected an object, got " + shown(root["metadata"]));
    }
    recipe.metadata_ = root["metadata"].dump();
  }
  return recipe;
}

std::string Recipe::to_json() const {
  Json root;
  root["schema_version"] = schema_version;
  root["default"] = choice_to_json(fallback_);
  root["layers"] = Json::object();
  for (const auto& [module, choice] : entries_) root["layers"][module] = choice_to_json(choice);
  if (!metadata_.empty()) root["metadata"] = Json::parse(metadata_);
  return root.dump(2) + "\n";
}

const LayerChoice& Recipe::of(std::string_view module) const {
  const auto entry = entries_.find(module);
  return entry == entries_.end() ? fallback_ : entry->second;
}

void Recipe::set(std::string module, const LayerChoice& choice) {
  entries_.insert_or_assign(std::move(module), choice);
}

void Recipe::set_metadata(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) throw Error(ErrorKind::usage, "a recipe's metadata must be an object");
  metadata_ = object.dump();
}

}  // namespace bertq
