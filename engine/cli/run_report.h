// The results of `run` in the forms in which they leave the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/json_output.h"
#include "engine/task/comparison.h"
#include "engine/task/metrics.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

struct PrecisionResult {
  std::string precision;       // "fp32", "int8", "tuned"
  std::vector<Score> metrics;  // none where there are no labels
  std::size_t examples = 0;
  double seconds = 0.0;              // forward passes of the batched evaluation
  std::vector<double> latencies;     // seconds of single examples, or of a batch over its size
  std::optional<std::size_t> batch;  // which then is this
  std::size_t weights_bytes = 0;
  std::optional<std::uint64_t> peak_rss_bytes;
};

// How much of the goal's metric may be lost against FP32.
struct Goal {
  std::string metric;
  double relative = 0.01;
};

struct RunReport {
  jit::Isa isa = jit::Isa::reference;
  std::size_t threads = 0;
  std::optional<std::string> scored_on;
  Json calibrated_on, tuned_on;          // from the recipe's metadata; null where it says nothing
  bool sample = false;                   // the embedded one
  std::optional<std::string> packed;     // of a .bertq file: the checkpoint that it was made from
  std::vector<PrecisionResult> results;  // FP32 first
  Goal goal;
  std::optional<Agreement> agreement;  // of the last result with FP32
  std::optional<Interval> interval;    // of relative_loss()

  // Of the last result against FP32; empty if FP32 is all there is, or without labels.
  std::optional<double> relative_loss() const;
  bool goal_met() const;
  std::string goal_sentence() const;  // "f1 0.8123 in int8, 0.5 % below fp32: within ..."
};

Json report_json(const RunReport& report);
// `format` is "table", "md" or "csv".
std::string report_text(const RunReport& report, std::string_view format);
// Throws Error (resources).
void make_folder(const std::filesystem::path& folder);
// eval_results.txt of the last result, and eval_results_fp32.txt if that is another; sorted lines
// "key = value", as the field's scripts write them. Metrics of a second set (MNLI) go to a second
// folder, under their plain names. Makes the folders.
void write_eval_results(const RunReport& report, const std::filesystem::path& folder);

}  // namespace bertq::engine::cli
