// bertq doctor and bertq bench: what this machine is, and how fast.

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "engine/precision/recipe.h"
#include "engine/runtime/cpu_count.h"
#include "jit/isa.h"

namespace bertq::testing {
using namespace engine;
namespace {

using nlohmann::json;

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

TEST_CASE("doctor executes what is available and says what is lacking") {
  const Finished finished = shell("bertq doctor --format json");
  CAPTURE(finished.err);
  if (jit::available(jit::Isa::avx2)) {
    CHECK(finished.status == 0);
  } else {
    CHECK(finished.status == 5);
  }
  const json report = json::parse(finished.out);
  CHECK(report["schema_version"] == 1);
  REQUIRE(report["isas"].size() == jit::all_isas().size());
  for (std::size_t i = 0; i < jit::all_isas().size(); ++i) {
    const jit::Isa isa = jit::all_isas()[i];
    const json& row = report["isas"][i];
    CAPTURE(row.dump());
    CHECK(row["isa"] == jit::isa_name(isa));
    CHECK(row["available"] == jit::available(isa));
    if (jit::available(isa)) {
      CHECK(row["works"] == true);
    } else {
      CHECK(row["lacking"] == jit::why_unavailable(isa));
    }
  }
  CHECK(report["threads"] >= 1);
  CHECK(report["threads"] <= report["allowed_cpus"]);
  CHECK(report["memory_bytes"] > report["available_memory_bytes"]);
}

TEST_CASE("doctor says what will be used and why") {
  const json forced =
      json::parse(shell("BERTQ_ISA=reference BERTQ_THREADS=3 bertq doctor --format json").out);
  CHECK(forced["isa"] == "reference");
  CHECK(forced["threads"] == std::min<std::size_t>(3, quota_cpus()));
  CHECK(forced["isa_because"] == "as asked for");
  const Finished text = shell("bertq doctor --isa reference");
  CHECK(text.out.find("will use      reference, as asked for") != std::string::npos);
  for (const jit::Isa isa : jit::all_isas()) {
    if (jit::available(isa)) continue;
    const Finished lacking = shell("bertq doctor --isa " + std::string(jit::isa_name(isa)));
    CHECK(lacking.status == 5);
    CHECK(lacking.out.find("will use      nothing: ") != std::string::npos);
  }
}

// Small enough for any path.
const char* const tiny = R"({"model_type": "bert", "hidden_size": 48, "num_hidden_layers": 2,
  "num_attention_heads": 3, "intermediate_size": 96, "vocab_size": 3000,
  "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_act": "gelu",
  "layer_norm_eps": 1e-12})";

TEST_CASE("bench: every key that scripts rely on, and arithmetic that adds up") {
  const Folder folder;
  const std::string command = "bertq bench --seconds 0 --threads 1 --format json --config " +
                              folder.write("config.json", tiny);
  for (const char* precision : {"fp32", "int8"}) {
    const Finished finished = shell(command + " --shapes 1x16,3x64 --precision " + precision);
    CAPTURE(finished.err);
    REQUIRE(finished.status == 0);
    const json report = json::parse(finished.out);
    REQUIRE(report["results"].size() == 2);
    CHECK(report["results"][0]["shape"] == "1x16");
    CHECK(report["results"][1]["shape"] == "3x64");
    for (const json& result : report["results"]) {
      CHECK(keys(result) ==
            std::vector<std::string>{"activations", "examples_per_second", "gops", "isa",
                                     "median_ms", "p25_ms", "p75_ms", "p90_ms", "p99_ms",
                                     "peak_rss_bytes", "precision", "runs", "shape", "spread",
                                     "threads", "tokens_per_second"});
      CHECK(result["precision"] == precision);
      CHECK(result["activations"] == "dynamic");
      CHECK(result["threads"] == 1);
      CHECK(result["median_ms"] <= result["p99_ms"]);
    }
    // 2 * (2 layers * (16 * (4 * 48 * 48 + 2 * 48 * 96) + 2 * 16 * 16 * 48) + 48 * 48 + 48 * 2)
    const double operations = 2.0 * (2.0 * (16.0 * 18432.0 + 24576.0) + 2304.0 + 96.0);
    const json& first = report["results"][0];
    CHECK(first["gops"].get<double>() * first["median_ms"].get<double>() * 1e6 ==
          doctest::Approx(operations));
  }
}

