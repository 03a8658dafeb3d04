// A model loaded from a .bertq file answers with the bits of the checkpoint that it was made from,
// and a damaged or contradictory file is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/model/encoder_layer.h"
#include "engine/model/model.h"
#include "engine/model/model_files.h"
#include "engine/model/pack_model.h"
#include "engine/model/packed_check.h"
#include "engine/model/packed_facts.h"
#include "engine/model/weights.h"
#include "jit/paths.h"
#include "loaders/bertq_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"
#include "texts.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;

const fs::path tiny = fs::path(BERTQ_TEST_DATA) / "checkpoints" / "safetensors";

struct NamedRecipe {
  const char* name;
  Recipe recipe;
};

std::vector<NamedRecipe> recipes() {
  const LayerChoice fp32{.precision = Precision::fp32};
  const LayerChoice fixed{.activations = Ranges::fixed, .scale = {0.03F}, .zero_point = {100}};
  const LayerChoice per_tensor{.weights = Granularity::per_tensor};
  Recipe mixed = Recipe::uniform(Precision::int8);
  mixed.set(layer_prefix(0) + "attention.self.key", fp32);
  mixed.set(layer_prefix(1) + "attention.context", fp32);
  mixed.set(layer_prefix(1) + "output.dense", per_tensor);
  mixed.set("bert.embeddings.word_embeddings", fp32);
  mixed.set("classifier", fp32);
  mixed.set(layer_prefix(0) + "intermediate.dense", {.precision = Precision::bf16});
  mixed.set(layer_prefix(0) + "attention.scores", {.precision = Precision::bf16});
  Recipe static_ranges = Recipe::uniform(Precision::int8);
  for (const std::size_t layer : {0U, 1U}) {
    for (const char* module : {"attention.self.query", "attention.self.key", "attention.self.value",
                               "attention.output.dense", "intermediate.dense", "output.dense"}) {
      static_ranges.set(layer_prefix(layer) + module, fixed);
    }
  }
  return {{"fp32", Recipe::uniform(Precision::fp32)},
          {"bf16", Recipe::uniform(Precision::bf16)},
          {"int8", Recipe::uniform(Precision::int8)},
          {"mixed", mixed},
          {"static", static_ranges}};
}

