// What counts as a regression, and which files can be a baseline.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bertq/error.h"
#include "cli/process.h"
#include "engine/cli/bench_baseline.h"
#include "engine/cli/bench_options.h"
#include "engine/cli/bench_result.h"
#include "jit/isa.h"
#include "support/thrown_message.h"

namespace bertq::engine::cli {
namespace {

using testing::Folder;

Json shape_entry(double median, double spread) {
  return {{"shape", "1x8"},
          {"precision", "int8"},
          {"activations", "dynamic"},
          {"isa", "reference"},
          {"threads", 1},
          {"median_ms", median},
          {"p99_ms", 2.0 * median},
          {"spread", {{"median_ms", spread}, {"p99_ms", spread}}}};
}

Json report_of(const Json& entry) {
  return {
      {"schema_version", 1}, {"cpu", jit::describe_cpu().name}, {"results", Json::array({entry})}};
}

bool regressed(const Json& before, const Json& now, const std::string& metric) {
  const Comparison comparison = compare(report_of(before), report_of(now), "old.json");
  REQUIRE(comparison.compared == 1);
  for (const Change& change : comparison.changes) {
    if (change.metric == metric) return change.regression();
  }
  FAIL("not compared: " << metric);
  return false;
}

TEST_CASE("slower beyond the noise of both is a regression") {
  struct Row {
    double before, spread_before, now, spread_now;
    bool median, p99;
  };
  for (const Row& row : std::vector<Row>{{10.0, 0.0, 10.0, 0.0, false, false},
                                         {10.0, 0.0, 10.29, 0.0, false, false},  // the floor
                                         {10.0, 0.0, 10.31, 0.0, true, false},
                                         {10.0, 0.0, 11.1, 0.0, true, true},
                                         {10.0, 0.05, 10.9, 0.05, false, false},  // their sum
                                         {10.0, 0.05, 11.1, 0.05, true, true},
                                         {10.0, 0.5, 14.0, 0.0, false, false},
                                         {10.0, 0.0, 14.0, 0.5, false, false},
                                         {10.0, 0.0, 1.0, 0.0, false, false}}) {
    CAPTURE(row.now);
    CAPTURE(row.spread_before);
    const Json before = shape_entry(row.before, row.spread_before);
    const Json now = shape_entry(row.now, row.spread_now);
    CHECK(regressed(before, now, "median_ms") == row.median);
    CHECK(regressed(before, now, "p99_ms") == row.p99);
  }
}

TEST_CASE("a report without spreads is taken to be noisy") {
  Json before = shape_entry(10.0, 0.0);
  before.erase("spread");
  CHECK_FALSE(regressed(before, shape_entry(10.9, 0.0), "median_ms"));
  CHECK(regressed(before, shape_entry(11.1, 0.0), "median_ms"));
}

TEST_CASE("throughput is the other way round, and latencies at the bound say nothing") {
  Json offline = shape_entry(10.0, 0.0);
  offline["scenario"] = "Offline";
  offline["examples_per_second"] = 100.0;
  offline["spread"]["examples_per_second"] = 0.0;
  Json now = offline;
  now["examples_per_second"] = 95.0;
  now["median_ms"] = 99.0;
  CHECK(regressed(offline, now, "examples_per_second"));
  now["examples_per_second"] = 105.0;
  CHECK_FALSE(regressed(offline, now, "examples_per_second"));
  CHECK(compare(report_of(offline), report_of(now), "old.json").changes.size() == 1);

  Json server = shape_entry(10.0, 0.0);
  server["scenario"] = "Server";
  server["setting"] = "highest";
  server["qps"] = 100.0;
  Json slower = server;
  slower["median_ms"] = 99.0;
  slower["qps"] = 91.0;  // the search has steps
  CHECK_FALSE(regressed(server, slower, "qps"));
  slower["qps"] = 89.0;
  CHECK(regressed(server, slower, "qps"));
  CHECK(compare(report_of(server), report_of(slower), "old.json").changes.size() == 1);

  Json dead = shape_entry(0.0, 0.0);  // nothing is answered any more
  CHECK(regressed(shape_entry(10.0, 0.0), dead, "median_ms"));
}

TEST_CASE("only like is compared with like") {
  const Json before = shape_entry(10.0, 0.0);
  for (const char* key : {"shape", "precision", "activations", "isa", "threads", "scenario",
                          "setting", "instances", "tokenization", "max_delay_ms"}) {
    CAPTURE(key);
    Json other = before;
    other[key] = "another";
    CHECK(testing::thrown_message<Error>([&] {
            compare(report_of(before), report_of(other), "old.json");
          }).find("old.json: results: expected one of the same shape") != std::string::npos);
  }
}

TEST_CASE("changes in words") {
  const Comparison comparison =
      compare(report_of(shape_entry(10.0, 0.0)), report_of(shape_entry(10.5, 0.0)), "old.json");
  CHECK(comparison.regressions() == 1);
  CHECK(changes_text(comparison, 0) == "median +5.0 % REGRESSION, p99 +5.0 %");
  CHECK(changes_text(comparison, 1) == "-");
}

TEST_CASE("files that are no baseline are refused with their place") {
  struct Row {
    std::string content, message;
  };
  const std::string good = report_of(shape_entry(10.0, 0.0)).dump();
  const auto changed = [](const char* key, const Json& value) {
    Json report = report_of(shape_entry(10.0, 0.0));
    report[key] = value;
    return report.dump();
  };
  const auto entry = [&](const char* key, const Json& value) {
    Json changed_entry = shape_entry(10.0, 0.0);
    changed_entry[key] = value;
    return report_of(changed_entry).dump();
  };
  const Folder folder;
  for (const Row& row : std::vector<Row>{
           {"", "byte 1: expected JSON, got something else"},
           {good.substr(0, good.size() / 2), ": expected JSON, got something else"},
           {"[]", "expected an object, as bertq bench --format json writes it, got array"},
           {std::string(100'000, '['), "got deeper nesting"},
           {R"({"schema_version": 1e999})", "a number out of range"},
           {changed("schema_version", 2), "schema_version: expected 1, got 2"},
           {changed("schema_version", nullptr), "schema_version: expected 1, got null"},
           {changed("cpu", "another"), "got \"another\""},
           {changed("results", "none"), "results: expected a list, got string"},
           {changed("results", Json::array({1})), "results[0]: expected an object, got 1"},
           {entry("shape", 3), "results[0]: shape: expected a string, got 3"},
           {entry("median_ms", nullptr), "results[0]: median_ms: expected a number from 0"},
           {entry("median_ms", -1), "results[0]: median_ms: expected a number from 0, got -1"},
           {entry("p99_ms", "fast"), "p99_ms: expected a number from 0, got \"fast\""}}) {
    const std::string path = folder.write("old.json", row.content);
    const std::string message = testing::thrown_message<Error>([&] { read_baseline(path); });
    CAPTURE(message);
    CHECK(message.find(path) == 0);
    CHECK(message.find(row.message) != std::string::npos);
  }
  CHECK(read_baseline(folder.write("good.json", good))["results"].size() == 1);
}

TEST_CASE("scenarios, by the names of MLPerf and by ours") {
  const auto list =
      parse_scenarios("offline,SingleStream,single,server,server:qps=40,Server:load=.8");
  REQUIRE(list.size() == 6);
  CHECK(list[0].kind == ScenarioKind::offline);
  CHECK(list[1].kind == ScenarioKind::single_stream);
  CHECK(list[2].kind == ScenarioKind::single_stream);
  CHECK((list[3].kind == ScenarioKind::server && !list[3].qps && !list[3].load));
  CHECK(list[4].qps == 40.0);
  CHECK(list[5].load == 0.8);
  CHECK(parse_scenarios("").empty());
  for (const char* bad :
       {"offlin", "offline,", ",offline", "offline:qps=3", "server:", "server:qps",
        "server:qps=", "server:qps=0", "server:qps=-1", "server:qps=1e9", "server:qps=4x",
        "server:qps=nan", "server:load=inf", "server:rate=4"}) {
    CAPTURE(bad);
    CHECK(testing::thrown_message<Error>([&] {
            parse_scenarios(bad);
          }).find("--scenario: expected offline") == 0);
  }
}

TEST_CASE("figures are of all runs together, spreads of each") {
  BenchResult result;
  result.runs.resize(2);
  result.runs[0].latencies = {1.0, 2.0, 3.0};
  result.runs[1].latencies = {3.0, 4.0, 5.0};
  for (BenchRun& run : result.runs) run.examples = 3;
  result.runs[0].seconds = 1.0;
  result.runs[1].seconds = 2.0;
  CHECK(latency(result, 50).value == 3.0);
  CHECK(*latency(result, 50).spread == doctest::Approx(2.0 / 3.0));
  CHECK(examples_per_second(result).value == 2.0);
  CHECK(*examples_per_second(result).spread == doctest::Approx(1.5 / 2.0));
  result.runs.pop_back();
  CHECK_FALSE(latency(result, 50).spread.has_value());
  result.runs[0].latencies.clear();  // all refused
  CHECK(latency(result, 99).value == 0.0);
}

}  // namespace
}  // namespace bertq::engine::cli
