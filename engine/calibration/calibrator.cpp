#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "engine/calibration/calibration.h"
#include "engine/calibration/layer_calibration.h"
#include "engine/calibration/rounded_weights_file.h"
#include "engine/runtime/thread_pool.h"

namespace bertq::engine {
namespace {

// Of a request for one group: what its result depends on, to be found again.
using Key = std::tuple<std::string, RangeAlgorithm, Scheme, Granularity, unsigned>;

unsigned bits_of(const CalibrationMethods& methods) {
  return (methods.equalize ? 1U : 0U) | (methods.clip_weights ? 2U : 0U) |
         (methods.correct_bias ? 4U : 0U) | (methods.round_weights ? 8U : 0U);
}

bool wants_static_ranges(const LayerChoice& choice) {
  return choice.precision == Precision::int8 && choice.activations == Ranges::fixed;
}

}  // namespace

struct Calibrator::Impl {
  Impl(std::shared_ptr<const CalibrationStatistics> calibration_statistics,
       const loaders::Checkpoint& checkpoint, const ModelConfig& config, std::size_t threads)
      : statistics(std::move(calibration_statistics)),
        source(checkpoint, config),
        pool(threads, statistics->impl().isa) {
    for (const std::string& module : statistics->impl().modules) {
      modules_of_input[std::string(input_of(module))].push_back(module);
    }
  }

  // A group is calibrated as a whole: a module's result is the same whoever else is in the recipe.
  struct Task {
    Key key;
    LayerRequest request;
  };
  Task task_for(const std::string& module, const LayerChoice& choice,
                const CalibrationMethods& methods) const {
    Task task{{}, {choice.algorithm, choice.scheme, choice.weights, methods}};
    task.key = {std::string(input_of(module)), choice.algorithm, choice.scheme, choice.weights,
                bits_of(methods)};
    return task;
  }
  void compute(const std::vector<Task>& tasks);

  std::shared_ptr<const CalibrationStatistics> statistics;
  CheckpointSource source;
  ThreadPool pool;
  std::map<std::string, std::vector<std::string>, std::less<>> modules_of_input;
  std::map<Key, std::map<std::string, CalibratedLayer>> known;  // by module
};

void Calibrator::Impl::compute(const std::vector<Task>& tasks) {
  std::vector<std::vector<CalibratedLayer>> results(tasks.size());
  const auto group_of = [&](const Task& task) {
    const std::string& input = std::get<std::string>(task.key);
    return LayerGroup{modules_of_input.at(input), statistics->impl().inputs.at(input)};
  };
  pool.parallel_for(tasks.size(), Schedule::dynamic, [&](std::size_t i, std::size_t) {
    results[i] =
        calibrate_group(group_of(tasks[i]), source, tasks[i].request, statistics->impl().isa);
  });
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const LayerGroup group = group_of(tasks[i]);
    for (std::size_t j = 0; j < group.modules.size(); ++j) {
      known[tasks[i].key].emplace(group.modules[j], std::move(results[i][j]));
    }
  }
}

Calibrator::Calibrator(std::shared_ptr<const CalibrationStatistics> statistics,
                       const loaders::Checkpoint& checkpoint, const ModelConfig& config,
                       std::size_t threads)
    : impl_(std::make_unique<Impl>(std::move(statistics), checkpoint, config, threads)) {}
Calibrator::~Calibrator() = default;

Recipe Calibrator::apply(const Recipe& base, const CalibrationMethods& methods) {
  std::map<std::string, Impl::Task> wanted;  // by module
  std::map<Key, Impl::Task> missing;
  for (const std::string& module : impl_->statistics->impl().modules) {
    const LayerChoice& choice = base.of(module);
    if (!wants_static_ranges(choice)) continue;
    const Impl::Task task = impl_->task_for(module, choice, methods);
    wanted.emplace(module, task);
    if (!impl_->known.contains(task.key)) missing.emplace(task.key, task);
  }
  std::vector<Impl::Task> tasks;
  for (auto& [key, task] : missing) tasks.push_back(std::move(task));
  impl_->compute(tasks);

  Recipe recipe = base;
  std::map<std::string, const Int8Layer*> rounded;
  for (const auto& [module, task] : wanted) {
    const CalibratedLayer& layer = impl_->known.at(task.key).at(module);
    recipe.set(module, layer.choice);
    if (layer.choice.rounding == Rounding::calibrated) rounded.emplace(module, &layer.rounded);
  }
  recipe.set_rounded_weights(rounded_weights(rounded));
  return recipe;
}

}  // namespace bertq::engine
