// bertq bench in the scenarios of MLPerf, with baselines and a page.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

const char* const pairs =
    "The cat sat down.\tThe cat sat.\n"
    "A dog barked at the post.\tThe post was barked at by a dog, twice.\n"
    "One text alone.\n";

// On the embedded sample, as short as it may be.
std::string bench(const std::string& flags) {
  return "bertq bench --seconds 0 --repeat 2 --threads 1 --texts - " + flags;
}

json results_of(const Finished& finished) {
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  return json::parse(finished.out)["results"];
}

TEST_CASE("scenarios: every figure of every one, FP32 beside INT8") {
  const Finished finished = shell(bench("--precision fp32,int8 --format json --scenario "
                                        "offline,single,server:qps=500,server:load=0.5"),
                                  pairs);
  const json results = results_of(finished);
  const std::vector<std::string> scenarios = {"Offline", "SingleStream", "Server", "Server"};
  REQUIRE(results.size() == 2 * scenarios.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const json& result = results[i];
    CAPTURE(result.dump());
    CHECK(result["scenario"] == scenarios[i / 2]);
    CHECK(result["precision"] == (i % 2 == 0 ? "fp32" : "int8"));
    CHECK(result["shape"] == "texts");
    CHECK(result["tokenization"] == "out");
    CHECK(result["threads"] == 1);
    CHECK(result["instances"] == 1);
    CHECK(result["requests"] == 3);
    CHECK(result["runs"] == 2);
    CHECK(result["peak_rss_bytes"].is_null());
    CHECK(result["gops"] > 0.0);
    CHECK(result["batches"] > 0);
    CHECK(result["padding_avoided"] > 0.0);
    CHECK(result["padding_avoided"] < 1.0);
    CHECK(result["median_ms"] > 0.0);
    CHECK(result["p25_ms"] <= result["median_ms"]);
    CHECK(result["median_ms"] <= result["p75_ms"]);
    CHECK(result["p75_ms"] <= result["p90_ms"]);
    CHECK(result["p90_ms"] <= result["p99_ms"]);
    CHECK(result["examples_per_second"] > 0.0);
    CHECK(result["tokens_per_second"] > result["examples_per_second"]);
    CHECK(result["spread"]["median_ms"] >= 0.0);
    if (result["scenario"] == "SingleStream") {
      CHECK(result["examples"] == 40);  // two runs of the fewest
      CHECK(result["batches"] == 40);
    }
    if (result["scenario"] != "Server") {
      CHECK_FALSE(result.contains("qps"));
      continue;
    }
    CHECK(result["examples"].get<int>() + result["refused"].get<int>() == 40);
    CHECK(result["offline_examples_per_second"] > 0.0);
    CHECK(result["max_batch_tokens"] > 0);
    CHECK(result["max_delay_ms"] == 0.0);
    CHECK_FALSE(result.contains("trials"));
  }
  CHECK(results[4]["setting"] == "qps=500");
  CHECK(results[4]["qps"] == 500.0);
  CHECK(results[6]["setting"] == "load=0.5");
  CHECK(results[6]["qps"].get<double>() ==
        doctest::Approx(0.5 * results[6]["offline_examples_per_second"].get<double>()));
  const json report = json::parse(finished.out);
  CHECK(report["models"].size() == 2);
  CHECK(report["models"][0]["weights_bytes"] > report["models"][1]["weights_bytes"]);
}

TEST_CASE("a server without a rate looks for the highest one") {
  const json results =
      results_of(shell(bench("--format json --scenario server --p99-bound 60000"), pairs));
  REQUIRE(results.size() == 1);
  const json& server = results[0];
  CHECK(server["setting"] == "highest");
  CHECK(server["p99_bound_ms"] == 60000.0);
  REQUIRE(server["trials"].size() >= 2);  // the Offline rate, which holds, and again
  CHECK(server["trials"][0]["held"] == true);
  CHECK(server["trials"][0]["qps"] == server["offline_examples_per_second"]);
  CHECK(server["qps"] == server["offline_examples_per_second"]);

  // A bound that nothing can keep: no rate, nothing answered at it, and nothing to divide by.
  const json none =
      results_of(shell(bench("--format json --scenario server --p99-bound 0.000001"), pairs))[0];
  CHECK(none["qps"] == 0.0);
  CHECK(none["median_ms"] == 0.0);
  CHECK(none["examples"] == 0);
  CHECK(none["trials"].size() == 7);
  for (const json& trial : none["trials"]) CHECK(trial["held"] == false);
}

TEST_CASE("above what may wait, a server refuses and says how fast") {
  const json results =
      results_of(shell(bench("--format json --scenario server:qps=1000000 --max-waiting-tokens 1 "
                             "--max-batch-tokens 1"),
                       pairs));
  CHECK(results[0]["refused"] > 0);
  CHECK(results[0]["slowest_refusal_ms"] > 0.0);
  CHECK(results[0]["examples"] > 0);  // one may always wait
  CHECK(results[0]["examples"].get<int>() + results[0]["refused"].get<int>() == 40);
}

