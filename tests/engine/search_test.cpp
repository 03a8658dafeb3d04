// The search around a strategy: what ends it, what it remembers, what it prefers; and that nothing
// is lost whenever it is killed.

#include "engine/tuning/search.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "bertq/error.h"
#include "engine/fake_experiments.h"
#include "engine/runtime/replace_file.h"
#include "support/random.h"
#include "support/read_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;

const Identity identity{{"weights", "aa"}};

// A landscape whose best recipe has to be searched for.
void set_rugged(FakeExperiments& fake) {
  fake.loss = [](std::size_t module, const LayerOption& option) {
    if (!option.quantized()) return 0.0;
    return 0.002 * static_cast<double>(module % 3) + (module == 2 ? 0.03 : 0.0) +
           (option.scheme == Scheme::symmetric ? 0.004 : 0.0);
  };
}

TEST_CASE("timeout 0 ends at the first that meets the goal, and after no trial before") {
  const TuningSpace space = linear_space(4);
  FakeExperiments fake(space);
  set_rugged(fake);
  SearchRequest request = request_for(space, "basic", 100);
  request.exit.timeout_seconds = 0.0;
  const SearchResult result = run_search(request, fake);
  REQUIRE(result.goal_met());
  CHECK(*result.best == result.trials.size() - 1);
  CHECK(result.trials.size() > 4);
}

TEST_CASE("with time left, a search goes on after its goal for what is faster") {
  const TuningSpace space = linear_space(4);
  FakeExperiments fake(space);
  SearchRequest request = request_for(space, "basic", 100);
  request.exit.timeout_seconds = 3600.0;
  const SearchResult result = run_search(request, fake);
  CHECK(result.trials.size() > 4);
  CHECK(result.trials[*result.best].measure == doctest::Approx(0.4));
}

TEST_CASE("a trial that meets the goal is the best only if it is strictly better") {
  const TuningSpace space = linear_space(2);
  FakeExperiments fake(space);
  const SearchResult result = run_search(request_for(space, "exhaustive", 100), fake);
  CHECK(*result.best == 0);  // all are alike
}

TEST_CASE("objectives: what is compared among those that meet the goal") {
  const auto trial = [](double score, double measure, double error, bool met) {
    Trial made;
    made.outcome.score = score;
    made.outcome.error = error;
    made.measure = measure;
    made.meets_goal = met;
    return made;
  };
  const Goal goal;
  CHECK(is_better(trial(0.8, 9, 0, true), trial(0.9, 1, 0, false), goal));
  CHECK(is_better(trial(0.8, 1, 9, true), trial(0.9, 2, 0, true), goal));
  CHECK(is_better(trial(0.8, 1, 0.1, true), trial(0.9, 1, 0.2, true), goal));
  CHECK_FALSE(is_better(trial(0.8, 1, 0.1, true), trial(0.8, 1, 0.1, true), goal));
  CHECK(is_better(trial(0.8, 9, 9, false), trial(0.7, 1, 0, false), goal));
  const Goal lower{.higher_is_better = false};
  CHECK(is_better(trial(0.7, 9, 9, false), trial(0.8, 1, 0, false), lower));
  Outcome outcome;
  outcome.seconds = 1.0;
  outcome.weights_bytes = 2.0;
  outcome.peak_bytes = 3.0;
  CHECK(outcome.measure(Objective::time) == 1.0);
  CHECK(outcome.measure(Objective::size) == 2.0);
  CHECK(outcome.measure(Objective::memory) == 3.0);
  CHECK(std::isinf(Outcome{}.measure(Objective::memory)));
}

TEST_CASE("performance only: one trial, whatever it scores") {
  const TuningSpace space = linear_space(2);
  FakeExperiments fake(space);
  fake.loss = [](std::size_t, const LayerOption&) { return 0.4; };
  SearchRequest request = request_for(space, "basic", 100);
  request.exit.performance_only = true;
  CHECK(run_search(request, fake).trials.size() == 1);
}

