// bertq run on other tasks than the sample's: each reads its files, fits the model or is refused,
// and leaves the files that the field's scripts leave.

#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"
#include "engine/cli/run_report.h"

namespace bertq::testing {
using namespace engine;
namespace {

using nlohmann::json;

const std::string tasks = BERTQ_TEST_DATA "/tasks";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from)) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// The sample without names for its two labels, so that it fits every task of two classes.
std::string nameless_model(const Folder& folder) {
  const std::string path = copy_sample(folder, "model");
  std::string config = read_file(path + "/config.json");
  config = replaced(config, "\"not_equivalent\"", "\"LABEL_0\"");
  folder.write("model/config.json", replaced(config, "\"equivalent\"", "\"LABEL_1\""));
  return path;
}

json parsed(const Finished& finished) {
  CAPTURE(finished.err);
  REQUIRE(finished.status == 0);
  return json::parse(finished.out);
}

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

TEST_CASE("tasks of two classes: their files, metrics and goals, by the field's spellings") {
  const Folder folder;
  const std::string model = nameless_model(folder);
  struct Case {
    std::string task, folder;
    std::size_t examples;
    std::vector<std::string> metrics;
    std::string goal;
  };
  const std::vector<std::string> f1 = {"acc", "acc_and_f1", "eval_loss", "f1"};
  const std::vector<std::string> acc = {"acc", "eval_loss"};
  const Case cases[] = {
      {"CoLA", "CoLA", 3, {"eval_loss", "mcc"}, "mcc"},
      {"SST-2", "SST-2", 2, acc, "acc"},
      {"QQP", "QQP", 2, f1, "f1"},
      {"QNLI", "QNLI", 2, acc, "acc"},
      {"RTE", "RTE", 2, acc, "acc"},
      {"WNLI", "WNLI", 2, acc, "acc"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.task);
    const json report = parsed(shell("bertq run --format json --task " + c.task + " -m " + model +
                                     " --data " + tasks + "/" + c.folder));
    REQUIRE(report["results"].size() == 2);
    const json& int8 = report["results"][1];
    CHECK(int8["examples"] == c.examples);
    CHECK(keys(int8["metrics"]) == c.metrics);
    CHECK(report["goal"]["metric"] == c.goal);
    CHECK(report["goal"]["interval"][0] <= report["goal"]["interval"][1]);
    CHECK(int8["labels_equal"].get<double>() <= 1.0);
    CHECK(int8["logit_error"].get<double>() < 0.5);
  }
}

