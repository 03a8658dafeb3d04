// What `tune` says: a line a trial in LPOT's words, a progress line, and the results at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/cli/console.h"
#include "engine/cli/json_output.h"
#include "engine/cli/output.h"
#include "engine/tuning/tune.h"

namespace bertq::engine::cli {

struct TuneReport {
  std::string strategy, metric, model;
  std::uint64_t seed = 0;
  engine::Goal goal;
  bertq::jit::Isa isa = bertq::jit::Isa::reference;
  std::size_t threads = 0;
  std::string tuned_on, calibrated_on;
  std::string recipe_file;
  bool sample = false;
  TuneResult result;

  std::string goal_sentence() const;  // "f1 0.8301, 0.12 % below fp32; ...: met"
};

Json report_json(const TuneReport& report);
std::string report_text(const TuneReport& report);

// What most linear layers are, then the methods, then how many modules are in BF16 and FP32: "int8
// static asymmetric mse, per_channel weights +equalization, fp32: 2".
std::string configuration_text(const TuningSpace& space, const Configuration& configuration);

// "FP32 baseline is: [0.8301, 1.2345]" and "Tune 3 result is: [0.8290, 0.4321] Best tune result is:
// None", as LPOT has them, with what bertq has tried behind.
std::string baseline_line(const Outcome& baseline);
std::string trial_line(const Trial& trial, const Trial& best);

// Writes these lines as trials come: to the results where they are text, else as notes.
class TuneNarrator final : public SearchObserver {
 public:
  // `lines` may be null. `timeout` and `most_trials` are for the time that is left.
  TuneNarrator(Output* lines, const Console& console, std::string metric,
               std::optional<double> timeout, std::size_t most_trials);
  ~TuneNarrator() override;
  TuneNarrator(const TuneNarrator&) = delete;
  TuneNarrator& operator=(const TuneNarrator&) = delete;

  void on_baseline(const Outcome& baseline, bool restored) override;
  void on_probe(const Outcome& outcome) override;
  void on_trial(const Trial& trial, const Trial& best) override;

 private:
  void say(const std::string& line);
  void draw();
  void erase();
  std::string time_left() const;

  Output* lines_;
  const Console& console_;
  std::string metric_, best_ = "-";
  std::optional<double> timeout_;
  std::size_t most_trials_, trials_ = 0, measured_ = 0, probes_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool visible_ = false;
};

}  // namespace bertq::engine::cli
