#include "engine/precision/recipe.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "bertq/error.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr int max_depth = 64;  // of nested objects and arrays: metadata is written recursively

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
  } catch (const Json::out_of_range&) {
    fail(name, "expected numbers that fit a double, got a larger one");
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
  std::optional<Value> find(std::string_view name) const {
    for (const auto& [word, meaning] : words) {
      if (word == name) return meaning;
    }
    return std::nullopt;
  }
  std::string_view name(Value value) const {
    for (const auto& [word, meaning] : words) {
      if (meaning == value) return word;
    }
    throw Error(ErrorKind::internal, "a recipe value without a name");
  }
};

constexpr Words<Precision, 3> precisions{
    {{{"fp32", Precision::fp32}, {"bf16", Precision::bf16}, {"int8", Precision::int8}}}};
constexpr Words<Granularity, 2> granularities{
    {{{"per_channel", Granularity::per_channel}, {"per_tensor", Granularity::per_tensor}}}};
constexpr Words<Ranges, 2> ranges{{{{"dynamic", Ranges::dynamic}, {"static", Ranges::fixed}}}};
constexpr Words<Scheme, 2> schemes{
    {{{"symmetric", Scheme::symmetric}, {"asymmetric", Scheme::asymmetric}}}};
constexpr Words<RangeAlgorithm, 6> algorithms{{{{"minmax", RangeAlgorithm::minmax},
                                                {"moving_average", RangeAlgorithm::moving_average},
                                                {"percentile", RangeAlgorithm::percentile},
                                                {"kl", RangeAlgorithm::kl},
                                                {"histogram", RangeAlgorithm::histogram},
                                                {"mse", RangeAlgorithm::mse}}}};
constexpr Words<WeightClipping, 2> clippings{
    {{{"none", WeightClipping::none}, {"mse", WeightClipping::mse}}}};
constexpr Words<Rounding, 2> roundings{
    {{{"nearest", Rounding::nearest}, {"calibrated", Rounding::calibrated}}}};

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

// Both limits fit 32 bits. (The library compares numbers beyond 63 bits as if they were negative.)
std::int64_t parse_integer(const Json& value, const std::string& where, std::int64_t lowest,
                           std::int64_t highest) {
  constexpr std::uint64_t huge = std::uint64_t{1} << 63U;
  const bool is_huge = value.is_number_unsigned() && value.get<std::uint64_t>() >= huge;
  if (!value.is_number_integer() || is_huge || value < lowest || value > highest) {
    fail(where, "expected an integer from " + std::to_string(lowest) + " to " +
                    std::to_string(highest) + ", got " + shown(value));
  }
  return value.get<std::int64_t>();
}

std::int32_t parse_zero_point(const Json& value, const std::string& where, std::int32_t lowest,
                              std::int32_t highest) {
  return static_cast<std::int32_t>(parse_integer(value, where, lowest, highest));
}

float parse_finite(const Json& value, const std::string& where) {
  const float number = value.is_number() ? value.get<float>() : NAN;
  if (!std::isfinite(number)) fail(where, "expected a finite number, got " + shown(value));
  return number;
}

// A list, with parse(value, where) of each of its elements.
template <typename Parse>
auto parse_list(const Json& list, const std::string& where, Parse parse) {
  std::vector<decltype(parse(list, where))> values;
  if (!list.is_array()) fail(where, "expected a list, got " + shown(list));
  for (std::size_t i = 0; i < list.size(); ++i) {
    values.push_back(parse(list[i], where + ": element " + std::to_string(i)));
  }
  return values;
}

const Json& required(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) fail(where, std::string("\"") + key + "\" is missing");
  return *found;
}

std::uint32_t parse_natural(const Json& value, const std::string& where, std::size_t lowest,
                            std::size_t highest) {
  return static_cast<std::uint32_t>(parse_integer(value, where, static_cast<std::int64_t>(lowest),
                                                  static_cast<std::int64_t>(highest)));
}

// Of an input of `channels` channels.
std::vector<ChannelSplit> parse_splits(const Json& json, std::size_t channels,
                                       const std::string& where) {
  if (channels < 2) fail(where, "expected a list of scales beside it, got one scale");
  std::size_t lowest = 0, extra = 0;
  auto splits = parse_list(json, where, [&](const Json& pair, const std::string& place) {
    if (!pair.is_array() || pair.size() != 2) {
      fail(place, "expected [channel, columns], got " + shown(pair));
    }
    const ChannelSplit split{parse_natural(pair[0], place, lowest, channels - 1),
                             parse_natural(pair[1], place, 2, most_split_columns)};
    lowest = split.channel + std::size_t{1};
    extra += split.columns - 1;
    return split;
  });
  if (extra > most_extra_columns) {
    fail(where, "expected at most " + std::to_string(most_extra_columns) +
                    " columns more than channels, got " + std::to_string(extra));
  }
  return splits;
}

