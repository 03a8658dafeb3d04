#include "engine/precision/recipe.h"

#include <doctest/doctest.h>

#include <string>

#include "bertq/error.h"

namespace bertq::testing {
using namespace engine;
namespace {

std::string error_of(const std::string& json) {
  try {
    Recipe::parse(json, "r.json");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::input);
    return error.what();
  }
  return "no error";
}

std::string with_layer(const std::string& layer) {
  return R"({"schema_version": 1, "default": {"precision": "int8"}, "layers": {"x": )" + layer +
         "}}";
}

// Of a layer with three scales.
std::string with_split(const std::string& split) {
  return with_layer(R"({"precision": "int8", "activations": "static", "scale": [1, 1, 1],
                        "zero_point": [0, 0, 0], "split": )" +
                    split + "}");
}

TEST_CASE("a recipe survives its JSON") {
  Recipe recipe = Recipe::uniform(Precision::int8);
  recipe.set("a", {.precision = Precision::fp32});
  recipe.set("a2", {.precision = Precision::bf16});
  recipe.set("b", {.weights = Granularity::per_tensor});
  recipe.set("c", {.activations = Ranges::fixed,
                   .algorithm = RangeAlgorithm::kl,
                   .scheme = Scheme::symmetric,
                   .scale = {0.1F},
                   .zero_point = {128}});
  recipe.set("d", {.activations = Ranges::fixed, .scale = {3.0e-38F}, .zero_point = {0}});
  recipe.set("e", {.activations = Ranges::fixed,
                   .algorithm = RangeAlgorithm::mse,
                   .scale = {0.3F, 1e-7F, 16777217.0F},
                   .zero_point = {-1023, 128, 1023},
                   .splits = {{0, 2}, {2, 4}},
                   .clipping = WeightClipping::mse,
                   .bias_correction = {-0.25F, 1.0F / 3.0F},
                   .rounding = Rounding::calibrated});
  recipe.set_rounded_weights({"r.weights.safetensors", "00ff"});
  recipe.set_metadata(R"({"seed": 18446744073709551615, "f1": [0.83, null], "z": 1, "a": {}})");
  const std::string json = recipe.to_json();
  CHECK(Recipe::parse(json, "r.json") == recipe);
  CHECK(Recipe::parse(json, "r.json").to_json() == json);
  CHECK(recipe.of("a").precision == Precision::fp32);
  CHECK(recipe.of("elsewhere") == recipe.fallback());
  CHECK(recipe.uses(Precision::bf16));
  CHECK(!Recipe::uniform(Precision::int8).uses(Precision::bf16));
}

TEST_CASE("the further columns of split channels stand in their order") {
  LayerChoice choice{.splits = {{1, 2}, {5, 4}}};
  CHECK(choice.extra_columns() == std::vector<std::uint32_t>{1, 5, 5, 5});
  CHECK(LayerChoice{}.extra_columns().empty());
}

TEST_CASE("metadata keeps its order and numbers") {
  Recipe recipe;
  recipe.set_metadata(R"({"z": 18446744073709551615, "a": 0.1})");
  CHECK(recipe.metadata() == R"({"z":18446744073709551615,"a":0.1})");
  CHECK_THROWS_AS(recipe.set_metadata("[1]"), Error);
  CHECK_THROWS_AS(recipe.set_metadata("{"), Error);
}

TEST_CASE("what the fields mean") {
  const Recipe recipe = Recipe::parse(
      with_layer(R"({"precision": "int8", "weights": "per_tensor", "activations": "static",
                     "algorithm": "minmax", "scheme": "asymmetric", "scale": 0.5,
                     "zero_point": 3})"),
      "r.json");
  const LayerChoice expected{.weights = Granularity::per_tensor,
                             .activations = Ranges::fixed,
                             .scale = {0.5F},
                             .zero_point = {3}};
  CHECK(recipe.of("x") == expected);
  CHECK(recipe.fallback() == LayerChoice{});
}

