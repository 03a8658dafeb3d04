// Quantised checkpoints that are not what they should be: refused by name, in one line.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/quantized/best_configure.h"
#include "engine/quantized/layer_form.h"
#include "quantized_golden.h"
#include "support/thrown_message.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Kind = ArithmeticChoice::Kind;
const std::string layer = "bert.encoder.layer.0.";

// A fixture that may be spoilt.
struct Spoilt {
  explicit Spoilt(const std::string& form) : files(open_quantized_fixture(form)) {}

  loaders::Tensor& tensor(const std::string& name) {
    for (loaders::Tensor& tensor : files.checkpoint.tensors) {
      if (tensor.name == name) return tensor;
    }
    throw std::out_of_range("no tensor " + name);
  }
  void erase(const std::string& name) {
    tensor(name);
    std::erase_if(files.checkpoint.tensors,
                  [&](const auto& tensor) { return tensor.name == name; });
  }
  void copy(const std::string& from, const std::string& to) {
    loaders::Tensor copied = tensor(from);
    copied.name = to;
    files.checkpoint.tensors.push_back(copied);
  }
  // Gives the tensor other values, of the type T that it has.
  template <typename T>
  void set(const std::string& name, T value) {
    loaders::Tensor& changed = tensor(name);
    auto bytes = std::make_shared<std::vector<T>>(changed.elements, value);
    kept.push_back(bytes);
    files.checkpoint.sources.push_back(
        loaders::open_memory(std::as_bytes(std::span(*bytes)), changed.file()));
    changed.source = files.checkpoint.sources.back().get();
    changed.offset = 0;
    changed.strides.clear();
    changed.checksum = nullptr;
  }
  void set_affine(const std::string& name, loaders::Affine affine) {
    tensor(name).affine = std::make_shared<loaders::Affine>(std::move(affine));
  }

  ModelFiles files;
  std::vector<std::shared_ptr<void>> kept;
};

std::string load_error(const Spoilt& spoilt, const ArithmeticChoice& arithmetic,
                       ErrorKind kind = ErrorKind::input) {
  try {
    Model::load(spoilt.files.checkpoint, spoilt.files.config, Recipe::uniform(Precision::int8),
                jit::Isa::reference, arithmetic);
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    return error.what();
  } catch (const loaders::FormatError& error) {
    return error.what();
  }
  return "loaded";
}

struct Case {
  const char* fixture;
  std::function<void(Spoilt&)> spoil;
  std::vector<std::string> words;  // of the message, in any order
};

const std::string packed = "._packed_params._packed_params.0";
const std::string packed_v2 = "._packed_params.weight";  // of PyTorch 1.5, LPOT's