TEST_CASE("a model that does not fit its task, and data that is another's, are refused by name") {
  const Folder folder;
  const std::string named = copy_sample(folder, "named"), model = nameless_model(folder);
  struct Case {
    std::string what, flags;
    int status;
    std::string message;
  };
  const Case cases[] = {
      {"labels of another task", "--task RTE -m " + named + " --data " + tasks + "/RTE", 3,
       "task rte: expected a classifier of 2 classes, got the labels not_equivalent, equivalent"},
      {"too few classes", "--task MNLI -m " + model + " --data " + tasks + "/MNLI", 3,
       "task mnli: expected a classifier of 3 classes, got 2 logits"},
      {"no regression", "--task STS-B -m " + model + " --data " + tasks + "/STS-B", 3,
       "task sts-b: expected a head of one value (regression)"},
      {"no span head", "--task squad -m " + model + " --data " + tasks, 3, ""},
      {"another task's file", "--task RTE -m " + model + " --data " + tasks + "/QNLI", 3,
       "dev.tsv: line 1: expected a header with the column 'sentence1', got 4 columns"},
      {"no such file in the folder", "--task CoLA -m " + model + " --data " + tasks, 3,
       "expected dev.tsv in this folder, got no such file"},
      {"a test file without --split",
       "--task CoLA -m " + model + " --data " + tasks + "/CoLA/test.tsv", 3,
       "expected labels to score against, got none; --split test"},
      {"a task that the sample is not for", "--task rte", 2, "--task rte needs -m and --data"},
      {"no task of that name", "--task sst-3", 2, "did you mean 'sst-2'?"},
      {"another task's flag", "--task mrpc --metric f1", 2, "--metric belongs to --task custom"},
      {"a test split without a folder", "--task mrpc --split test", 2, "needs --output-dir"},
      {"a goal without scores", "--task mrpc --max-batches 2 --require-goal", 2,
       "--require-goal needs scores"},
      {"timing writes nothing", "--task mrpc --max-batches 2 --output-dir x", 2,
       "--max-batches only measures"},
      {"numbers without --no-header",
       "--task custom --no-header -m " + model + " --data " + tasks + "/CoLA/dev.tsv", 2,
       "--no-header needs --text-column"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const Finished finished = shell("bertq run " + c.flags);
    CHECK(finished.status == c.status);
    CHECK(finished.out == "");
    CHECK(lines_of(finished.err).size() == 1);
    CAPTURE(finished.err);
    CHECK(finished.err.find(c.message) != std::string::npos);
  }
}

TEST_CASE("labels.txt beside the checkpoint names its labels") {
  const Folder folder;
  const std::string model = nameless_model(folder);
  const std::string command = "bertq run --task RTE --precision fp32 --format json -m " + model +
                              " --data " + tasks + "/RTE";
  const json plain = parsed(shell(command))["results"][0]["metrics"];
  folder.write("model/labels.txt", "not_entailment\nentailment\n");
  const json swapped = parsed(shell(command))["results"][0]["metrics"];
  CHECK(plain["acc"].get<double>() + swapped["acc"].get<double>() == doctest::Approx(1.0));
  folder.write("model/labels.txt", "yes\nno\n");
  CHECK(shell(command).status == 3);
  folder.write("model/labels.txt", "one alone\n");
  const Finished finished = shell(command);
  CHECK(finished.status == 3);
  CHECK(finished.err.find("labels.txt: expected 2 lines") != std::string::npos);
}

TEST_CASE("--split test: a class index a line, no scores, no goal") {
  const Folder folder;
  const std::string flags = " -m " + nameless_model(folder) + " --output-dir " + (folder / "out");
  const Finished finished =
      shell("bertq run --task MRPC --split test --format json --data " + tasks + "/MRPC" + flags);
  const json report = parsed(finished);
  CHECK(report["goal"].is_null());
  CHECK(report["scored_on"].is_null());
  CHECK(report["results"][1]["metrics"].empty());
  CHECK(report["results"][1].contains("labels_equal"));
  const auto lines = lines_of(read_file(folder / "out/output.txt"));
  REQUIRE(lines.size() == 1);
  CHECK((lines[0] == "0" || lines[0] == "1"));
  CHECK_FALSE(std::filesystem::exists(folder / "out/eval_results.txt"));
}

TEST_CASE("eval_results.txt of MNLI: a folder for each set, the same names in both") {
  const Folder folder;
  cli::RunReport report;
  report.results.resize(2);
  report.results[0].precision = "fp32";
  report.results[0].metrics = {
      {"acc", 0.5}, {"eval_loss", 1.5}, {"acc_mm", 0.25}, {"eval_loss_mm", 2.5}};
  report.results[1] = report.results[0];
  report.results[1].precision = "int8";
  report.results[1].metrics[2].value = 0.75;
  cli::write_eval_results(report, folder / "MNLI");
  CHECK(read_file(folder / "MNLI/eval_results.txt") == "acc = 0.5\neval_loss = 1.5\n");
  CHECK(read_file(folder / "MNLI-MM/eval_results.txt") == "acc = 0.75\neval_loss = 2.5\n");
  CHECK(read_file(folder / "MNLI-MM/eval_results_fp32.txt") == "acc = 0.25\neval_loss = 2.5\n");
}

TEST_CASE("--max-batches: timing alone, over the nominal batch") {
  const json report =
      parsed(shell("bertq run --task mrpc --format json --max-batches 3 --batch 4"));
  REQUIRE(report["results"].size() == 2);
  for (const json& result : report["results"]) {
    CHECK(result["metrics"].empty());
    CHECK(result["examples"] == 12);
    CHECK(result["batch"] == 4);
    CHECK(result["latency_ms"]["mean"].get<double>() ==
          doctest::Approx(result["seconds"].get<double>() * 1e3 / 12.0));
  }
  CHECK(report["goal"].is_null());
  // No more than there are: 500 pairs, the last batch short.
  const json all = parsed(shell(
      "bertq run --task mrpc --precision fp32 --format json --max-batches 1000000 --batch 300"));
  CHECK(all["results"][0]["examples"] == 500);
  CHECK(all["results"][0]["latency_ms"]["mean"].get<double>() ==
        doctest::Approx(all["results"][0]["seconds"].get<double>() * 1e3 / 600.0));
}

TEST_CASE("a task of one's own, as a table and as JSON Lines") {
  const Folder folder;
  const std::string model = " -m " + copy_sample(folder, "model");
  const std::string table = folder.write(
      "mine.tsv",
      "a\tverdict\tb\nThe cat sat.\tequivalent\tA cat sat.\nIt rains.\t0\tTrade fell.\n");
  const std::string lines = folder.write(
      "mine.jsonl",
      "{\"a\": \"The cat sat.\", \"b\": \"A cat sat.\", \"verdict\": 1}\n"
      "{\"a\": \"It rains.\", \"b\": \"Trade fell.\", \"verdict\": \"not_equivalent\"}\n");
  const std::string command =
      "bertq run --task custom --format json --precision fp32 "
      "--text-column a --pair-column b --label-column verdict --metric f1";
  const json from_table = parsed(shell(command + model + " --data " + table));
  const json from_lines = parsed(shell(command + model + " --data " + lines));
  CHECK(keys(from_table["results"][0]["metrics"]) == std::vector<std::string>{"eval_loss", "f1"});
  CHECK(from_table["results"][0]["metrics"] == from_lines["results"][0]["metrics"]);
  const Finished bad = shell(command + model + " --data " +
                             folder.write("bad.tsv", "a\tverdict\tb\nx\tperhaps\ty\n"));
  CHECK(bad.status == 3);
  CHECK(bad.err.find("bad.tsv: line 2: column verdict: expected not_equivalent or equivalent") !=
        std::string::npos);
}

}  // namespace
}  // namespace bertq::testing
