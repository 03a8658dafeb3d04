// bertq run: the form of its results, and that they are what they say.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "engine/precision/recipe.h"

namespace bertq::testing {
using namespace engine;
namespace {

using nlohmann::json;

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

// The first pairs of the embedded sample, for what does not need them all.
std::string few_pairs(const Folder& folder) {
  const auto all = lines_of(read_file(BERTQ_TEST_SAMPLE "/mrpc.tsv"));
  std::string few;
  for (std::size_t i = 0; i <= 24; ++i) few += all.at(i) + "\n";
  return "-m " + copy_sample(folder, "model") + " --data " + folder.write("few.tsv", few) + " ";
}

json run(const std::string& flags) {
  const Finished finished = shell("bertq run --task mrpc --format json " + flags);
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  return json::parse(finished.out);
}

TEST_CASE("the embedded sample, in JSON: every key that scripts rely on") {
  const json report = run("--threads 2");
  CHECK(keys(report) == std::vector<std::string>{"calibrated_on", "cpu", "goal", "isa", "results",
                                                 "schema_version", "scored_on", "threads",
                                                 "tuned_on", "version"});
  CHECK(report["schema_version"] == 1);
  CHECK(report["version"] == BERTQ_VERSION);
  CHECK(report["threads"] == 2);
  CHECK(report["scored_on"] == "embedded sample");
  CHECK(report["goal"]["metric"] == "f1");
  CHECK(report["goal"]["relative"] == 0.01);
  REQUIRE(report["results"].size() == 2);
  for (const json& result : report["results"]) {
    CAPTURE(result.dump());
    std::vector<std::string> expected = {"examples", "examples_per_second", "latency_ms",
                                         "metrics",  "peak_rss_bytes",      "precision",
                                         "seconds",  "weights_bytes"};
    // The last is compared with the first.
    if (result["precision"] == "int8") {
      expected.insert(expected.end(), {"labels_equal", "logit_error"});
      std::sort(expected.begin(), expected.end());
    }
    CHECK(keys(result) == expected);
    CHECK(keys(result["latency_ms"]) == std::vector<std::string>{"mean", "p50", "p99"});
    CHECK(result["latency_ms"]["p50"] <= result["latency_ms"]["p99"]);
    const json& metrics = result["metrics"];
    CHECK(keys(metrics) == std::vector<std::string>{"acc", "acc_and_f1", "eval_loss", "f1"});
    CHECK(metrics["acc_and_f1"].get<double>() ==
          doctest::Approx((metrics["acc"].get<double>() + metrics["f1"].get<double>()) / 2.0));
    CHECK(result["examples"] >= 400);
    CHECK(result["examples_per_second"].get<double>() ==
          doctest::Approx(result["examples"].get<double>() / result["seconds"].get<double>()));
  }
  CHECK(report["results"][0]["precision"] == "fp32");
  CHECK(report["results"][1]["precision"] == "int8");
  CHECK(report["results"][1]["weights_bytes"] < report["results"][0]["weights_bytes"]);
  // What the sample was made to show.
  const double fp32 = report["results"][0]["metrics"]["f1"],
               int8 = report["results"][1]["metrics"]["f1"];
  CHECK(fp32 > 0.80);
  CHECK(fp32 < 0.95);
  CHECK(report["goal"]["met"] == (int8 >= 0.99 * fp32));
  CHECK(report["goal"]["loss"].get<double>() == doctest::Approx((fp32 - int8) / fp32));
  CHECK(report["goal"]["interval"][0] <= report["goal"]["loss"]);
  CHECK(report["goal"]["interval"][1] >= report["goal"]["loss"]);
  CHECK(report["results"][1]["labels_equal"].get<double>() > 0.98);
  CHECK(report["results"][1]["logit_error"].get<double>() < 0.05);
}

TEST_CASE("bf16 stands beside FP32, between it and INT8 in size and in error") {
  const Folder folder;
  const std::string data = few_pairs(folder);
  const json bf16 = run(data + "--precision bf16")["results"];
  const json int8 = run(data + "--precision int8")["results"];
  REQUIRE(bf16.size() == 2);
  CHECK(bf16[0]["precision"] == "fp32");
  CHECK(bf16[1]["precision"] == "bf16");
  CHECK(bf16[1]["labels_equal"] == 1.0);
  CHECK(bf16[1]["logit_error"] > 0.0);
  CHECK(bf16[1]["logit_error"] < int8[1]["logit_error"]);
  CHECK(bf16[1]["weights_bytes"] < bf16[0]["weights_bytes"]);
  CHECK(bf16[1]["weights_bytes"] > int8[1]["weights_bytes"]);
}

TEST_CASE("what flags and the environment say is what is used") {
  const Folder folder;
  const std::string few = few_pairs(folder);
  const json fast = run(few + "--threads 2");
  const Finished finished =
      shell("BERTQ_THREADS=1 BERTQ_ISA=reference bertq run --task mrpc --format json " + few);
  REQUIRE(finished.status == 0);
  const json slow = json::parse(finished.out);
  CHECK(run("--task MRPC --precision fp32 " + few)["results"].size() == 1);
  CHECK(fast["threads"] == 2);
  CHECK(slow["threads"] == 1);
  CHECK(slow["isa"] == "reference");
  CHECK(slow["scored_on"] == folder / "few.tsv");
  // The same bits on every path, so the same scores to the last digit.
  for (const std::size_t i : {0U, 1U}) {
    CHECK(slow["results"][i]["examples"] == 24);
    CHECK(slow["results"][i]["metrics"] == fast["results"][i]["metrics"]);
  }
}

TEST_CASE("--precision fp32 scores FP32 alone, without a goal") {
  const Folder folder;
  const json report = run(few_pairs(folder) + "--precision fp32");
  REQUIRE(report["results"].size() == 1);
  CHECK(report["results"][0]["precision"] == "fp32");
  CHECK(report["goal"].is_null());
}

TEST_CASE("a recipe is scored as `tuned`, and its provenance is carried along") {
  const Folder folder;
  Recipe recipe = Recipe::uniform(Precision::fp32);
  recipe.set_metadata(R"({"calibrated_on": "train.tsv", "tuned_on": "half of dev.tsv"})");
  const json report =
      run(few_pairs(folder) + "--recipe " + folder.write("recipe.json", recipe.to_json()));
  REQUIRE(report["results"].size() == 2);
  CHECK(report["results"][1]["precision"] == "tuned");
  CHECK(report["results"][1]["metrics"] == report["results"][0]["metrics"]);
  CHECK(report["goal"]["met"] == true);
  CHECK(report["calibrated_on"] == "train.tsv");
  CHECK(report["tuned_on"] == "half of dev.tsv");
}

// Every layer's input in a range so small that nothing of it is left.
std::string ruinous_recipe() {
  Recipe recipe = Recipe::uniform(Precision::int8);
  for (int layer = 0; layer < 4; ++layer) {
    LayerChoice choice;
    choice.activations = Ranges::fixed;
    choice.scale = {1e-4F};
    choice.zero_point = {128};
    recipe.set("bert.encoder.layer." + std::to_string(layer) + ".output.dense", choice);
  }
  return recipe.to_json();
}

TEST_CASE("a missed goal: exit 4 if it is required, with the results all the same") {
  const Folder folder;
  const std::string command = "bertq run --task mrpc " + few_pairs(folder) + "--recipe " +
                              folder.write("recipe.json", ruinous_recipe());
  const Finished allowed = shell(command);
  CHECK(allowed.status == 0);
  CHECK(allowed.out.find("MISSED") != std::string::npos);
  const Finished required = shell(command + " --require-goal");
  CHECK(required.status == 4);
  CHECK(required.err.starts_with("bertq: goal: f1 "));
  CHECK(lines_of(required.err).size() == 1);
  CHECK(required.out.find("tuned") != std::string::npos);
  CHECK(
      shell("bertq run --task mrpc --precision fp32 --require-goal " + few_pairs(folder)).status ==
      0);
}

TEST_CASE("the table says what it is") {
  const Finished finished = shell("bertq run --task mrpc");
  REQUIRE(finished.status == 0);
  CHECK(finished.err == "");
  for (const char* part : {"precision", "acc", "f1", "equal %", "error %", "examples/s", "p50 ms",
                           "weights MB", "\nfp32 ", "\nint8 ", "\ngoal: f1 ", "made-up"}) {
    CAPTURE(std::string(part));
    CHECK(finished.out.find(part) != std::string::npos);
  }
}

TEST_CASE("CSV and Markdown") {
  const Folder folder;
  const std::string command = "bertq run --task mrpc --precision fp32 " + few_pairs(folder);
  const auto csv = lines_of(shell(command + " --format csv").out);
  REQUIRE(csv.size() == 2);
  CHECK(csv[0].starts_with("precision,acc,f1,acc_and_f1,eval_loss,examples/s,"));
  CHECK(csv[1].starts_with("fp32,0."));
  const auto md = lines_of(shell(command + " --format md").out);
  REQUIRE(md.size() >= 3);
  CHECK(md[0].starts_with("| precision | acc | f1 |"));
  CHECK(md[1].starts_with("|:--|--:|"));
}

TEST_CASE("eval_results.txt: sorted keys, the values of the JSON") {
  const Folder folder;
  const json report = run(few_pairs(folder) + "--output-dir " + (folder / "out"));
  const std::vector<std::pair<std::string, std::size_t>> files = {{"out/eval_results_fp32.txt", 0},
                                                                  {"out/eval_results.txt", 1}};
  for (const auto& [file, index] : files) {
    const auto lines = lines_of(read_file(folder / file));
    const json& metrics = report["results"][index]["metrics"];
    REQUIRE(lines.size() == metrics.size());
    std::size_t i = 0;
    for (const auto& [key, value] : metrics.items()) {
      const std::string prefix = key + " = ";
      REQUIRE(lines[i].starts_with(prefix));
      CHECK(std::stod(lines[i].substr(prefix.size())) == value.get<double>());
      ++i;
    }
  }
}

TEST_CASE("notes only where they are asked for or there is a terminal") {
  const Folder folder;
  const std::string command = "bertq run --task mrpc --precision fp32 " + few_pairs(folder);
  CHECK(shell(command).err == "");
  const Finished noted = shell("BERTQ_LOG=info " + command);
  CHECK(noted.err.find(": 4 layers, hidden 128, safetensors\n") != std::string::npos);
  CHECK(noted.err.find('\x1b') == std::string::npos);
  CHECK(shell("BERTQ_LOG=info " + command + " --quiet").err == "");
}

TEST_CASE("locales change nothing") {
  const Folder folder;
  const std::string command =
      "bertq run --task mrpc --precision fp32 --format json " + few_pairs(folder);
  const json plain = json::parse(shell(command).out)["results"][0]["metrics"];
  for (const char* locale : {"de_DE.UTF-8", "tr_TR.UTF-8", "C"}) {
    const Finished finished = shell("LC_ALL=" + std::string(locale) + " " + command);
    REQUIRE(finished.status == 0);
    CHECK(json::parse(finished.out)["results"][0]["metrics"] == plain);
  }
}

}  // namespace
}  // namespace bertq::testing