const std::vector<Case> stored_cases = {
    // LPOT
    {"lpot_static",
     [](Spoilt& s) { s.erase("bert.pooler.quant.scale"); },
     {"best_model_weights.pt", "bert.pooler.quant.scale", "range of a layer's input or result",
      "none"}},
    {"lpot_static",
     [](Spoilt& s) { s.erase("bert.pooler.dense.scale"); },
     {"bert.pooler.dense.scale", "none"}},
    {"lpot_static",
     [](Spoilt& s) { s.set("bert.pooler.quant.scale", 0.0F); },
     {"bert.pooler.quant.scale", "positive scale", "0.0"}},
    {"lpot_static",
     [](Spoilt& s) { s.set("classifier.scale", -1.0F); },
     {"classifier.scale", "positive scale", "-1"}},
    {"lpot_static",
     [](Spoilt& s) { s.set("quant.scale", std::numeric_limits<float>::quiet_NaN()); },
     {"quant.scale", "positive scale", "nan"}},
    {"lpot_static",
     [](Spoilt& s) { s.set("classifier.zero_point", std::int64_t{256}); },
     {"classifier.zero_point", "0 to 255", "256"}},
    {"lpot_static",
     [](Spoilt& s) {
       s.set_affine("classifier" + packed_v2, {{0.01}, {3}, 0});
     },
     {"classifier" + packed_v2, "zero point 0", "3"}},
    {"lpot_static",
     [](Spoilt& s) {
       s.set_affine("classifier" + packed_v2, {{-0.01}, {0}, 0});
     },
     {"classifier" + packed_v2, "positive scale"}},
    {"lpot_static",
     [](Spoilt& s) {
       s.set_affine("classifier" + packed_v2,
                    {std::vector<double>(16, 0.1), std::vector<double>(16), 1});
     },
     {"classifier" + packed_v2, "one a row", "one a column"}},
    {"lpot_static",
     [](Spoilt& s) {
       loaders::Tensor& mixed = s.tensor(layer + "attention.self.mixed" + packed_v2);
       mixed.shape[0] = 47;
       mixed.elements = 47 * 16;
     },
     {"attention.self"}},
    {"lpot_fallback",
     [](Spoilt& s) { s.erase("classifier.quant.scale"); },
     {"best_model_weights.pt", "classifier.quant.scale", "input or result", "none"}},
    {"lpot_fallback",
     [](Spoilt& s) { s.set("classifier.quant.scale", 0.0F); },
     {"classifier.quant.scale", "positive scale", "0.0"}},
    {"lpot_fallback",
     [](Spoilt& s) {
       s.erase("quant.scale");
       s.erase("quant.zero_point");
     },
     {"tensor quant.scale", "input or result", "none"}},
    {"lpot_fallback",
     [](Spoilt& s) {
       s.copy("quant.scale", "bert.embeddings.LayerNorm.quant.scale");
       s.copy("quant.zero_point", "bert.embeddings.LayerNorm.quant.zero_point");
     },
     {"bert.embeddings.LayerNorm.weight", "linear layer in this wrapper"}},
    // Neural Compressor
    {"nc_per_tensor",
     [](Spoilt& s) {
       s.erase("bert.pooler.dense_input_scale_0");
       s.erase("bert.pooler.dense_input_zero_point_0");
     },
     {"best_model.pt", "bert.pooler.quant.scale", "input or result", "none"}},
    {"nc_per_tensor",
     [](Spoilt& s) { s.set("classifier.module_input_scale_0", -1.0F); },
     {"classifier_input_scale_0", "positive scale", "-1"}},
    {"nc_per_tensor",
     [](Spoilt& s) { s.copy("classifier.bias", "bert.encoder.layer.0.add_scale_0"); },
     {"bert.encoder.layer.0.add_scale_0"}},
    // Q8BERT
    {"q8bert_ema",
     [](Spoilt& s) { s.files.config.q8bert.clear(); },
     {"quant_pytorch_model.bin", "attention_query", "config.json", "none"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.files.config.q8bert["ffn_output"].mode = Q8BertLayer::Mode::none; },
     {"output.dense.quantized_weight", "ffn_output in config.json", "float weights", "integers"}},
    {"q8bert_dynamic",
     [](Spoilt& s) { s.files.config.q8bert["ffn_output"].mode = Q8BertLayer::Mode::ema; },
     {"output.dense.quantized_weight", "ffn_output in config.json", "expected integers", "none"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.erase(layer + "intermediate.dense.input_thresh"); },
     {layer + "intermediate.dense.input_thresh", "threshold", "none"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.erase(layer + "attention.self.key.output_thresh"); },
     {layer + "attention.self.key.output_thresh", "threshold", "none"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.set("classifier.input_thresh", 0.0F); },
     {"classifier.input_thresh", "above 0", "got 0.0"}},
    {"q8bert_training",
     [](Spoilt& s) { s.set("classifier.input_thresh", 0.0F); },
     {"pytorch_model.bin", "classifier.input_thresh", "above 0", "got 0.0"}},
    {"q8bert_training",
     [](Spoilt& s) { s.set(layer + "attention.self.query.output_thresh", HUGE_VALF); },
     {"query.output_thresh", "above 0", "inf"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.set("classifier._weight_scale", 0.0F); },
     {"classifier._weight_scale", "positive number"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.erase("classifier._weight_scale"); },
     {"classifier.quantized_weight", "classifier._weight_scale", "none"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.erase("classifier.bias_scale"); },
     {"classifier._quantized_bias", "classifier.bias_scale", "none"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.set("classifier.bias_scale", 1.0F); },
     {"quant_pytorch_model.bin: tensor classifier._quantized_bias", "classifier.bias_scale",
      "product"}},
    {"q8bert_ema",
     [](Spoilt& s) {
       s.set("classifier._quantized_bias", std::numeric_limits<std::int32_t>::max());
     },
     {"quant_pytorch_model.bin: tensor classifier._quantized_bias", "fits 32 bits"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.tensor("classifier._quantized_bias").dtype = loaders::DType::f32; },
     {"classifier._quantized_bias", "I32", "F32"}},
    {"q8bert_ema",
     [](Spoilt& s) { s.tensor("classifier.quantized_weight").dtype = loaders::DType::u8; },
     {"classifier.quantized_weight", "I8", "U8"}},
};