TEST_CASE("a failed evaluation and one without a number are failed trials, not lost searches") {
  const TuningSpace space = linear_space(2);
  FakeExperiments fake(space);
  int asked = 0;
  fake.adjust = [&](double score, const Configuration&) {
    ++asked;
    if (asked == 1) throw std::runtime_error("the evaluation has a bad day");
    if (asked == 2) throw Error(ErrorKind::input, "layer 3: not finite");
    return asked == 3 ? std::numeric_limits<double>::quiet_NaN() : score;
  };
  const SearchResult result = run_search(request_for(space, "basic", 100), fake);
  REQUIRE(result.trials.size() > 4);
  CHECK(result.trials[0].outcome.failure == "the evaluation has a bad day");
  CHECK(result.trials[1].outcome.failure == "layer 3: not finite");
  CHECK(result.trials[2].outcome.failure == "its score is no number");
  CHECK(result.goal_met());
  CHECK(*result.best >= 3);
}

TEST_CASE("want of resources ends a search") {
  const TuningSpace space = linear_space(2);
  FakeExperiments fake(space);
  fake.adjust = [](double, const Configuration&) -> double { throw std::bad_alloc(); };
  CHECK_THROWS_AS(run_search(request_for(space, "basic", 100), fake), std::bad_alloc);
}

TEST_CASE("a baseline without a score is refused") {
  const TuningSpace space = linear_space(1);
  FakeExperiments fake(space);
  fake.baseline_score = std::numeric_limits<double>::quiet_NaN();
  CHECK(thrown_message<Error>([&] { run_search(request_for(space, "basic", 5), fake); }) ==
        "the FP32 baseline has no score: its metric is not a number");
}

// What a search comes to, times apart.
std::string summary(const SearchResult& result) {
  std::string text;
  for (const Trial& trial : result.trials) {
    text += std::to_string(trial.number) + " " + configuration_key(trial.configuration) + " " +
            std::to_string(trial.outcome.score) + "\n";
  }
  text += result.best ? "best " + std::to_string(*result.best) : "none";
  return text;
}

TEST_CASE("stopped after any trial and resumed: the same result, and nothing is measured twice") {
  const TuningSpace space = linear_space(4);
  for (const char* strategy : {"sensitivity", "basic", "mse", "random", "bayesian"}) {
    CAPTURE(strategy);
    FakeExperiments whole(space);
    set_rugged(whole);
    const SearchRequest request = request_for(space, strategy, 12);
    const std::string expected = summary(run_search(request, whole));
    for (std::size_t stop = 1; stop < whole.asked.size(); ++stop) {
      CAPTURE(stop);
      const TemporaryFolder folder;
      struct Stopped {};
      {
        FakeExperiments first(space);
        set_rugged(first);
        Journal journal = Journal::begin(folder / "j", identity);
        const auto loss = first.loss;
        first.loss = [&](std::size_t module, const LayerOption& option) {
          if (first.asked.size() > stop) throw Stopped();
          return loss(module, option);
        };
        CHECK_THROWS_AS(run_search(request, first, &journal), Stopped);
      }
      FakeExperiments second(space);
      set_rugged(second);
      Journal journal = Journal::resume(folder / "j", identity);
      const SearchResult result = run_search(request, second, &journal);
      REQUIRE(summary(result) == expected);
      REQUIRE(second.asked ==
              std::vector<std::string>(whole.asked.begin() + static_cast<std::ptrdiff_t>(stop),
                                       whole.asked.end()));
    }
  }
}

TEST_CASE("a finished search resumed asks nothing, and one with more trials goes on") {
  const TuningSpace space = linear_space(4);
  const TemporaryFolder folder;
  FakeExperiments first(space);
  set_rugged(first);
  {
    Journal journal = Journal::begin(folder / "j", identity);
    run_search(request_for(space, "random", 6), first, &journal);
  }
  FakeExperiments second(space);
  set_rugged(second);
  {
    Journal journal = Journal::resume(folder / "j", identity);
    run_search(request_for(space, "random", 6), second, &journal);
    CHECK(second.asked.empty());
  }
  Journal journal = Journal::resume(folder / "j", identity);
  run_search(request_for(space, "random", 9), second, &journal);
  CHECK(second.asked.size() == 3);
}

TEST_CASE("elapsed time goes on where it stopped") {
  const TuningSpace space = linear_space(4);
  const TemporaryFolder folder;
  FakeExperiments slow(space);
  slow.loss = [](std::size_t, const LayerOption& option) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return option.quantized() ? 0.1 : 0.0;
  };
  SearchRequest request = request_for(space, "basic", 3);
  double before = 0.0;
  {
    Journal journal = Journal::begin(folder / "j", identity);
    before = run_search(request, slow, &journal).seconds;
  }
  CHECK(before > 0.0);
  Journal journal = Journal::resume(folder / "j", identity);
  CHECK(run_search(request, slow, &journal).seconds >= before);
  // Time spent is spent: a search whose time was up then ends at once.
  request.exit.max_trials = 100;
  request.exit.timeout_seconds = before / 2.0;
  CHECK(run_search(request, slow, &journal).trials.size() <= 3);
}

