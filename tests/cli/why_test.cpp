// bertq why.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/process.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

// Some of the sample's pairs and its model, which make a short run.
std::string few_pairs(const Folder& folder) {
  std::string pairs;
  const std::string sample = read_file(BERTQ_TEST_SAMPLE "/mrpc.tsv");
  const auto lines = lines_of(sample);
  for (std::size_t i = 0; i < 41; ++i) pairs += lines[i] + "\n";
  return folder.write("dev.tsv", pairs);
}

std::string why(const Folder& folder, const std::string& flags) {
  return "bertq why --task mrpc --threads 1 -m " + copy_sample(folder, "model") + " --data " +
         few_pairs(folder) + " " + flags;
}

TEST_CASE("why names every layer, worst first, in every form") {
  const Folder folder;
  const std::string page = folder / "why.html";
  const Finished finished = shell(why(folder, "--format json --report " + page));
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  const json report = json::parse(finished.out);
  CHECK(report["schema_version"] == 1);
  CHECK(report["metric"] == "f1");
  CHECK(report["precision"] == "int8");
  CHECK(report["labels_equal"].is_number_float());
  CHECK(report["modules"].size() == 35);  // 4 layers of 6 and 2, words, pooler, classifier
  double share = 1e9;
  for (const json& module : report["modules"]) {
    CHECK(module["share_of_error"] <= share);
    share = module["share_of_error"];
    CHECK(module["seconds"] >= 0.0);
  }
  const std::string html = read_file(page);
  CHECK(html.starts_with("<!doctype html>"));
  for (const json& module : report["modules"]) {
    CHECK(html.find(module["module"].get<std::string>()) != std::string::npos);
  }
  const Finished text = shell(why(folder, "--format md"));
  CHECK(text.out.find("| bert.encoder.layer.3.attention.scores |") != std::string::npos);
}

TEST_CASE("why explains a recipe, and says where it has nothing to explain") {
  const Folder folder;
  const std::string recipe =
      folder.write("r.json", R"({"schema_version": 1, "default": {"precision": "fp32"},
                    "layers": {"bert.encoder.layer.2.output.dense": {"precision": "int8"}}})");
  const Finished one = shell(why(folder, "--format json --recipe " + recipe));
  REQUIRE(one.status == 0);
  const json report = json::parse(one.out);
  CHECK(report["precision"] == "tuned");
  REQUIRE(report["modules"].size() == 1);
  CHECK(report["modules"][0]["share_of_error"] == 1.0);
  CHECK(report["modules"][0]["logit_error_in_fp32"] == 0.0);

  const std::string other =
      folder.write("other.json", R"({"schema_version": 1, "default": {"precision": "int8"},
                        "metadata": {"model": "another", "weights": "00ff"}})");
  for (const auto& verb : {why(folder, ""), std::string("bertq run --task mrpc")}) {
    const Finished refused = shell(verb + " --recipe " + other);
    CHECK(refused.status == 3);
    CHECK(refused.err.find("expected the weights that the recipe was made for (00ff of another), "
                           "got ") != std::string::npos);
  }

  const std::string fp32 =
      folder.write("fp32.json", R"({"schema_version": 1, "default": {"precision": "fp32"}})");
  const Finished nothing = shell(why(folder, "--recipe " + fp32));
  CHECK(nothing.status == 2);
  CHECK(nothing.err.find("FP32 throughout") != std::string::npos);
  CHECK(shell("bertq why").status == 2);
  CHECK(shell("bertq why --task mrpc -m " + copy_sample(folder, "model")).status == 2);
}

}  // namespace
}  // namespace bertq::testing