TEST_CASE("checkpoints with ranges that cannot be are refused by name") {
  for (const Case& row : stored_cases) {
    CAPTURE(std::string(row.fixture));
    Spoilt spoilt(row.fixture);
    CHECK(load_error(spoilt, {Kind::stored, std::nullopt}) == "loaded");
    row.spoil(spoilt);
    const std::string file = spoilt.files.checkpoint.tensors.front().file();
    const std::string message = load_error(spoilt, {Kind::stored, std::nullopt});
    CAPTURE(message);
    CHECK(message.starts_with(file + ": "));
    CHECK(message.find(": expected ") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    for (const std::string& word : row.words) CHECK(message.find(word) != std::string::npos);
  }
}

TEST_CASE("a product of attention in INT8 is refused by name, and so are sums and LayerNorms") {
  const std::string message =
      testing::thrown_message<Error>([] { open_quantized_fixture("nc_traced"); });
  CAPTURE(message);
  CHECK(message.find("best_model.pt: tensor bert") != std::string::npos);
  CHECK(message.find(": expected ranges of linear layers alone") != std::string::npos);
}

TEST_CASE("a threshold of 0 does no harm where thresholds are found while running") {
  const Spoilt spoilt("q8bert_dynamic_training");  // whose thresholds are 0 but for the pooler's
  CHECK(load_error(spoilt, {Kind::stored, std::nullopt}) == "loaded");
}

TEST_CASE("weights with a zero point run dequantised, and in no other way") {
  Spoilt spoilt("torch_dynamic");
  spoilt.set_affine("classifier" + packed, {{0.01}, {3}, 0});
  for (const Kind kind : {Kind::own, Kind::torch_dynamic}) {
    const std::string message = load_error(spoilt, {kind, std::nullopt});
    CHECK(message.find("classifier" + packed + ": expected integers with zero point 0, got 3") !=
          std::string::npos);
  }
  CHECK(Model::load(spoilt.files.checkpoint, spoilt.files.config, Recipe::uniform(Precision::fp32),
                    jit::Isa::reference) != nullptr);
}

TEST_CASE("torch-dynamic is refused where it cannot be PyTorch's") {
  const ArithmeticChoice torch{Kind::torch_dynamic, std::nullopt};
  for (const char* fixture : {"q8bert_ema", "q8bert_training", "lpot_static"}) {
    const std::string message = load_error(Spoilt(fixture), torch);
    CAPTURE(message);
    CHECK(message.find("for torch-dynamic, got") != std::string::npos);
  }
  Spoilt unknown("torch_dynamic");
  unknown.files.checkpoint.module_versions.clear();
  for (const Spoilt* spoilt : {&unknown}) {
    const std::string message = load_error(*spoilt, torch, ErrorKind::usage);
    CHECK(message.find("--reduce-range yes") != std::string::npos);
    CHECK(message.find("pytorch_model.bin") != std::string::npos);
    CHECK(load_error(*spoilt, {Kind::torch_dynamic, true}) == "loaded");
    CHECK(load_error(*spoilt, {Kind::torch_dynamic, false}) == "loaded");
  }
}

TEST_CASE("padding is held against the model and the batch") {
  const ModelFiles files = open_quantized_fixture("torch_dynamic");
  Session session(Model::load(files.checkpoint, files.config, Recipe::uniform(Precision::int8),
                              jit::Isa::reference, {Kind::torch_dynamic, std::nullopt}),
                  1);
  CHECK_THROWS_WITH_AS(session.pad_to(33),
                       "--pad-to: expected at most the 32 positions of the model, got 33", Error);
  session.pad_to(7);
  PackedBatch batch;
  batch.add(std::vector<std::int32_t>(8, 5), {});
  CHECK_THROWS_WITH_AS(session.logits(batch),
                       "--pad-to: expected at least the longest sequence's 8 tokens, got 7", Error);
  session.pad_to(8);
  CHECK(session.logits(batch).size() == 2);
}

TEST_CASE("activations that are not finite are named, in every arithmetic") {
  for (const char* fixture :
       {"torch_dynamic", "lpot_static", "lpot_tuned", "q8bert_ema", "q8bert_dynamic"}) {
    CAPTURE(std::string(fixture));
    Spoilt spoilt(fixture);
    // An embedding's LayerNorm that leaves what float cannot hold.
    spoilt.set("bert.embeddings.LayerNorm.weight", 3e38F);
    const bool torch = std::string(fixture) == "torch_dynamic";
    Session session(Model::load(spoilt.files.checkpoint, spoilt.files.config,
                                Recipe::uniform(Precision::int8), jit::Isa::reference,
                                {torch ? Kind::torch_dynamic : Kind::stored, std::nullopt}),
                    1);
    PackedBatch batch;
    batch.add(std::vector<std::int32_t>{2, 9, 17, 30, 3}, {});
    std::string message = "no error";
    try {
      session.logits(batch);
    } catch (const Error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.find("activations are not finite") != std::string::npos);
    CHECK(message.find("bert.") == 0);
  }
}

// --- best_configure.yaml -----------------------------------------------------------------------

std::string configure_error(const std::string& yaml) {
  const ModelFiles files = open_quantized_fixture("lpot_fallback");
  try {
    check_best_configure(parse_best_configure(yaml, "best_configure.yaml"),
                         stored_quantization(files.checkpoint, files.config),
                         "best_configure.yaml");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::input);
    return error.what();
  }
  return "";
}