void parse_static_range(const Json& json, const std::string& where, LayerChoice& choice) {
  const Json& scale = required(json, "scale", where);
  const Json& zero_point = required(json, "zero_point", where);
  const std::string scale_place = where + ": scale", zero_place = where + ": zero_point";
  if (scale.is_array()) {
    choice.scale = parse_list(scale, scale_place, parse_scale);
    choice.zero_point =
        parse_list(zero_point, zero_place, [](const Json& value, const std::string& place) {
          return parse_zero_point(value, place, -farthest_zero_point, farthest_zero_point);
        });
    if (choice.scale.size() < 2 || choice.zero_point.size() != choice.scale.size()) {
      fail(where, "expected as many zero points as scales, more than one, got " +
                      std::to_string(choice.zero_point.size()) + " and " +
                      std::to_string(choice.scale.size()));
    }
  } else {
    choice.scale = {parse_scale(scale, scale_place)};
    choice.zero_point = {parse_zero_point(zero_point, zero_place, 0, 255)};
  }
  if (json.contains("split")) {
    choice.splits = parse_splits(json["split"], choice.scale.size(), where + ": split");
  }
  const bool centred = choice.zero_point == std::vector(choice.scale.size(), symmetric_zero_point);
  choice.scheme = centred ? Scheme::symmetric : Scheme::asymmetric;
  if (!json.contains("scheme")) return;
  // A range without symmetry may have its zero in the middle all the same.
  choice.scheme = schemes.parse(json["scheme"], where + ": scheme");
  if (choice.scheme == Scheme::symmetric && !centred) {
    fail(where, "scheme " + shown(json["scheme"]) + " contradicts zero_point " + shown(zero_point));
  }
}

LayerChoice parse_choice(const Json& json, const std::string& where) {
  constexpr std::array<std::string_view, 11> int8_keys{
      "precision",  "weights", "activations", "algorithm",       "scheme",  "scale",
      "zero_point", "split",   "clipping",    "bias_correction", "rounding"};
  constexpr std::array<std::string_view, 1> float_keys{"precision"};
  check_keys(json, int8_keys, where);
  LayerChoice choice;
  const Json& precision = required(json, "precision", where);
  choice.precision = precisions.parse(precision, where + ": precision");
  if (choice.precision != Precision::int8) {
    check_keys(json, float_keys,
               where + " (" + std::string(precision_name(choice.precision)) + ")");
    return choice;
  }
  if (json.contains("weights")) {
    choice.weights = granularities.parse(json["weights"], where + ": weights");
  }
  if (json.contains("activations")) {
    choice.activations = ranges.parse(json["activations"], where + ": activations");
  }
  if (json.contains("algorithm")) {
    choice.algorithm = algorithms.parse(json["algorithm"], where + ": algorithm");
  }
  if (json.contains("clipping")) {
    choice.clipping = clippings.parse(json["clipping"], where + ": clipping");
  }
  if (json.contains("bias_correction")) {
    choice.bias_correction =
        parse_list(json["bias_correction"], where + ": bias_correction", parse_finite);
  }
  if (json.contains("rounding")) {
    choice.rounding = roundings.parse(json["rounding"], where + ": rounding");
  }
  if (choice.activations == Ranges::fixed) {
    parse_static_range(json, where, choice);
  } else {
    for (const char* key : {"scheme", "scale", "zero_point", "split"}) {
      if (json.contains(key)) fail(where, std::string(key) + " without static activations");
    }
  }
  return choice;
}

// As the shortest number that reads back as this float.
double short_number(float value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  double number = 0.0;
  std::from_chars(digits.data(), end, number);
  return static_cast<float>(number) == value ? number : static_cast<double>(value);
}
std::vector<double> short_numbers(const std::vector<float>& values) {
  std::vector<double> numbers;
  for (const float value : values) numbers.push_back(short_number(value));
  return numbers;
}

RoundedWeights parse_weights_file(const Json& json, const std::string& where) {
  constexpr std::array<std::string_view, 2> keys{"name", "xxh3_128"};
  check_keys(json, keys, where);
  const auto text = [&](const char* key) {
    const Json& value = required(json, key, where);
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      fail(where, std::string(key) + ": expected a text, got " + shown(value));
    }
    return value.get<std::string>();
  };
  RoundedWeights weights{text("name"), text("xxh3_128")};
  if (weights.name == ".." || weights.name.find('/') != std::string::npos) {
    fail(where, "name: expected a file in the recipe's folder, got " + shown(json["name"]));
  }
  return weights;
}

bool rounds_by_file(const Recipe& recipe) {
  return std::any_of(recipe.entries().begin(), recipe.entries().end(), [](const auto& entry) {
    return entry.second.rounding == Rounding::calibrated;
  });
}

