// bertq bench --layers: every module has its row, and the rows sum to the pass.

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/process.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

const char* const tiny = R"({"model_type": "bert", "hidden_size": 48, "num_hidden_layers": 2,
  "num_attention_heads": 3, "intermediate_size": 96, "vocab_size": 3000,
  "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_act": "gelu",
  "layer_norm_eps": 1e-12})";
constexpr double hidden = 48, intermediate = 96;

// All that has weights, and attention's products.
std::set<std::string> modules_of_tiny() {
  std::set<std::string> names = {"bert.embeddings.word_embeddings", "bert.embeddings.LayerNorm",
                                 "bert.pooler.dense", "classifier"};
  for (const char* layer : {"0", "1"}) {
    for (const char* module :
         {"attention.self.query", "attention.self.key", "attention.self.value", "attention.scores",
          "attention.context", "attention.output.dense", "attention.output.LayerNorm",
          "intermediate.dense", "output.dense", "output.LayerNorm"}) {
      names.insert("bert.encoder.layer." + std::string(layer) + "." + module);
    }
  }
  return names;
}

TEST_CASE("the layers of a pass: every module by name, and a sum that is the whole") {
  const Folder folder;
  const std::string command =
      "bertq bench --layers --seconds 0 --format json --shapes 2x16 "
      "--config " +
      folder.write("config.json", tiny);
  for (const char* precision : {"fp32", "int8", "bf16", "torch-dynamic"}) {
    for (const char* threads : {"1", "2"}) {
      CAPTURE(precision);
      CAPTURE(threads);
      const Finished finished =
          shell(command + " --precision " + precision + " --threads " + threads);
      CAPTURE(finished.err);
      REQUIRE(finished.status == 0);
      const json report = json::parse(finished.out);
      CHECK(report["precision"] == precision);
      REQUIRE(report["peaks"].size() >= 1);
      CHECK(report["peaks"][0]["gops"] > 0.0);
      REQUIRE(report["results"].size() == 1);
      const json& result = report["results"][0];
      std::set<std::string> modules;
      double sum = result["rest_ms"];
      for (const json& kernel : result["kernels"]) {
        modules.insert(kernel["module"].get<std::string>());
        sum += kernel["ms"].get<double>();
        CHECK(kernel["runs"] >= 1);
        CHECK(kernel["gops"].is_null() == kernel["of_peak"].is_null());
      }
      CHECK(modules == modules_of_tiny());
      CHECK(sum == doctest::Approx(result["ms"].get<double>()).epsilon(1e-9));
      CHECK(result["rest_ms"] >= 0.0);
    }
  }
}

// The last layer goes on with the first token of each sequence only, from its attention's queries.
TEST_CASE("products are counted as they are computed") {
  const Folder folder;
  const Finished finished = shell(
      "bertq bench --layers --seconds 0 --threads 1 --format json --shapes 2x16 --precision int8 "
      "--config " +
      folder.write("config.json", tiny));
  REQUIRE(finished.status == 0);
  const json report = json::parse(finished.out);
  const json& result = report["results"][0];
  const auto layer = [](double rows, double queries) {  // queries: of all sequences
    const double projections = 3 * 32 * hidden * hidden;
    const double attention = 2 * queries * 16 * hidden;
    return projections + attention + rows * (hidden * hidden + 2 * hidden * intermediate);
  };
  const double expected = 2 * (layer(32, 32) + layer(2, 2) + 2 * (hidden * hidden + hidden * 2));
  CHECK(result["gops"].get<double>() * result["ms"].get<double>() * 1e6 ==
        doctest::Approx(expected));
}

// What a profiler reads is /tmp/perf-PID.map: "start size name", one function a line.
TEST_CASE("profilers find the kernels by the names that the table has") {
  const Folder folder;
  const Finished finished = shell(
      "BERTQ_LOG=debug bertq bench --layers --seconds 0 --threads 1 --format json --shapes 1x16 "
      "--precision int8 --config " +
      folder.write("config.json", tiny) +
      " & pid=$!; wait $pid && echo 'map:' && cat /tmp/perf-$pid.map && rm /tmp/perf-$pid.map");
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  const std::size_t map = finished.out.find("map:");
  const json report = json::parse(finished.out.substr(0, map));
  const std::string functions = finished.out.substr(map);
  std::size_t kernels = 0;
  for (const json& kernel : report["results"][0]["kernels"]) {
    const std::string name = kernel["kernel"];
    CAPTURE(name);
    CHECK(functions.find(" bertq.") != std::string::npos);
    CHECK(functions.find(name) != std::string::npos);
    ++kernels;
  }
  CHECK(kernels > 0);
}

TEST_CASE("the table of layers sums up in text as well") {
  const Folder folder;
  const std::string command =
      "bertq bench --layers --seconds 0 --threads 1 --shapes 1x16,2x8 "
      "--precision int8 --config " +
      folder.write("config.json", tiny);
  const Finished csv = shell(command + " --format csv");
  REQUIRE(csv.status == 0);
  std::istringstream lines(csv.out);
  std::string line;
  std::getline(lines, line);
  CHECK(line.starts_with("shape,module,kernel,runs,ms,"));
  double sum = 0.0;
  std::size_t rows = 0, wholes = 0;
  while (std::getline(lines, line)) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    REQUIRE(cells.size() == 8);
    ++rows;
    if (cells[1] != "all") {
      sum += std::stod(cells[4]);
      continue;
    }
    CHECK(std::abs(sum - std::stod(cells[4])) <= 0.00005 * static_cast<double>(rows));
    sum = 0.0;
    rows = 0;
    ++wholes;
  }
  CHECK(wholes == 2);
  for (const char* format : {"table", "md"}) {
    const Finished text = shell(command + " --format " + format);
    CHECK(text.status == 0);
    CHECK(text.out.find("bert.encoder.layer.*.output.dense") != std::string::npos);
    CHECK(text.out.find("when nobody watches") != std::string::npos);
  }
}

TEST_CASE("--layers refuses what goes only without it") {
  struct Row {
    const char* flags;
    const char* message;
  };
  for (const Row& row : {Row{"--scenario offline", "--layers does not go with --scenario"},
                         Row{"--precision fp32,int8", "--layers: expected one --precision"}}) {
    const Finished finished = shell(std::string("bertq bench --layers ") + row.flags);
    CAPTURE(finished.err);
    CHECK(finished.status == 2);
    CHECK(finished.err.find(row.message) != std::string::npos);
    CHECK(finished.out.empty());
  }
}

}  // namespace
}  // namespace bertq::testing