std::string operation(const std::string& module, const std::string& dtype) {
  return "  ? !!python/tuple\n  - " + module +
         "\n  - Linear\n  : activation:\n      dtype: uint8\n" +
         "    weight:\n      dtype: " + dtype + "\n";
}

TEST_CASE("best_configure.yaml says what the weights say") {
  const std::string head = "approach: post_training_static_quant\nop:\n";
  const std::string fallback = "bert.encoder.layer.1.output.dense";
  CHECK(configure_error(head + operation("bert.pooler.dense", "int8") +
                        operation(fallback, "fp32") + operation("classifier", "fp32")) == "");
  struct Bad {
    std::string yaml, words;
  };
  const std::vector<Bad> bad = {
      {head + operation("bert.pooler.dense", "int8") + operation(fallback, "int8"),
       "line 10: " + fallback + ": expected fp32"},
      {head + operation(layer + "attention.self.mixed", "int8"),
       "line 3: " + layer + "attention.self.mixed: expected fp32"},
      {head + operation(layer + "intermediate.dense", "fp32"),
       "line 3: " + layer + "intermediate.dense: expected int8"},
      {head + operation("classifier", "int8"), "line 3: classifier: expected fp32"},
      {head + operation("bert.pooler.dense", "int4"), "got int4"},
      {"approach: post_training_dynamic_quant\nop:\n" + operation("classifier", "int8"),
       "approach: expected that of the weights"},
      {"op: {}\n", "expected a member \"approach\""},
      {"approach: post_training_static_quant\n", "expected a member \"op\""},
      {"approach: [1]\nop: {}\n", "line 1: expected a text"},
      {head + "  classifier: 1\n", "expected a module and its type"},
      {"approach: !!python/object/apply:os.system ['true']\nop: {}\n",
       "expected no tags but !!python/tuple, got tag:yaml.org,2002:python/object/apply:os.system"},
      {"approach: {\n", "expected YAML"},
      {std::string(20'000, '['), "expected YAML"},
      {"", "expected a map"},
      {"a: &a [*a]\napproach: *a\nop: *a\n", "line 1"},
  };
  for (const Bad& row : bad) {
    CAPTURE(row.yaml.substr(0, 200));
    const std::string message = configure_error(row.yaml);
    CAPTURE(message);
    CHECK(message.find("best_configure.yaml: ") == 0);
    CHECK(message.find(row.words) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
  }
}

// --- forms -------------------------------------------------------------------------------------

TEST_CASE("a model's form survives the way to JSON and back, and bad JSON is named") {
  ModelForm form;
  form.int8_words = true;
  form.layers["classifier"] = {Arithmetic::torch_dynamic, false, true};
  form.layers["bert.pooler.dense"] = {Arithmetic::q8bert_ema, true, false};
  form.layers["qa_outputs"] = {};
  form.layers["lpot"] = {Arithmetic::torch_static_fp32, true, false};
  CHECK(ModelForm::from_json(form.to_json(), "file") == form);
  CHECK(form.needs_padding());
  for (const auto& [json, words] : std::vector<std::pair<nlohmann::json, std::string>>{
           {nlohmann::json::array(), "file: expected an object"},
           {{{"int8_words", 1}, {"layers", nlohmann::json::object()}}, "int8_words"},
           {{{"layers", 3}}, "layers"},
           {{{"layers", {{"a", 1}}}}, "layers"},
           {{{"layers", {{"a", {{"arithmetic", "int4"}}}}}}, "file: a: arithmetic"},
           {{{"layers", {{"a", {{"arithmetic", "fp32"}, {"requantized", true}}}}}},
            "file: a: requantized: expected false"},
           {{{"layers", {{"a", {{"arithmetic", "torch_static"}}}}}},
            "file: a: requantized: expected true"},
           {{{"layers", {{"a", {{"arithmetic", "torch_static_fp32"}}}}}},
            "file: a: requantized: expected true"}}) {
    try {
      ModelForm::from_json(json, "file");
      FAIL("accepted " << json.dump());
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK(std::string(error.what()).find(words) != std::string::npos);
    }
  }
}

TEST_CASE("Q8BERT's keys in config.json are read strictly") {
  const std::string config = R"({"model_type": "bert", "hidden_size": 4, "num_hidden_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 6, "vocab_size": 8,
    "max_position_embeddings": 10, "head": )";
  const ModelConfig good = parse_config(
      config + R"({"mode": "ema", "requantize_output": false, "start_step": 3}})", "c");
  CHECK(good.q8bert.at("head").mode == Q8BertLayer::Mode::ema);
  CHECK_FALSE(good.q8bert.at("head").requantize_output);
  CHECK(parse_config(config + "{}}", "c").q8bert.at("head").mode == Q8BertLayer::Mode::none);
  CHECK(parse_config(config + "{}}", "c").q8bert.at("head").requantize_output);
  CHECK(parse_config(config + "7}", "c").q8bert.empty());
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{
           {R"({"mode": "static"}})", "head: mode"},
           {R"({"mode": "ema", "weight_bits": 4}})", "head: weight_bits: expected 8, got 4"},
           {R"({"mode": "dynamic", "activation_bits": 16}})", "head: activation_bits"},
           {R"({"mode": "ema", "requantize_output": "yes"}})", "head: requantize_output"}}) {
    try {
      parse_config(config + text, "c");
      FAIL("accepted " << text);
    } catch (const Error& error) {
      CAPTURE(error.what());
      CHECK(std::string(error.what()).find(words) != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace bertq::testing