Json choice_to_json(const LayerChoice& choice) {
  Json json;
  json["precision"] = precisions.name(choice.precision);
  if (choice.precision != Precision::int8) return json;
  json["weights"] = granularities.name(choice.weights);
  json["activations"] = ranges.name(choice.activations);
  if (choice.activations == Ranges::fixed) {
    json["algorithm"] = algorithms.name(choice.algorithm);
    json["scheme"] = schemes.name(choice.scheme);
    if (choice.equalized()) {
      json["scale"] = short_numbers(choice.scale);
      json["zero_point"] = choice.zero_point;
      for (const ChannelSplit& split : choice.splits) {
        json["split"].push_back({split.channel, split.columns});
      }
    } else {
      json["scale"] = short_number(choice.scale.at(0));
      json["zero_point"] = choice.zero_point.at(0);
    }
  }
  if (choice.clipping != WeightClipping::none) json["clipping"] = clippings.name(choice.clipping);
  if (!choice.bias_correction.empty()) {
    json["bias_correction"] = short_numbers(choice.bias_correction);
  }
  if (choice.rounding != Rounding::nearest) json["rounding"] = roundings.name(choice.rounding);
  return json;
}

}  // namespace

std::string_view precision_name(Precision precision) {
  return precisions.name(precision);
}
std::string_view algorithm_name(RangeAlgorithm algorithm) {
  return algorithms.name(algorithm);
}
std::optional<RangeAlgorithm> find_algorithm(std::string_view name) {
  return algorithms.find(name);
}
std::string_view scheme_name(Scheme scheme) {
  return schemes.name(scheme);
}
std::optional<Scheme> find_scheme(std::string_view name) {
  return schemes.find(name);
}

bool may_be_split(std::string_view module) {
  return module.ends_with(".output.dense") && !module.ends_with(".attention.output.dense");
}

std::vector<std::uint32_t> LayerChoice::extra_columns() const {
  std::vector<std::uint32_t> channels;
  for (const ChannelSplit& split : splits) {
    channels.insert(channels.end(), split.columns - 1, split.channel);
  }
  return channels;
}

Recipe Recipe::uniform(Precision precision) {
  Recipe recipe;
  recipe.fallback_.precision = precision;
  return recipe;
}

Recipe Recipe::parse(std::string_view json, const std::string& name) {
  const Json root = parse_strictly(json, name);
  constexpr std::array<std::string_view, 5> keys{"schema_version", "default", "layers",
                                                 "weights_file", "metadata"};
  check_keys(root, keys, name);
  const Json& version = required(root, "schema_version", name);
  if (version != recipe_version) {
    fail(name,
         "schema_version: expected " + std::to_string(recipe_version) + ", got " + shown(version));
  }
  Recipe recipe;
  recipe.fallback_ = parse_choice(required(root, "default", name), name + ": default");
  const LayerChoice& fallback = recipe.fallback_;
  if (fallback.activations == Ranges::fixed || !fallback.bias_correction.empty() ||
      fallback.rounding == Rounding::calibrated) {
    fail(name, "default: what calibration found belongs to one layer each");
  }
  if (root.contains("layers")) {
    const Json& layers = root["layers"];
    if (!layers.is_object()) fail(name, "layers: expected an object, got " + shown(layers));
    for (const auto& [module, choice] : layers.items()) {
      recipe.set(module, parse_choice(choice, name + ": layer " + loaders::printable(module)));
    }
  }
  if (root.contains("weights_file")) {
    recipe.rounded_weights_ = parse_weights_file(root["weights_file"], name + ": weights_file");
  }
  if (rounds_by_file(recipe) && recipe.rounded_weights_.name.empty()) {
    fail(name, "\"weights_file\" is missing: a layer has rounding \"calibrated\"");
  }
  if (root.contains("metadata")) {
    if (!root["metadata"].is_object()) {
      fail(name, "metadata: expected an object, got " + shown(root["metadata"]));
    }
    recipe.metadata_ = root["metadata"].dump();
  }
  return recipe;
}

// A line for each layer, however many numbers it has.
std::string Recipe::to_json() const {
  std::string text = "{\n  \"schema_version\": " + std::to_string(recipe_version);
  const auto add = [&](const char* key, const Json& value) {
    text += std::string(",\n  \"") + key + "\": " + value.dump();
  };
  add("default", choice_to_json(fallback_));
  text += ",\n  \"layers\": {";
  const char* separator = "\n";
  for (const auto& [module, choice] : entries_) {
    text += std::exchange(separator, ",\n");
    text += "    " + Json(module).dump() + ": " + choice_to_json(choice).dump();
  }
  text += entries_.empty() ? "}" : "\n  }";
  if (!rounded_weights_.name.empty()) {
    add("weights_file", {{"name", rounded_weights_.name}, {"xxh3_128", rounded_weights_.xxh3_128}});
  }
  if (!metadata_.empty()) add("metadata", Json::parse(metadata_));
  return text + "\n}\n";
}

const LayerChoice& Recipe::of(std::string_view module) const {
  const auto entry = entries_.find(module);
  return entry == entries_.end() ? fallback_ : entry->second;
}

bool Recipe::uses(Precision precision) const {
  return fallback_.precision == precision ||
         std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return entry.second.precision == precision; });
}

void Recipe::set(std::string module, const LayerChoice& choice) {
  entries_.insert_or_assign(std::move(module), choice);
}

void Recipe::set_metadata(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) throw Error(ErrorKind::usage, "a recipe's metadata must be an object");
  metadata_ = object.dump();
}

}  // namespace bertq::engine
