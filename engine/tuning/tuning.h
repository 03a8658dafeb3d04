// Finds the precision of each layer: the fastest recipe that keeps the score.
//
//   ModelFiles files = open_model("minilm", {});
//   Tuner tuner(files, samples, [&](const Recipe&, Session& session) -> Evaluation {
//     return {.score = my_f1(session)};
//   });
//   TuningReport report = tuner.run({.recipe_file = "r.json"});
//
// Trials are kept in "r.json.journal", each on the disk before anybody is told of it. A search that
// was interrupted continues with `resume`, to the same result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/model.h"
#include "engine/model/model_files.h"
#include "engine/precision/recipe.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

// What an evaluation of a model comes to. What is not known stays a NaN.
struct Evaluation {
  double score = std::numeric_limits<double>::quiet_NaN();    // a NaN is a failed trial
  double seconds = std::numeric_limits<double>::quiet_NaN();  // default: the call's own time
  // RMS of the outputs' difference from FP32's, in standard deviations of these; default: that of
  // some of the samples.
  double error = std::numeric_limits<double>::quiet_NaN();
};
// Called first with the FP32 recipe, then with one a trial. What it throws is a failed trial,
// unless it is a want of memory or disk.
using Evaluate = std::function<Evaluation(const Recipe& recipe, Session& session)>;

class SearchObserver;  // engine/tuning/search.h

struct TuningOptions {
  std::string strategy = "sensitivity";  // or LPOT's basic, mse, exhaustive, random, bayesian
  double tolerance = 0.01;
  bool relative = true;  // to the FP32 score; else absolute
  bool higher_is_better = true;
  std::optional<double> timeout_seconds;  // 0: end at the first recipe that meets the goal
  std::size_t max_trials = 100;
  std::uint64_t seed = 1978;
  std::size_t calibration_samples = 500;  // at most
  std::filesystem::path recipe_file;      // the best so far; empty: no file, and no journal
  bool resume = false;
  std::size_t threads = 0;           // 0: as many as there are usable CPUs
  std::optional<jit::Isa> isa = {};  // empty: BERTQ_ISA or the best there is
  SearchObserver* observer = nullptr;
};

struct TuningReport {
  Recipe best;  // calibrated; FP32 throughout if every trial failed
  double baseline = 0.0, score = 0.0;
  bool goal_met = false;
  std::size_t trials = 0;
  std::vector<std::string> fp32_modules;  // or bf16, of those that could be INT8
};

class Tuner {
 public:
  // `files` outlives it. `samples`: inputs to calibrate with, labels are not needed. `others`: some
  // that were not calibrated with, on which recipes are compared; empty: the samples themselves,
  // which flatters. Throws Error (usage) for a packed model.
  Tuner(const ModelFiles& files, std::vector<tokenizer::Encoding> samples, Evaluate evaluate,
        std::vector<tokenizer::Encoding> others = {});
  ~Tuner();

  // Throws Error: usage for options that cannot be and for a journal of another search, resources
  // for a disk that is full; and what the first evaluation, of FP32, throws.
  TuningReport run(const TuningOptions& options);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bertq::engine
