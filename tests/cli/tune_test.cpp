// bertq tune: what it writes, that it can be interrupted and resumed, and what it refuses.

#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/process.h"
#include "engine/precision/recipe.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The first pairs of the embedded sample: enough to search, not to wait.
std::string few_pairs(const Folder& folder) {
  const auto all = lines_of(read_file(BERTQ_TEST_SAMPLE "/mrpc.tsv"));
  std::string few;
  for (std::size_t i = 0; i <= 24; ++i) few += all.at(i) + "\n";
  return "--task mrpc -m " + copy_sample(folder, "model") + " --data " +
         folder.write("few.tsv", few) + " --recipe " + (folder / "r.json") + " ";
}

TEST_CASE("a recipe that run scores as it was told, and a report of the search") {
  const Folder folder;
  const std::string flags = few_pairs(folder);
  // Smallest, not fastest: then no measured time decides what is chosen.
  const Finished tuned = shell("bertq tune --format json --relative 5% --objective size " + flags);
  CAPTURE(tuned.err);
  REQUIRE(tuned.status == 0);
  const json report = json::parse(tuned.out);
  CHECK(report["schema_version"] == 1);
  CHECK(report["goal"]["met"] == true);
  CHECK(report["trials"].size() >= 12);
  CHECK(report["sensitivities"].size() == 1 + 4 * 8 + 2);
  CHECK(report["front"].size() >= 1);
  const json& linear = report["mixed_precision"]["Linear"];
  CHECK(linear["int8"].get<int>() + linear["fp32"].get<int>() == 26);
  CHECK(linear["int8"] > 13);
  const json recipe = json::parse(read_file(folder / "r.json"));
  for (const char* fact : {"weights", "vocabulary", "data", "seed", "metric_before", "metric_after",
                           "calibrated_on", "tuned_on", "scored_on"}) {
    CAPTURE(fact);
    CHECK(recipe["metadata"].contains(fact));
  }
  const Finished run =
      shell("bertq run --task mrpc --format json -m " + (folder / "model") + " --data " +
            (folder / "few.tsv") + " --recipe " + (folder / "r.json"));
  REQUIRE(run.status == 0);
  const json scores = json::parse(run.out);
  CHECK(scores["results"][1]["precision"] == "tuned");
  CHECK(scores["results"][1]["metrics"]["f1"] == recipe["metadata"]["metric_after"]);
  CHECK(scores["results"][0]["metrics"]["f1"] == recipe["metadata"]["metric_before"]);
  CHECK(scores["tuned_on"] == report["tuned_on"]);
}

TEST_CASE("LPOT's lines, then a summary") {
  const Folder folder;
  const Finished tuned =
      shell("bertq tune --strategy basic --relative 20% --max-trials 3 " + few_pairs(folder));
  REQUIRE(tuned.status == 0);
  const auto lines = lines_of(tuned.out);
  CHECK(lines.at(0).starts_with("FP32 baseline is: [0."));
  CHECK(lines.at(1).starts_with("Tune 1 result is: [0."));
  CHECK(lines.at(1).find(" Best tune result is: [0.") != std::string::npos);
  CHECK(tuned.out.find("Found a quantized model") != std::string::npos);
}

TEST_CASE("a goal out of reach: exit 4, with the best recipe saved") {
  const Folder folder;
  const Finished tuned =
      shell("bertq tune --strategy basic --relative -0.5 --max-trials 2 " + few_pairs(folder));
  CHECK(tuned.status == 4);
  CHECK(tuned.err.find("MISSED") != std::string::npos);
  CHECK_NOTHROW(read_recipe(folder / "r.json"));
}

TEST_CASE("killed after some trials and resumed: the same recipe as without") {
  const Folder whole, cut;
  const std::string search =
      "bertq tune --strategy random --seed 5 --relative -0.5 --max-trials 6 ";
  CHECK(shell(search + few_pairs(whole)).status == 4);
  CHECK(shell(search + "--max-trials 3 " + few_pairs(cut)).status == 4);
  const Finished resumed = shell(search + "--resume " + few_pairs(cut));
  CHECK(resumed.status == 4);
  const auto layers = [](const Folder& folder) {
    return json::parse(read_file(folder / "r.json"))["layers"];
  };
  CHECK(layers(whole) == layers(cut));
}

TEST_CASE("interrupted: exit 130, and what was shown is there when it goes on") {
  const Folder folder;
  const std::string search = "bertq tune --strategy random --relative -0.5 --max-trials 500 ";
  const std::string flags = few_pairs(folder);
  // The signal comes when the first trial has been shown.
  const Finished stopped = shell(
      search + flags + "> " + (folder / "shown") + " & tuner=$!; until grep -q '^Tune 1 ' " +
      (folder / "shown") + " 2>/dev/null; do sleep 0.05; done; kill -TERM $tuner; wait $tuner");
  CHECK(stopped.status == 128 + 15);
  const auto shown = lines_of(read_file(folder / "shown"));
  const std::string trials = std::to_string(shown.size() - 1);
  const Finished resumed = shell(
      "bertq tune --strategy random --relative -0.5 --resume "
      "--max-trials " +
      trials + " " + flags);
  CHECK(resumed.status == 4);
  const auto again = lines_of(resumed.out);
  for (std::size_t i = 0; i < shown.size(); ++i) CHECK(again.at(i) == shown[i]);
}