TEST_CASE("what is wrong is named") {
  struct Case {
    std::string json, error;
  };
  const Case cases[] = {
      {"{", "r.json: byte 2: not JSON"},
      {"", "r.json: byte 1: not JSON"},
      {"[]", "r.json: expected an object, got []"},
      {R"({"schema_version": 1e999})",
       "r.json: expected numbers that fit a double, got a larger one"},
      {with_layer(R"({"precision": "int8", "activations": "static", "scale": [1, 1],
                      "zero_point": [0, 18446744073709551615]})"),
       "r.json: layer x: zero_point: element 1: expected an integer from -1023 to 1023, got "
       "18446744073709551615"},
      {R"({"default": {}})", R"(r.json: "schema_version" is missing)"},
      {R"({"schema_version": 2})", "r.json: schema_version: expected 1, got 2"},
      {R"({"schema_version": "1"})", R"(r.json: schema_version: expected 1, got "1")"},
      {R"({"schema_version": 1})", R"(r.json: "default" is missing)"},
      {R"({"schema_version": 1, "defaults": {}})", R"(r.json: unknown key "defaults")"},
      {R"({"schema_version": 1, "schema_version": 1})",
       R"(r.json: key "schema_version" appears twice)"},
      {R"({"schema_version": 1, "default": {"precision": "fp32"}, "layers": []})",
       "r.json: layers: expected an object, got []"},
      {R"({"schema_version": 1, "default": {"precision": "fp32"}, "metadata": 1})",
       "r.json: metadata: expected an object, got 1"},
      {R"({"schema_version": 1, "default": {"precision": "int8", "activations": "static",
           "scale": 1, "zero_point": 0}})",
       "r.json: default: what calibration found belongs to one layer each"},
      {R"({"schema_version": 1, "default": {"precision": "int8", "bias_correction": [1]}})",
       "r.json: default: what calibration found belongs to one layer each"},
      {R"({"schema_version": 1, "default": {"precision": "int8", "rounding": "calibrated"}})",
       "r.json: default: what calibration found belongs to one layer each"},
      {R"({"schema_version": 1, "default": {"precision": "int8"}, "weights_file": {}})",
       R"(r.json: weights_file: "name" is missing)"},
      {R"({"schema_version": 1, "default": {"precision": "int8"},
           "weights_file": {"name": "../w", "xxh3_128": "0"}})",
       R"(r.json: weights_file: name: expected a file in the recipe's folder, got "../w")"},
      {with_layer(R"({"precision": "int8", "rounding": "calibrated"})"),
       R"(r.json: "weights_file" is missing: a layer has rounding "calibrated")"},
      {with_layer(R"({"precision": "int8", "clipping": "kl"})"),
       R"(r.json: layer x: clipping: expected one of "none", "mse", got "kl")"},
      {with_layer(R"({"precision": "int8", "bias_correction": 1})"),
       "r.json: layer x: bias_correction: expected a list, got 1"},
      {with_layer(R"({"precision": "int8", "bias_correction": [0, 1e39]})"),
       "r.json: layer x: bias_correction: element 1: expected a finite number, got 1e+39"},
      {with_layer(R"({"precision": "int8", "activations": "static", "scale": [1, 0],
                      "zero_point": [0, 0]})"),
       "r.json: layer x: scale: element 1: expected a positive scale, got 0"},
      {with_layer(R"({"precision": "int8", "activations": "static", "scale": [1, 1],
                      "zero_point": [0, 1024]})"),
       "r.json: layer x: zero_point: element 1: expected an integer from -1023 to 1023, got 1024"},
      {with_layer(R"({"precision": "int8", "activations": "static", "scale": [1, 1],
                      "zero_point": [0]})"),
       "r.json: layer x: expected as many zero points as scales, more than one, got 1 and 2"},
      {with_layer(R"({"precision": "int8", "activations": "static", "scale": [1, 1],
                      "zero_point": 0})"),
       "r.json: layer x: zero_point: expected a list, got 0"},
      {with_layer(R"({"precision": "int8", "activations": "static", "scale": 1, "zero_point": 0,
                      "split": [[0, 2]]})"),
       "r.json: layer x: split: expected a list of scales beside it, got one scale"},
      {with_split("[[0]]"),
       "r.json: layer x: split: element 0: expected [channel, columns], got [0]"},
      {with_split("[[3, 2]]"),
       "r.json: layer x: split: element 0: expected an integer from 0 to 2, got 3"},
      {with_split("[[1, 2], [1, 2]]"),
       "r.json: layer x: split: element 1: expected an integer from 2 to 2, got 1"},
      {with_split("[[0, 1]]"),
       "r.json: layer x: split: element 0: expected an integer from 2 to 4, got 1"},
      {with_split("[[0, 1e9]]"),
       "r.json: layer x: split: element 0: expected an integer from 2 to 4, got 1000000000.0"},
      {with_layer(R"({"precision": "int8", "split": [[0, 2]]})"),
       "r.json: layer x: split without static activations"},
      {with_layer("{}"), R"(r.json: layer x: "precision" is missing)"},
      {with_layer("7"), "r.json: layer x: expected an object, got 7"},
      {with_layer(R"({"precision": "int8", "bits": 4})"), R"(r.json: layer x: unknown key "bits")"},
      {with_layer(R"({"precision": "bf16", "activations": "dynamic"})"),
       R"(r.json: layer x (bf16): unknown key "activations")"},
      {with_layer(R"({"precision": "int4"})"),
       R"(r.json: layer x: precision: expected one of "fp32", "bf16", "int8", got "int4")"},
      {with_layer(R"({"precision": "fp32", "scale": 1})"),
       R"(r.json: layer x (fp32): unknown key "scale")"},
      {with_layer(R"({"precision": "int8", "weights": 3})"),
       R"(r.json: layer x: weights: expected one of "per_channel", "per_tensor", got 3)"},
      {with_layer(R"({"precision": "int8", "scale": 1})"),
       "r.json: layer x: scale without static activations"},
      {with_layer(R"({"precision": "int8", "activations": "static"})"),
       R"(r.json: layer x: "scale" is missing)"},
      {with_layer(R"({"precision": "int8", "activations": "static", "scale": 1})"),
       R"(r.json: layer x: "zero_point" is missing)"},
  };
  for (const Case& wrong : cases) CHECK(error_of(wrong.json) == wrong.error);
}

