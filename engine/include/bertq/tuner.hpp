// Finds the precision of each layer: the fastest recipe that keeps a score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bertq/export.h"
#include "bertq/model.hpp"
#include "bertq/session.hpp"

namespace bertq {

// Which precision each layer runs in, with its calibrated ranges. Cheap to copy.
class BERTQ_API Recipe {
 public:
  static Recipe load(const std::string& file);  // throws Error (input)
  // With rounded weights, where it has some, in a file beside it. Throws Error (resources).
  void save(const std::string& file) const;
  std::string json() const;
  // "fp32", "bf16" or "int8", of a module by its name in the checkpoint:
  // "bert.encoder.layer.3.output.dense"
  std::string_view precision_of(std::string_view module) const;

 private:
  friend class Model;
  friend class Tuner;
  struct BERTQ_HIDDEN Impl;
  explicit Recipe(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

// How far a search has come.
struct TuningProgress {
  std::size_t trials = 0;   // recipes that were scored, those of a resumed journal included
  std::size_t probes = 0;   // shorter looks at a layer, which some strategies begin with
  double baseline = 0.0;    // FP32's score
  double score = 0.0;       // of the latest trial; a NaN: it failed, or there was none
  double best_score = 0.0;  // a NaN: none yet
  bool goal_met = false;    // by the best
};
// Called by the thread that runs the search, after FP32, each probe and each trial, which is on the
// disk by then. False ends the search with the best so far; `resume` can continue it.
using OnTuningProgress = std::function<bool(const TuningProgress& progress)>;

struct TuningOptions {
  std::string strategy = "sensitivity";  // or basic, mse, exhaustive, random, bayesian
  double tolerance = 0.01;               // what may be lost of the score, a share of FP32's
  bool relative = true;                  // else in the score's own unit
  bool higher_is_better = true;
  std::optional<double> timeout_seconds = {};  // 0: end at the first recipe that meets the goal
  std::size_t max_trials = 100;
  std::uint64_t seed = 1978;
  std::size_t calibration_samples = 500;  // at most
  // The best recipe so far, and beside it "<recipe_file>.journal" with every trial. Empty: neither.
  std::string recipe_file = {};
  bool resume = false;      // continue the journal, to the result that an unbroken search has
  std::size_t threads = 0;  // as in SessionOptions
  OnTuningProgress on_progress = {};
};

struct TuningReport {
  Recipe best;                         // FP32 throughout if every trial failed
  double baseline = 0.0, score = 0.0;  // of FP32, of the best
  bool goal_met = false;
  std::size_t trials = 0;
  std::vector<std::string> fp32_modules;  // of those that could be INT8
};

// One thread uses it.
class BERTQ_API Tuner {
 public:
  // Scores a model by running it; called first with FP32, then once a trial. A NaN or an exception
  // is a failed trial, but std::bad_alloc and Error (resources) end the search.
  using Evaluate = std::function<double(Session& session)>;

  // Calibrates with `samples`, which are tokenized at once and need no labels. Throws Error: usage
  // for a .bertq file, whose precisions are settled, input for a sample that cannot be used.
  Tuner(const Model& model, std::span<const Input> samples, Evaluate evaluate);
  // Scores on a task's labelled file, as `bertq tune` does: "mrpc", "sst-2", "squad", ... and
  // calibrates with `calibration_file`, or, where it is empty, with the same.
  static Tuner for_task(const Model& model, const std::string& task, const std::string& file,
                        const std::string& calibration_file = {});
  Tuner(Tuner&&) noexcept;
  Tuner& operator=(Tuner&&) noexcept;
  ~Tuner();

  // Throws Error: usage for options that cannot be and for a journal of another search, resources
  // for a full disk; and what the first evaluation or on_progress throws.
  TuningReport run(const TuningOptions& options = {});

 private:
  struct BERTQ_HIDDEN Impl;
  explicit Tuner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bertq