TEST_CASE("a new search keeps the old journal aside") {
  const Folder folder;
  const std::string command =
      "bertq tune --strategy basic --relative 20% --max-trials 1 " + few_pairs(folder);
  CHECK(shell(command).status == 0);
  const Finished again = shell(command);
  CHECK(again.status == 0);
  CHECK(again.err.find("r.json.journal.1") != std::string::npos);
  CHECK(fs::exists(folder / "r.json.journal.1"));
}

TEST_CASE("a user's own evaluation: one number from a command that is given the recipe") {
  const Folder folder;
  const std::string flags = few_pairs(folder) + "--strategy basic --max-trials 2 ";
  const std::string script =
      folder.write("score.sh", "test \"$1\" = \"$BERTQ_RECIPE\" && test -s \"$1\" && echo 0.75\n");
  const Finished good = shell("bertq tune " + flags + "--eval-command 'sh " + script + "'");
  CAPTURE(good.err);
  CHECK(good.status == 0);
  CHECK(good.out.find("FP32 baseline is: [0.7500, ") != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "r.json.trial.json"));
  // The baseline has to have a score; trials may fail.
  for (const auto& [command, got] : {std::pair("false", "got exit code 1"),
                                     {"true", "got none"},
                                     {"echo hello; true", "got \"hello\""},
                                     {"kill -9 $$", "got its end by signal 9"}}) {
    CAPTURE(std::string(command));
    const Finished bad = shell("bertq tune " + flags + "--eval-command '" + command + "'");
    CHECK(bad.status == 3);
    CHECK(bad.err.find(std::string("--eval-command: expected one number, ") + got) !=
          std::string::npos);
  }
  const std::string moody =
      folder.write("moody.sh", "if grep -q int8 \"$1\"; then echo nothing; else echo 1; fi\n");
  const Finished failed = shell("bertq tune " + flags + "--eval-command 'sh " + moody + "'");
  CHECK(failed.status == 4);
  CHECK(failed.out.find("Tune 1 result is: None") != std::string::npos);
  CHECK(failed.out.find("expected one number, got \"nothing\"") != std::string::npos);
}

TEST_CASE("LPOT's YAML, and what is wrong with it") {
  const Folder folder;
  const std::string flags = few_pairs(folder);
  const std::string yaml =
      folder.write("conf.yaml",
                   "model:\n  name: bert\n  framework: pytorch\n\ndevice: cpu\n\ntuning:\n"
                   "    accuracy_criterion:\n      relative: 0.2\n    exit_policy:\n"
                   "      timeout: 0\n      max_trials: 300\n    random_seed: 9527\n");
  CHECK(shell("bertq tune --lpot-config " + yaml + " " + flags).status == 0);
  const std::string wrong = folder.write(
      "wrong.yaml", "model: {name: bert, framework: pytorch}\ntuning:\n  strategy: {name: tpe}\n");
  const Finished refused = shell("bertq tune --lpot-config " + wrong + " " + flags);
  CHECK(refused.status == 3);
  CHECK(refused.err.find("wrong.yaml: line 3: tuning.strategy: expected one of") !=
        std::string::npos);
}

TEST_CASE("a disk that is full: exit 7, and the journal stays whole") {
  const Folder folder;
  const std::string flags = few_pairs(folder);
  const std::string search = "bertq tune --strategy basic --relative -0.5 ";
  CHECK(shell(search + "--max-trials 1 " + flags).status == 4);
  const std::string before = read_file(folder / "r.json.journal");
  // In blocks of 512 bytes, or 1024: less than the recipe needs.
  const Finished full = shell("ulimit -f 1; " + search + "--max-trials 6 --resume " + flags);
  CHECK(full.status == 7);
  CHECK(read_file(folder / "r.json.journal").starts_with(before));
  CHECK_NOTHROW(read_recipe(folder / "r.json"));
  CHECK(shell(search + "--max-trials 2 --resume " + flags).status == 4);
}

TEST_CASE("wrong flags") {
  const Folder folder;
  const std::string flags = few_pairs(folder);
  struct Case {
    std::string flags, message;
    int status;
  };
  const Case cases[] = {
      {"--task mrpc", "tune: --recipe FILE is missing", 2},
      {"--recipe x.json", "tune: --task is missing", 2},
      {flags + "--relative 1 --absolute 1", "contradict each other", 2},
      {flags + "--relative 2", "--relative: expected a number between -1 and 1", 2},
      {flags + "--strategy tpe", "--strategy: expected one of", 2},
      {flags + "--max-trials 0", "--max-trials: expected a whole number", 2},
  };
  for (const Case& wrong : cases) {
    const Finished finished = shell("bertq tune " + wrong.flags);
    CHECK(finished.status == wrong.status);
    CHECK(finished.err.find(wrong.message) != std::string::npos);
    CHECK(lines_of(finished.err).size() == 1);
  }
}

}  // namespace
}  // namespace bertq::testing