TEST_CASE("bench runs a checkpoint with the head that it has, or with none") {
  struct Row {
    std::string model;
    double head_products;
  };
  for (const Row& row : std::vector<Row>{{"tf_classifier", 16.0 * 16.0 + 16.0 * 2.0},
                                         {"tf_squad", 8.0 * 16.0 * 2.0},
                                         {"tf_bert", 0.0}}) {
    const Finished finished = shell(
        "bertq bench --seconds 0 --threads 1 --format json --shapes 1x8 --precision int8 "
        "-m " BERTQ_TEST_DATA "/checkpoints/" +
        row.model);
    CAPTURE(finished.err);
    REQUIRE(finished.status == 0);
    const json result = json::parse(finished.out)["results"][0];
    const double layer = 8.0 * (4.0 * 16.0 * 16.0 + 2.0 * 16.0 * 24.0) + 2.0 * 8.0 * 8.0 * 16.0;
    CHECK(result["gops"].get<double>() * result["median_ms"].get<double>() * 1e6 ==
          doctest::Approx(2.0 * (2.0 * layer + row.head_products)));
  }
}

TEST_CASE("bench adds the examples of a task") {
  const Folder folder;
  const std::string model = copy_sample(folder, "model");
  const std::string data = folder.write(
      "dev.tsv",
      "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\tThe cat sat.\tA cat sat.\n"
      "0\t3\t4\tA dog.\tThe cat sat down on it.\n");
  const std::string command = "bertq bench --seconds 0 --shapes 1x8 --format json --task mrpc ";
  const std::string random = command + "--config " + folder.write("config.json", tiny) +
                             " --vocab " + model + "/vocab.txt --data " + data;
  for (const std::string& line : {random, command + "-m " + model + " --data " + data}) {
    CAPTURE(line);
    const Finished finished = shell(line);
    CAPTURE(finished.err);
    REQUIRE(finished.status == 0);
    const json report = json::parse(finished.out);
    REQUIRE(report["results"].size() == 2);
    CHECK(report["results"][1]["shape"] == "mrpc");
  }
}

TEST_CASE("bench takes static ranges from the recipe, or calibrates them") {
  const Folder folder;
  const std::string command = "bertq bench --seconds 0 --shapes 1x8 --format json --config " +
                              folder.write("config.json", tiny);
  Recipe recipe = Recipe::uniform(Precision::int8);
  LayerChoice choice;
  choice.activations = Ranges::fixed;
  choice.scale = {0.05F};
  choice.zero_point = {128};
  recipe.set("bert.encoder.layer.0.output.dense", choice);
  const std::string with = command + " --recipe " + folder.write("recipe.json", recipe.to_json());
  const Finished finished = shell(with + " --activations static");
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  const json report = json::parse(finished.out);
  CHECK(report["results"][0]["activations"] == "static");
  CHECK(report["results"][0]["precision"] == "tuned");
  CHECK(shell(with + " --activations dynamic").status == 2);

  const Finished calibrated = shell("BERTQ_LOG=info " + command + " --activations static");
  CAPTURE(calibrated.err);
  REQUIRE(calibrated.status == 0);
  CHECK(calibrated.err.find("on 8 tokens of what is measured") != std::string::npos);
  const json result = json::parse(calibrated.out)["results"][0];
  CHECK(result["activations"] == "static");
  CHECK(result["precision"] == "int8");
}

TEST_CASE("the same seed gives the same model") {
  const Folder folder;
  const std::string command = "bertq bench --seconds 0 --shapes 1x8 --format csv --config " +
                              folder.write("config.json", tiny);
  CHECK(shell(command + " --seed 1").status == 0);
  CHECK(shell(command + " --seed 18446744073709551615").status == 0);
}

}  // namespace
}  // namespace bertq::testing
