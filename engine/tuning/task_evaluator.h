// Scores a model on a task, and compares what it says with what FP32 says.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "engine/task/evaluate.h"
#include "engine/task/evaluation_set.h"
#include "engine/tuning/tuning.h"

namespace bertq::engine {

class TaskEvaluator {
 public:
  // All outlive it. `fp32` gives a session of the FP32 model, for a search that is resumed: what
  // FP32 said is then not known.
  TaskEvaluator(const EvaluationSet& set, std::function<Session()> fp32, OnProgress on_progress)
      : set_(set), fp32_(std::move(fp32)), on_progress_(std::move(on_progress)) {}

  Evaluation operator()(const Recipe& recipe, Session& session);

 private:
  double goal_of(const ModelOutputs& outputs) const;

  const EvaluationSet& set_;
  std::function<Session()> fp32_;
  OnProgress on_progress_;
  std::optional<ModelOutputs> exact_;
};

}  // namespace bertq::engine