TEST_CASE("a journal whose records are no experiments is refused") {
  const TuningSpace space = linear_space(1);
  FakeExperiments fake(space);
  for (const char* record : {"", "{", "[]", R"({"kind": "dream", "key": "", "elapsed": 1})",
                             R"({"kind": "trial", "elapsed": 1})",
                             R"({"kind": "trial", "key": "0/0/0", "elapsed": "soon"})"}) {
    CAPTURE(record);
    const TemporaryFolder folder;
    { Journal::begin(folder / "j", identity).append(record); }
    Journal journal = Journal::resume(folder / "j", identity);
    CHECK(thrown_message<Error>([&] {
            run_search(request_for(space, "basic", 5), fake, &journal);
          }).starts_with("journal: record 1: expected a trial"));
  }
}

// In place of a recipe: it can be told whether the whole of it is there.
std::string best_text(const Trial& best) {
  return "best " + configuration_key(best.configuration) + std::string(5000, '.') + "\n";
}

// Says what it was told of by appending to a file, as a program would to its standard output, and
// keeps the best recipe beside it.
class Narrator : public SearchObserver {
 public:
  explicit Narrator(const fs::path& folder)
      : folder_(folder), shown_(folder / "shown", std::ios::app) {}
  void on_best(const Trial& best, const Outcome&) override {
    replace_file(folder_ / "best", best_text(best));
  }
  void on_trial(const Trial& trial, const Trial&) override {
    if (trial.restored) return;
    shown_ << configuration_key(trial.configuration) << std::endl;
  }

 private:
  fs::path folder_;
  std::ofstream shown_;
};

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

[[noreturn]] void tune_in_child(const TuningSpace& space, const fs::path& folder) {
  FakeExperiments fake(space);
  set_rugged(fake);
  const auto loss = fake.loss;
  fake.loss = [&](std::size_t module, const LayerOption& option) {
    if (module == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
    return loss(module, option);
  };
  int status = 1;
  try {
    Journal journal = Journal::resume(folder / "j", identity);
    Narrator narrator(folder);
    search(request_for(space, "basic", 14), fake, &journal, narrator);
    status = 0;
  } catch (const std::exception&) {
  }
  ::_exit(status);
}

// Runs until it is killed after some time, or ends.
bool tune_until_killed(const TuningSpace& space, const fs::path& folder, std::size_t microseconds) {
  const pid_t child = ::fork();
  if (child == 0) tune_in_child(space, folder);
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return WIFSIGNALED(status);
}

TEST_CASE(
    "200 kills at random moments: no trial that was shown is lost, and the recipe is the same") {
  const TuningSpace space = linear_space(4);
  FakeExperiments whole(space);
  set_rugged(whole);
  const SearchResult expected = run_search(request_for(space, "basic", 14), whole);
  const std::string recipe = best_text(expected.trials[*expected.best]);
  Random random(20);
  std::size_t kills = 0, finished = 0;
  while (kills < 200) {
    const TemporaryFolder folder;
    while (tune_until_killed(space, folder.path(), 200 + random.below(12'000))) {
      ++kills;
      // Each trial that was shown is in the journal, whatever the moment.
      const JournalContent content = parse_journal(read_file(folder / "j"), "j");
      std::string all;
      for (const std::string& record : content.records) all += record;
      for (const std::string& key : lines_of(folder / "shown")) {
        REQUIRE(all.find("\"key\":\"" + key + "\"") != std::string::npos);
      }
      // The best so far is a whole recipe, or there is none yet.
      const std::string best = read_file(folder / "best");
      CHECK((best.empty() || best.ends_with(".\n")));
    }
    ++finished;
    REQUIRE(read_file(folder / "best") == recipe);
    // Shown once each: none twice, none left out.
    auto shown = lines_of(folder / "shown");
    std::sort(shown.begin(), shown.end());
    CHECK(std::adjacent_find(shown.begin(), shown.end()) == shown.end());
  }
  CHECK(finished >= 1);
}

}  // namespace
}  // namespace bertq::testing
