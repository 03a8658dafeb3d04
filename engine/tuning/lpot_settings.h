// A YAML file of LPOT (the Intel Low Precision Optimization Tool, v1.3), read as it is.
//
//   model: {name: bert, framework: pytorch}
//   device: cpu
//   quantization: {approach: ..., calibration: {sampling_size: 500}, model_wise: ..., op_wise: ...}
//   tuning: {strategy: {name: basic}, accuracy_criterion: {relative: 1%}, exit_policy: ..., ...}
//
// Source: lpot/conf/config.py of that version, whose oddities are kept: "- " counts as two spaces,
// lists may be texts with commas or spaces between their values. What has no meaning here is
// refused by name and line, or said to have none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tuning/goal.h"
#include "engine/tuning/strategy.h"
#include "engine/tuning/tuning_space.h"

namespace bertq::engine {

inline constexpr std::uint64_t lpot_file_limit = 1'000'000;  // bytes

struct LpotSettings {
  std::string model_name, framework;
  std::vector<std::string> inputs, outputs;  // of a TensorFlow graph: for people
  SpaceRequest space;
  bool bias_correction = false;  // advance: {bias_correction: weight_empirical}
  const Strategy* strategy = nullptr;
  Goal goal;
  ExitPolicy exit;
  std::uint64_t seed = 1978;
  std::optional<std::string> workspace;  // where results go
  bool resume = false;
  std::vector<std::string> notes;  // for people: what was read and changes nothing here
};

// Throws Error (input) naming file, line and key.
LpotSettings parse_lpot_settings(std::string_view yaml, const std::string& name);

}  // namespace bertq::engine