TEST_CASE("texts of a file, of JSON Lines, of a task; tokenized within the time or before") {
  const Folder folder;
  const std::string lines = folder.write(
      "in.jsonl",
      "{\"text\": \"The cat sat down.\", \"text_pair\": \"The cat sat.\"}\n{\"text\": \"One.\"}\n");
  const std::string flags = " --tokenize in --format json --scenario offline,single,server:qps=900";
  const std::string start = "bertq bench --seconds 0 --repeat 1 --threads 1 ";
  for (const json& result : results_of(shell(start + "--texts " + lines + flags))) {
    CHECK(result["tokenization"] == "in");
    CHECK(result["requests"] == 2);
    CHECK(result["spread"]["median_ms"].is_null());
  }
  const std::string plain = folder.write("in.txt", "The cat sat down.\tThe cat sat.\r\nOne.\n");
  const json a = results_of(shell(start + "--texts " + lines + flags));
  const json b = results_of(shell(start + "--texts " + plain + flags));
  CHECK(a[1]["tokens"] == b[1]["tokens"]);
  CHECK(a[0]["padding_avoided"] == b[0]["padding_avoided"]);

  const json both = results_of(shell(start + "--task mrpc --texts " + plain +
                                     " --format json --scenario offline --max-seq-length 16"));
  REQUIRE(both.size() == 2);
  CHECK(both[0]["shape"] == "mrpc");
  CHECK(both[0]["requests"] == 500);
  CHECK(both[1]["shape"] == "texts");
  const Finished noted = shell("BERTQ_LOG=info " + start +
                               "--task mrpc --scenario offline "
                               "--max-seq-length 16");
  CHECK(noted.err.find("of them cut to 16") != std::string::npos);

  // Shapes are requests as well, of a length or of random ones; without scenarios texts are a
  // shape.
  const json shapes = results_of(shell(start + "-m " + copy_sample(folder, "model") +
                                       " --shapes 1x8,6x4-12 --format json --scenario single"));
  REQUIRE(shapes.size() == 2);
  CHECK(shapes[0]["tokens"] == 8 * shapes[0]["examples"].get<int>());
  CHECK(shapes[1]["requests"] == 6);
  const json mixed = results_of(shell(start + "--shapes 1x8 --format json --texts " + plain));
  REQUIRE(mixed.size() == 2);
  CHECK_FALSE(mixed[1].contains("scenario"));
}

TEST_CASE("instances side by side do the same work") {
  const json results = results_of(
      shell(bench("--instances 2 --format json --scenario offline,single,server:qps=900"), pairs));
  REQUIRE(results.size() == 3);
  for (const json& result : results) CHECK(result["instances"] == 2);
  CHECK(results[1]["examples"] == 80);  // each its own stream
  CHECK(results[2]["examples"] == 40);
}

TEST_CASE("a table, Markdown, CSV and a page of the same results") {
  const Folder folder;
  const std::string page = folder / "bench.html";
  const std::string flags = "--precision fp32,int8 --scenario offline,single,server --repeat 1 ";
  const Finished table = shell(bench(flags + "--report " + page), pairs);
  CAPTURE(table.err);
  REQUIRE(table.status == 0);
  CHECK(lines_of(table.out).size() == 7);
  CHECK(table.out.find("padding avoided %") != std::string::npos);
  const std::string html = read_file(page);
  CHECK(html.starts_with("<!doctype html>"));
  for (const char* part : {"<h2>Throughput</h2>", "<h2>Latency</h2>", "SingleStream, texts",
                           "<h2>Latency against rate</h2>", "<h2>All results</h2>", "<svg "}) {
    CHECK(html.find(part) != std::string::npos);
  }
  CHECK(html.find("http") == std::string::npos);  // needs no other file
  const Finished md = shell(bench("--scenario single --format md"), pairs);
  CHECK(md.out.starts_with("| scenario | requests |"));
  CHECK(md.out.find("| SingleStream | texts | int8 |") != std::string::npos);
  const Finished csv = shell(bench("--scenario single --format csv"), pairs);
  CHECK(csv.out.find("\nSingleStream,texts,int8,dynamic,") != std::string::npos);
}

