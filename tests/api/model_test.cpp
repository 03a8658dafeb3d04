#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/temporary_folder.h"
#include "texts.h"

namespace bertq::testing {
namespace {

TEST_CASE("a model says what it is") {
  const Model model = Model::load(Sample::paraphrases, {.precision = Precision::fp32});
  CHECK(model.name() == "embedded sample");
  CHECK(model.layers() == 4);
  CHECK(model.hidden() == 128);
  CHECK(model.vocabulary() == 2000);
  CHECK(model.max_tokens() == 128);
  CHECK(model.classifies());
  CHECK_FALSE(model.regresses());
  CHECK_FALSE(model.answers());
  CHECK(model.outputs() == 2);
  REQUIRE(model.labels().size() == 2);
  CHECK(model.labels()[1] == "equivalent");
  CHECK(model.precision() == "fp32");
  CHECK_FALSE(model.depends_on_batch());
  CHECK(model.weights_bytes() > 0);
}

TEST_CASE("a folder is the embedded sample that was made of it") {
  const Model folder = Model::load(BERTQ_TEST_SAMPLE);
  const Model sample = Model::load(Sample::paraphrases);
  Session first(folder, {.threads = 1}), second(sample, {.threads = 1});
  const Input pair("Ten people came.", "Nobody was there.");
  CHECK(same_bits(first.classify(pair).logits, second.classify(pair).logits));
}

TEST_CASE("precisions, and fewer bytes in INT8") {
  const auto load = [](Precision precision) {
    return Model::load(Sample::paraphrases, {.precision = precision});
  };
  const Model fp32 = load(Precision::fp32), bf16 = load(Precision::bf16);
  const Model int8 = load(Precision::int8), automatic = load(Precision::automatic);
  CHECK(bf16.precision() == "bf16");
  CHECK(int8.precision() == "int8");
  CHECK(automatic.precision() == "int8");
  CHECK(int8.weights_bytes() < bf16.weights_bytes());
  CHECK(bf16.weights_bytes() < fp32.weights_bytes());
}

TEST_CASE("copies share a model, which lives as long as a session does") {
  std::optional<Model> model = Model::load(Sample::paraphrases, {.isa = "reference"});
  const Model copied = *model;
  CHECK(copied.isa() == "reference");
  Session session(*model, {.threads = 1});
  model.reset();
  CHECK(session.model().layers() == copied.layers());
  CHECK_NOTHROW(session.classify("Still there."));
}

TEST_CASE("without exceptions") {
  std::optional<Error> why;
  CHECK(Model::try_load(BERTQ_TEST_SAMPLE, {}, &why));
  CHECK_FALSE(why);
  CHECK_FALSE(Model::try_load("/no/such/model", {}, &why));
  REQUIRE(why);
  CHECK(why->kind() == ErrorKind::input);
  CHECK(std::string(why->what()).starts_with("/no/such/model: "));
  CHECK_FALSE(Model::try_load("/no/such/model"));
}

TEST_CASE("what is told goes to the caller's log") {
  std::vector<std::string> lines;
  Model::load(Sample::questions, {.log = [&](std::string_view line) { lines.emplace_back(line); }});
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("model embedded sample"));
  CHECK(lines[1].starts_with("precision int8 on "));
}

TEST_CASE("options that cannot be") {
  const auto load = [](const LoadOptions& options) {
    return error_of([&] { Model::load(BERTQ_TEST_SAMPLE, options); });
  };
  CHECK(load({.precision = Precision::int8, .recipe = "r.json"}) ==
        "2 a recipe and the precision int8 contradict each other");
  CHECK(load({.recipe = "/no/such/recipe.json"}).starts_with("3 /no/such/recipe.json"));
  CHECK(load({.isa = "mmx"}).starts_with("5 "));
  CHECK(load({.map_weights = true}).find(": map_weights needs a .bertq file") != std::string::npos);
  CHECK(load({.max_tokens = 129}) ==
        "3 " BERTQ_TEST_SAMPLE
        ": max_tokens: expected at most the 128 positions of the model, got 129");
  CHECK(Model::load(BERTQ_TEST_SAMPLE, {.max_tokens = 20}).max_tokens() == 20);
}

TEST_CASE("a model that was moved from is a usage error, not a crash") {
  Model model = Model::load(Sample::paraphrases);
  const Model taken = std::move(model);
  CHECK(error_of([&] { model.layers(); }) == "2 expected a model, got one moved from");
  CHECK(error_of([&] { Session session(model); }).starts_with("2 "));
  CHECK(error_of([&] { Batcher batcher(model); }).starts_with("2 "));
  CHECK(error_of([&] { model.tokenizer(); }).starts_with("2 "));
  model = taken;
  CHECK(model.layers() == 4);
}

}  // namespace
}  // namespace bertq::testing
