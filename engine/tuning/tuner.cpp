#include <utility>

#include "bertq/error.h"
#include "engine/runtime/cpu_count.h"
#include "engine/tuning/tune.h"
#include "engine/tuning/tuning.h"

namespace bertq::engine {
namespace {

const Strategy& named_strategy(const std::string& name) {
  if (const Strategy* strategy = find_strategy(name)) return *strategy;
  throw Error(ErrorKind::usage, "tuning: unknown strategy '" + name + "'");
}

Goal goal_of(const TuningOptions& options) {
  return {options.relative, options.tolerance, options.higher_is_better, Objective::time};
}

std::vector<std::string> lifted_modules(const TuneResult& result) {
  std::vector<std::string> names;
  for (const TunableModule& module : result.space.modules) {
    if (has_int8(module) && result.best.of(module.name).precision != Precision::int8) {
      names.push_back(module.name);
    }
  }
  return names;
}

}  // namespace

struct Tuner::Impl {
  const ModelFiles& files;
  std::vector<tokenizer::Encoding> samples;
  Evaluate evaluate;
  std::vector<tokenizer::Encoding> others;
};

Tuner::Tuner(const ModelFiles& files, std::vector<tokenizer::Encoding> samples, Evaluate evaluate,
             std::vector<tokenizer::Encoding> others)
    : impl_(std::make_unique<Impl>(
          Impl{files, std::move(samples), std::move(evaluate), std::move(others)})) {}
Tuner::~Tuner() = default;

TuningReport Tuner::run(const TuningOptions& options) {
  const Strategy& strategy = named_strategy(options.strategy);
  ExperimentSetup setup{impl_->files.checkpoint, impl_->files.config};
  setup.isa = options.isa ? *options.isa : jit::select_isa("");
  setup.threads = options.threads == 0 ? usable_cpus() : options.threads;
  setup.head = impl_->files.heads.classifier ? TaskHead::classifier : TaskHead::span;
  setup.samples = impl_->samples;
  setup.others = impl_->others;
  TuneRequest request{impl_->files, std::move(setup), impl_->evaluate, {}, 0, strategy};
  request.space.sampling_sizes = {options.calibration_samples};
  request.goal = goal_of(options);
  request.exit.timeout_seconds = options.timeout_seconds;
  request.exit.max_trials = options.max_trials;
  request.seed = options.seed;
  request.recipe_file = options.recipe_file;
  request.resume = options.resume;
  SearchObserver silent;
  TuneResult result = tune(request, options.observer == nullptr ? silent : *options.observer);
  TuningReport report;
  report.baseline = result.search.baseline.score;
  report.trials = result.search.trials.size();
  report.goal_met = result.search.goal_met();
  report.fp32_modules = lifted_modules(result);
  report.best = std::move(result.best);
  if (result.search.best) report.score = result.search.trials[*result.search.best].outcome.score;
  return report;
}

}  // namespace bertq::engine