TEST_CASE("a baseline: regressions end with 6, after the results") {
  const Folder folder;
  const std::string flags = "--format json --scenario offline,single --precision int8 ";
  const Finished first = shell(bench(flags), pairs);
  REQUIRE(first.status == 0);
  // Times of the machine decide nothing here: a thousandfold is beyond any noise.
  const auto scaled = [&](double factor) {
    json report = json::parse(first.out);
    for (json& result : report["results"]) {
      for (const char* key : {"median_ms", "p99_ms"}) {
        result[key] = result[key].get<double>() * factor;
      }
      result["examples_per_second"] = result["examples_per_second"].get<double>() / factor;
      result["spread"] = {{"median_ms", 0.1}, {"p99_ms", 0.1}, {"examples_per_second", 0.1}};
    }
    return folder.write("old.json", report.dump());
  };
  const Finished slower = shell(bench(flags + "--baseline " + scaled(1e-3)), pairs);
  CHECK(slower.status == 6);
  CHECK(slower.err.starts_with("bertq: regression: "));
  CHECK(lines_of(slower.err).size() == 1);
  const json report = json::parse(slower.out);  // whole all the same
  CHECK(report["baseline"]["compared"] == 2);
  CHECK(report["baseline"]["regressions"] == 3);  // of one the rate, of the other p50 and p99
  CHECK(report["baseline"]["changes"][0]["regression"] == true);

  const Finished faster = shell(bench(flags + "--baseline " + scaled(1e3)), pairs);
  CHECK(faster.status == 0);
  CHECK(json::parse(faster.out)["baseline"]["regressions"] == 0);
  const Finished table =
      shell(bench("--scenario offline,single --precision int8 --baseline " + scaled(1e-3)), pairs);
  CHECK(table.status == 6);
  CHECK(table.out.find(" REGRESSION") != std::string::npos);

  const Finished nothing =
      shell(bench("--scenario single --precision fp32 --baseline " + scaled(1.0)), pairs);
  CHECK(nothing.status == 3);
  CHECK(nothing.err.find("old.json: results: expected one of the same shape") != std::string::npos);
  const std::string whole = read_file(folder / "old.json");
  const std::string cut = folder.write("cut.json", whole.substr(0, whole.size() / 2));
  const Finished refused = shell(bench("--scenario single --baseline " + cut), pairs);
  CHECK(refused.status == 3);
  CHECK(refused.out == "");  // before anything is measured
  CHECK(refused.err.find("cut.json: byte ") != std::string::npos);
}

TEST_CASE("a baseline of shapes, as bench has always written them") {
  const Folder folder;
  const std::string model = copy_sample(folder, "model");
  const std::string command =
      "bertq bench --seconds 0 --threads 1 --shapes 1x8,2x8 --format json -m " + model;
  json report = json::parse(shell(command).out);
  for (json& result : report["results"]) {
    for (const char* key : {"spread", "runs", "p25_ms", "p75_ms", "p90_ms"}) result.erase(key);
    result["median_ms"] = 1e-9;
  }
  const Finished slower = shell(command + " --baseline " + folder.write("old.json", report.dump()));
  CHECK(slower.status == 6);
  CHECK(json::parse(slower.out)["results"].size() == 2);
}

TEST_CASE("bench: what cannot be is refused in one line") {
  struct Row {
    std::string flags, input;
    int status;
    std::string message;
  };
  const Folder folder;
  const std::string folder_path = folder / "absent.html/bench.html";
  for (const Row& row : std::vector<Row>{
           {"--scenario ofline", pairs, 2, "--scenario: expected offline"},
           {"--instances 2", pairs, 2, "--instances belongs to --scenario"},
           {"--scenario server --p99-bound 0", pairs, 2,
            "--p99-bound: expected milliseconds above 0"},
           {"--scenario server --max-delay x", pairs, 2,
            "--max-delay: expected milliseconds from 0"},
           {"--scenario server --max-delay 1e9", pairs, 2, "--max-delay: expected milliseconds"},
           {"--scenario server --instances 0", pairs, 2, "--instances: expected a whole number"},
           {"--precision fp32,fp32", pairs, 2, "each value once"},
           {"--precision fp32,", pairs, 2, "--precision: expected one of"},
           {"--precision fp32,int9", pairs, 2, "got 'int9'"},
           {"--scenario offline --shapes 1x8 --tokenize in", pairs, 2, "1x8 has no text"},
           {"--shapes 1x9-8", pairs, 2, "got '1x9-8'"},
           {"--config bert-base", pairs, 2, "need a tokenizer"},
           {"--scenario offline", "", 3, "expected a text a line, got none"},
           {"--scenario offline", "one\na\tb\tc\n", 3, "line 2: expected at most one tab"},
           {"--scenario offline", "{\"text\": 3}\n", 3, "line 1: expected a string in \"text\""},
           {"--scenario offline", "{\"text\": \"a\"}\nplain\n", 3, "line 2: expected JSON"},
           {"--baseline " + (folder / "absent.json"), pairs, 3, "absent.json"},
           {"--scenario offline --report " + folder_path, pairs, 7, "absent.html"}}) {
    CAPTURE(row.flags);
    const Finished finished = shell(bench(row.flags), row.input);
    CAPTURE(finished.err);
    CHECK(finished.status == row.status);
    CHECK(lines_of(finished.err).size() == 1);
    CHECK(finished.err.find(row.message) != std::string::npos);
  }
}

}  // namespace
}  // namespace bertq::testing
