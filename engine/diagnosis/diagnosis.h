// Why a recipe answers otherwise than FP32: what each layer adds to the error and takes of the
// time, and which answers it changed.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/diagnosis/input_use.h"
#include "engine/model/config.h"
#include "engine/precision/recipe.h"
#include "engine/task/comparison.h"
#include "engine/task/evaluation_set.h"
#include "jit/isa.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {

struct ModuleFinding {
  std::string module;
  LayerChoice choice;
  // Of the outputs, with this module as the recipe says and all others in FP32: 10 log10 of the
  // signal's power over the error's. Infinite where nothing changes. Over at most 64 inputs.
  double sqnr_db = 0.0;
  // Over the whole set, with this module put back to FP32 and all others as the recipe says.
  double score_put_back = 0.0;
  double error_put_back = 0.0;    // Agreement::logit_error
  double seconds = 0.0;           // of a pass over the set (ModuleTimes)
  std::optional<InputUse> input;  // of linear layers
};

struct ChangedAnswer {
  std::size_t example = 0;  // from 0
  std::string text, expected, before, after;
};

struct Diagnosis {
  std::string metric;
  double fp32_score = 0.0, score = 0.0;
  Agreement agreement;
  double seconds = 0.0;                // of a pass over the set
  std::vector<ModuleFinding> modules;  // in INT8; those whose error weighs most come first
  std::vector<ChangedAnswer> changed;  // in the order of the set

  // The share of the squared error that goes when the module is put back; less than 0 where it
  // makes up for others' errors.
  double share_of_error(const ModuleFinding& finding) const;
};

struct DiagnosisRequest {
  const loaders::Checkpoint& checkpoint;
  const ModelConfig& config;
  const Recipe& recipe;
  const EvaluationSet& set;  // labelled
  jit::Isa isa = jit::Isa::reference;
  std::size_t threads = 1;
  // Called after each of `total` steps of about the same length.
  std::function<void(std::size_t done, std::size_t total)> on_progress = {};
};

// Runs the set once for each INT8 module and a few times more. Throws what Model and Session throw.
Diagnosis diagnose(const DiagnosisRequest& request);

}  // namespace bertq::engine
