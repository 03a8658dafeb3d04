// Experiments with a real model: each trial's recipe is calibrated, loaded and evaluated.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/calibration/calibration.h"
#include "engine/model/config.h"
#include "engine/model/model.h"
#include "engine/task/model_outputs.h"
#include "engine/tuning/search.h"
#include "engine/tuning/tuning.h"
#include "engine/tuning/tuning_space.h"
#include "jit/isa.h"
#include "loaders/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

struct ExperimentSetup {
  const loaders::Checkpoint& checkpoint;
  ModelConfig config;
  jit::Isa isa = jit::Isa::reference;
  std::size_t threads = 1;
  TaskHead head = TaskHead::classifier;               // whose outputs probes compare
  std::span<const tokenizer::Encoding> samples = {};  // to calibrate with
  // Others, of which some are probed; empty: the samples themselves, on which calibration flatters.
  std::span<const tokenizer::Encoding> others = {};
  // Called before a model is loaded; what it returns gives the peak of memory since then, in bytes.
  std::function<std::function<double()>()> watch_memory = {};
};

// RMS of the difference of two models' outputs, in standard deviations of the first's.
double output_error(const ModelOutputs& exact, const ModelOutputs& quantized);

// `count` of the inputs, spread evenly over them, in their order; all where there are no more.
std::vector<tokenizer::Encoding> spread_inputs(std::span<const tokenizer::Encoding> inputs,
                                               std::size_t count);

class ModelExperiments final : public Experiments {
 public:
  // `space` and `setup`'s views outlive it.
  ModelExperiments(const TuningSpace& space, ExperimentSetup setup, Evaluate evaluate);

  Outcome baseline() override;
  Outcome score(const Configuration& configuration) override;
  Outcome probe(const Configuration& configuration) override;
  // The forward pass fuses what follows a product into it, so a module's own output cannot be seen:
  // it is that of the encoder layer that the module belongs to. Modules of one layer are equal, and
  // keep their order.
  std::vector<double> output_errors(const Configuration& configuration) override;

  // The configuration with its ranges and everything else that calibration finds.
  Recipe calibrated(const Configuration& configuration);

 private:
  Calibrator& calibrator(std::size_t sampling);
  std::shared_ptr<const Model> load(const Recipe& recipe) const;
  const std::shared_ptr<const Model>& fp32();
  const ModelOutputs& exact_outputs();
  void choose_probed();
  Outcome evaluate(const Recipe& recipe, const std::shared_ptr<const Model>& model);

  const TuningSpace& space_;
  ExperimentSetup setup_;
  Evaluate evaluate_;
  std::vector<tokenizer::Encoding> probed_;    // chosen with exact_outputs_
  std::shared_ptr<const Model> fp32_;          // until everything that needs it is known
  std::optional<ModelOutputs> exact_outputs_;  // FP32's, of probed_
  std::map<std::size_t, std::unique_ptr<Calibrator>> calibrators_;  // by sampling
};

}  // namespace bertq::engine
