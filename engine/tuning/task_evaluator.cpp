#include "engine/tuning/task_evaluator.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "engine/tuning/model_experiments.h"

namespace bertq::engine {

double TaskEvaluator::goal_of(const ModelOutputs& outputs) const {
  const std::vector<Score> scores = set_.score(outputs);
  const auto found = std::find_if(scores.begin(), scores.end(),
                                  [&](const Score& score) { return score.name == set_.goal(); });
  if (found == scores.end()) throw std::logic_error("a goal that the task does not score");
  return found->value;
}

Evaluation TaskEvaluator::operator()(const Recipe& recipe, Session& session) {
  EvaluationRun run = run_inputs(session, set_, 0, on_progress_);
  Evaluation evaluation;
  evaluation.score = goal_of(run.outputs);
  evaluation.seconds = run.seconds;
  if (recipe == Recipe::uniform(Precision::fp32)) {
    evaluation.error = 0.0;
    exact_ = std::move(run.outputs);
    return evaluation;
  }
  if (!exact_) {
    Session fp32 = fp32_();
    exact_ = run_inputs(fp32, set_, 0, on_progress_).outputs;
  }
  evaluation.error = output_error(*exact_, run.outputs);
  return evaluation;
}

}  // namespace bertq::engine