std::string packed(const ModelFiles& files, const Recipe& recipe) {
  const auto model = Model::load(files.checkpoint, files.config, recipe, jit::Isa::reference);
  std::string bytes;
  pack_model(*model, files, {}, "1.2.3", [&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  return bytes;
}

std::shared_ptr<const Model> load(const ModelFiles& files, jit::Isa isa) {
  return Model::load(files.checkpoint, files.config, files.packed->recipe, isa);
}

PackedBatch some_texts(const ModelConfig& config) {
  std::vector<Text> texts;
  for (const std::size_t length : {1U, 7U, 32U, 13U}) {
    texts.push_back(random_text(config, length, length));
  }
  return batch_of(texts);
}

struct Answers {
  std::uint64_t hidden = 0, logits = 0;
  friend bool operator==(const Answers&, const Answers&) = default;
};

Answers answers_of(std::shared_ptr<const Model> model, std::size_t threads = 1) {
  const PackedBatch batch = some_texts(model->config());
  Session session(std::move(model), threads);
  const std::uint64_t hidden = hash_of(session.hidden_states(batch));
  return {hidden, hash_of(session.logits(batch))};
}

TEST_CASE("the same bits from a .bertq file, read or mapped, on every path") {
  const Paths paths;
  const ModelFiles files = open_model(tiny, {});
  const TemporaryFolder folder;
  for (const NamedRecipe& recipe : recipes()) {
    CAPTURE(recipe.name);
    const auto path =
        folder.write(std::string(recipe.name) + ".bertq", packed(files, recipe.recipe));
    const ModelFiles read = open_model(path, {});
    const ModelFiles mapped = open_model(path, {}, WeightAccess::mapped);
    CHECK(read.checkpoint.format == ".bertq");
    CHECK(read.packed->recipe == recipe.recipe);
    CHECK(read.packed->program == "1.2.3");
    CHECK(read.packed->source == "model.safetensors");
    CHECK(read.config.labels == files.config.labels);
    CHECK(read.max_tokens == files.max_tokens);
    CHECK(read.tokenizer->encode("the red dog").ids == files.tokenizer->encode("the red dog").ids);
    for (const Path& way : paths.all()) {
      CAPTURE(name_of(way));
      const auto plain = Model::load(files.checkpoint, files.config, recipe.recipe, way.isa);
      const Answers expected = answers_of(plain);
      const auto loaded = load(read, way.isa);
      CHECK(answers_of(loaded) == expected);
      CHECK(answers_of(loaded, 2) == expected);
      CHECK(answers_of(load(mapped, way.isa)) == expected);
      CHECK(loaded->weights_bytes() == plain->weights_bytes());
      CHECK(loaded->heads().classifier);
      CHECK(loaded->labels() == plain->labels());
      check_packing(*loaded, "x");
    }
  }
}

TEST_CASE("a mapped model needs neither the files' description nor the file's name any more") {
  const TemporaryFolder folder;
  const ModelFiles files = open_model(tiny, {});
  const auto recipe = Recipe::uniform(Precision::int8);
  const auto path = folder.write("m.bertq", packed(files, recipe));
  const auto expected =
      answers_of(Model::load(files.checkpoint, files.config, recipe, jit::Isa::reference));
  std::shared_ptr<const Model> model;
  {
    const ModelFiles mapped = open_model(path, {}, WeightAccess::mapped);
    model = load(mapped, jit::Isa::reference);
  }
  fs::remove(path);
  CHECK(answers_of(model) == expected);
}

TEST_CASE("what the user settled when it was packed holds, unless asked for again") {
  const TemporaryFolder folder;
  const tokenizer::Tokenizer::Overrides cased{.lower_case = false};
  const ModelFiles files = open_model(tiny, cased);
  ModelConfig config = files.config;
  config.activation = jit::Activation::gelu_tanh;
  config.activation_reason = "asked for";
  const auto recipe = Recipe::uniform(Precision::int8);
  const auto model = Model::load(files.checkpoint, config, recipe, jit::Isa::reference);
  std::string bytes;
  pack_model(*model, files, cased, "1", [&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  const auto path = folder.write("m.bertq", bytes);
  const ModelFiles packed_files = open_model(path, {});
  CHECK_FALSE(packed_files.tokenizer->options().lower_case);
  CHECK(packed_files.config.activation == jit::Activation::gelu_tanh);
  CHECK(packed_files.config.activation_reason == "asked for");
  CHECK(answers_of(load(packed_files, jit::Isa::reference)) == answers_of(model));
  CHECK(open_model(path, {.lower_case = true}).tokenizer->options().lower_case);
}

TEST_CASE("another recipe or activation than the file's own is refused") {
  const TemporaryFolder folder;
  const auto path =
      folder.write("m.bertq", packed(open_model(tiny, {}), Recipe::uniform(Precision::int8)));
  const ModelFiles files = open_model(path, {});
  ModelConfig other = files.config;
  other.activation = jit::Activation::gelu_tanh;
  Recipe with_metadata = files.packed->recipe;
  with_metadata.set_metadata(R"({"seed": 1})");
  const auto refusal = [&](const ModelConfig& config, const Recipe& recipe) {
    return thrown_message<Error>(
        [&] { Model::load(files.checkpoint, config, recipe, jit::Isa::reference); });
  };
  const std::string expected = path.string() +
                               ": holds weights packed for another recipe or activation than asked "
                               "for: quantise the checkpoint again";
  CHECK(refusal(files.config, Recipe::uniform(Precision::fp32)) == expected);
  CHECK(refusal(other, files.packed->recipe) == expected);
  CHECK(refusal(files.config, with_metadata) == "(nothing thrown)");
  CHECK(thrown_message<Error>([&] { packed(files, files.packed->recipe); }) ==
        path.string() +
            ": is a .bertq file already; quantise the checkpoint that it was made from "
            "(model.safetensors)");
}

// A file as sections, to be changed and written again with checksums that are right.
class Sections {
 public:
  explicit Sections(const std::string& bytes)
      : file_(
            loaders::open_bertq(loaders::open_memory(std::as_bytes(std::span(bytes)), "before"))) {
    for (const loaders::Tensor& tensor : file_.checkpoint.tensors) {
      std::string content(
          static_cast<std::size_t>(tensor.elements) * loaders::dtype_bytes(tensor.dtype), '\0');
      tensor.source->read(tensor.offset, std::as_writable_bytes(std::span(content)));
      arrays_.push_back({tensor.name, tensor.dtype, std::move(content)});
    }
  }
  struct Array {
    std::string name;
    loaders::DType dtype;
    std::string content;
  };
  Array& array(std::string_view name) {
    return *std::find_if(arrays_.begin(), arrays_.end(),
                         [&](const Array& array) { return array.name == name; });
  }
  template <typename T>
  void set(std::string_view name, std::size_t index, T value) {
    std::memcpy(array(name).content.data() + index * sizeof value, &value, sizeof value);
  }
  std::string& note(const std::string& name) {
    return std::get<std::string>(file_.checkpoint.attributes[name]);
  }
  std::string& file(const std::string& name) { return file_.files[name]; }
  void erase_note(const std::string& name) { file_.checkpoint.attributes.erase(name); }
  std::vector<Array>& arrays() { return arrays_; }

  std::string bytes() const {
    using loaders::SectionKind;
    std::vector<loaders::BertqContent> contents;
    for (const auto& [name, value] : file_.checkpoint.attributes) {
      contents.push_back({SectionKind::note, name, loaders::DType::u8,
                          std::as_bytes(std::span(std::get<std::string>(value)))});
    }
    for (const auto& [name, text] : file_.files) {
      contents.push_back(
          {SectionKind::file, name, loaders::DType::u8, std::as_bytes(std::span(text))});
    }
    for (const Array& array : arrays_) {
      contents.push_back(
          {SectionKind::array, array.name, array.dtype, std::as_bytes(std::span(array.content))});
    }
    std::string bytes;
    loaders::write_bertq(contents, [&](std::span<const std::byte> part) {
      bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
    });
    return bytes;
  }

 private:
  loaders::BertqFile file_;
  std::vector<Array> arrays_;
};

void replace(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

// What opening, loading and verifying it says, without the file's name.
std::string complaint(const TemporaryFolder& folder, const std::string& bytes) {
  const auto path = folder.write("bad.bertq", bytes);
  try {
    const ModelFiles files = open_model(path, {});
    check_packing(*load(files, jit::Isa::reference), path.string());
    return "(nothing thrown)";
  } catch (const std::exception& error) {
    std::string message = error.what();
    const std::string prefix = path.string();
    if (message.starts_with(prefix)) message.erase(0, prefix.size());
    return message;
  }
}

TEST_CASE("contents that contradict themselves are refused by name") {
  const TemporaryFolder folder;
  const std::string good = packed(open_model(tiny, {}), Recipe::uniform(Precision::int8));
  const std::string query = "bert.encoder.layer.0.attention.self.query";
  const std::string scale = query + ".weight.scale";
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  struct Row {
    std::function<void(Sections&)> spoil;
    std::string complaint;
  };
  const auto scaled = [&](float value) {
    return [&scale, value](Sections& file) { file.set(scale, 3, value); };
  };
  const Row rows[] = {
      {[](Sections&) {}, "(nothing thrown)"},
      {scaled(0.0F), ": section " + scale + ": element 3: expected a positive scale, got 0"},
      {scaled(-0.0F), ": section " + scale +
                          ": element 3: expected a positive scale, got a denormal number, or -0"},
      {scaled(-1.0F), ": section " + scale + ": element 3: expected a positive scale, got -1"},
      {scaled(1e-40F), ": section " + scale +
                           ": element 3: expected a positive scale, got a denormal number, or -0"},
      {scaled(nan), ": section " + scale + ": expected finite numbers, got others"},
      {scaled(infinity), ": section " + scale + ": expected finite numbers, got others"},
      {[&](Sections& file) { file.set(query + ".bias", 0, nan); },
       ": section " + query + ".bias: expected finite numbers, got others"},
      {[&](Sections& file) {
         // Of 16 columns and 64 deep, 16 are used: byte 5 of the fifth group is padding.
         file.set(query + ".weight.s8", 4 * 64 + 5, std::int8_t{1});
       },
       ": section " + query + ".weight.s8: expected zeros in the padding, got others"},
      {[&](Sections& file) { file.array(query + ".bias").name = "strange"; },
       ": section " + query + ".bias: expected it among the arrays, found none"},
      {[](Sections& file) {
         file.arrays().push_back({"more", loaders::DType::f32, "1234"});
       },
       ": section more: expected no such array in this model"},
      {[&](Sections& file) { file.array(query + ".bias").content.resize(60); },
       ": section " + query + ".bias: expected 16 elements of type F32, got 15 of type F32"},
      {[&](Sections& file) { file.array(query + ".bias").dtype = loaders::DType::i32; },
       ": section " + query + ".bias: expected 16 elements of type F32, got 16 of type I32"},
      {[](Sections& file) { file.erase_note("recipe"); },
       ": expected a note \"recipe\", found none"},
      {[](Sections& file) { file.erase_note("model"); }, ": expected a note \"model\", found none"},
      {[](Sections& file) { file.erase_note("program"); },
       ": expected a note \"program\", found none"},
      {[](Sections& file) { file.note("recipe") = "{"; }, ": recipe: byte 2: not JSON"},
      {[](Sections& file) { replace(file.note("recipe"), "int8", "int4"); },
       ": recipe: default: precision: expected one of "},
      {[](Sections& file) {
         replace(file.note("recipe"), "\"layers\": {}",
                 R"("layers": {"classifier": {"precision": "int8", "activations": "static",
                     "scale": 0.1, "zero_point": 256}})");
       },
       ": recipe: layer classifier: zero_point: expected an integer from 0 to 255, got 256"},
      {[](Sections& file) {
         replace(file.note("recipe"), "\"layers\": {}",
                 R"("layers": {"classifier": {"precision": "int8", "activations": "static",
                     "scale": 0, "zero_point": 1}})");
       },
       ": recipe: layer classifier: scale: expected a positive scale, got 0"},
      {[](Sections& file) { file.note("model") = "[]"; }, ": model: expected "},
      {[](Sections& file) { replace(file.note("model"), "gelu_erf", "swish"); },
       ": model: activation: expected gelu_erf, gelu_tanh or relu, got \"swish\""},
      {[](Sections& file) { replace(file.note("model"), "\"labels\": 2", "\"labels\": 3"); },
       ": model: labels: expected 2 as in its config.json, got 3"},
      {[](Sections& file) { replace(file.note("model"), "\"pooler\": true", "\"pooler\": false"); },
       ": model: heads: pooler: expected true, got false"},
      {[](Sections& file) {
         replace(file.file("config.json"), "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
       },
       ": section bert.encoder.layer.2.attention.self.query.bias: expected it among the arrays, "
       "found none"},
      {[](Sections& file) { file.file("config.json") = "{}"; },
       "/config.json: expected model_type \"bert\", or "},
      {[](Sections& file) { file.file("vocab.txt") += "one\nmore\n"; },
       "/vocab.txt: expected at most "},
  };
  for (const Row& row : rows) {
    Sections file(good);
    row.spoil(file);
    const std::string said = complaint(folder, file.bytes());
    CAPTURE(row.complaint);
    CAPTURE(said);
    CHECK(said.starts_with(row.complaint));
  }
}

TEST_CASE("weights that are all zero have the scale zero, and pack") {
  const TemporaryFolder folder;
  Sections file(packed(open_model(tiny, {}), Recipe::uniform(Precision::int8)));
  const std::string classifier = "classifier.weight";
  // Both outputs of the classifier.
  std::string& weights = file.array(classifier + ".s8").content;
  std::fill(weights.begin(), weights.end(), '\0');
  file.set(classifier + ".scale", 0, 0.0F);
  file.set(classifier + ".scale", 1, 0.0F);
  CHECK(complaint(folder, file.bytes()) == "(nothing thrown)");
}

}  // namespace
}  // namespace bertq::testing