TEST_CASE("scales and zero points out of range are refused") {
  const auto error_with = [](const std::string& scale, const std::string& zero_point) {
    return error_of(with_layer(R"({"precision": "int8", "activations": "static", "scale": )" +
                               scale + R"(, "zero_point": )" + zero_point + "}"));
  };
  for (const char* scale : {"0", "-1", "1e-40", "1e39", "\"1\"", "null", "1e-320", "1e38"}) {
    CAPTURE(scale);
    CHECK(error_with(scale, "0").starts_with("r.json: layer x: scale: expected a positive scale"));
  }
  for (const char* zero_point : {"-1", "256", "1.0", "\"1\"", "18446744073709551615"}) {
    CAPTURE(zero_point);
    CHECK(error_with("1", zero_point)
              .starts_with("r.json: layer x: zero_point: expected an integer from 0 to 255"));
  }
  CHECK(error_with("1", R"(3, "scheme": "symmetric")") ==
        R"(r.json: layer x: scheme "symmetric" contradicts zero_point 3)");
}

TEST_CASE("nesting without end is refused, not followed") {
  const std::string deep(100000, '[');
  CHECK(error_of(R"({"metadata": {"x": )" + deep) == "r.json: nested deeper than 64");
}

}  // namespace
}  // namespace bertq::testing
