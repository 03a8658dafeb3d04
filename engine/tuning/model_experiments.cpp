#include "engine/tuning/model_experiments.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "bertq/error.h"
#include "engine/calibration/sample_batches.h"
#include "engine/task/evaluate.h"
#include "engine/tuning/methods.h"

namespace bertq::engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t probed_samples = 48;  // that are probed

CalibrationMethods methods_of(std::uint32_t bits) {
  CalibrationMethods methods;
  methods.equalize = (bits & method_equalization) != 0;
  methods.clip_weights = (bits & method_weight_clipping) != 0;
  methods.round_weights = (bits & method_rounding) != 0;
  methods.correct_bias = (bits & method_bias_correction) != 0;
  return methods;
}

std::vector<PackedBatch> packed(std::span<const tokenizer::Encoding> inputs, std::size_t size) {
  std::vector<PackedBatch> batches;
  for (Batched& batched : make_batches_of(size, inputs))
    batches.push_back(std::move(batched.batch));
  return batches;
}

// Each of two lists of values as 0..1, and then their mean squared difference, as LPOT has it. A
// list of equal values is all zeros.
double normalized_difference(std::span<const float> a, std::span<const float> b) {
  const auto [least_a, most_a] = std::minmax_element(a.begin(), a.end());
  const auto [least_b, most_b] = std::minmax_element(b.begin(), b.end());
  const auto scale = [](float least, float most) {
    return most > least ? 1.0 / (static_cast<double>(most) - static_cast<double>(least)) : 0.0;
  };
  const double scale_a = scale(*least_a, *most_a), scale_b = scale(*least_b, *most_b);
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = (static_cast<double>(a[i]) - static_cast<double>(*least_a)) * scale_a;
    const double y = (static_cast<double>(b[i]) - static_cast<double>(*least_b)) * scale_b;
    sum += (x - y) * (x - y);
  }
  return sum / static_cast<double>(std::max<std::size_t>(a.size(), 1));
}

// The states that each encoder layer gives out for a batch, the embeddings' first.
std::vector<std::vector<float>> states_of(const std::shared_ptr<const Model>& model,
                                          std::size_t threads, const PackedBatch& batch) {
  std::vector<std::vector<float>> states;
  Session session(model, threads);
  session.observe_layers(
      [](void* context, std::size_t, std::span<const float> layer) {
        static_cast<std::vector<std::vector<float>>*>(context)->emplace_back(layer.begin(),
                                                                             layer.end());
      },
      &states);
  session.hidden_states(batch);
  return states;
}

// By how much the highest logit is above the next.
float margin(std::span<const float> logits) {
  std::vector<float> sorted(logits.begin(), logits.end());
  std::partial_sort(sorted.begin(), sorted.begin() + 2, sorted.end(), std::greater<>());
  return sorted[0] - sorted[1];
}

// Of "bert.encoder.layer.3.…" 4, of embeddings 0, of heads behind the last.
std::size_t states_behind(const std::string& module, std::size_t layers) {
  constexpr std::string_view encoder = "bert.encoder.layer.";
  if (module.starts_with("bert.embeddings.")) return 0;
  if (!module.starts_with(encoder)) return layers;
  return std::stoul(module.substr(encoder.size())) + 1;
}

}  // namespace

double output_error(const ModelOutputs& exact, const ModelOutputs& quantized) {
  if (exact.values.empty() || exact.values.size() != quantized.values.size()) {
    return Outcome::unknown;
  }
  const auto count = static_cast<double>(exact.values.size());
  double mean = 0.0;
  for (const float value : exact.values) mean += static_cast<double>(value) / count;
  double variance = 0.0, squared = 0.0;
  for (std::size_t i = 0; i < exact.values.size(); ++i) {
    const auto a = static_cast<double>(exact.values[i]);
    const auto b = static_cast<double>(quantized.values[i]);
    variance += (a - mean) * (a - mean) / count;
    squared += (a - b) * (a - b) / count;
  }
  return variance > 0.0 ? std::sqrt(squared / variance) : std::sqrt(squared);
}

std::vector<tokenizer::Encoding> spread_inputs(std::span<const tokenizer::Encoding> inputs,
                                               std::size_t count) {
  const std::size_t taken = std::min(count, inputs.size());
  std::vector<tokenizer::Encoding> spread;
  for (std::size_t i = 0; i < taken; ++i) spread.push_back(inputs[i * inputs.size() / taken]);
  return spread;
}

ModelExperiments::ModelExperiments(const TuningSpace& space, ExperimentSetup setup,
                                   Evaluate evaluate)
    : space_(space), setup_(std::move(setup)), evaluate_(std::move(evaluate)) {
  if (setup_.samples.empty()) {
    throw Error(ErrorKind::usage, "tuning: expected samples to calibrate with, got none");
  }
}

std::shared_ptr<const Model> ModelExperiments::load(const Recipe& recipe) const {
  return Model::load(setup_.checkpoint, setup_.config, recipe, setup_.isa);
}

const std::shared_ptr<const Model>& ModelExperiments::fp32() {
  if (!fp32_) fp32_ = load(Recipe::uniform(Precision::fp32));
  return fp32_;
}

// Errors are largest where a model is not sure: of inputs with class logits, those whose two
// highest are closest together tell most. Of others, an even choice.
void ModelExperiments::choose_probed() {
  const auto all = setup_.others.empty() ? setup_.samples : setup_.others;
  Session session(fp32(), setup_.threads);
  const auto run = [&](std::span<const tokenizer::Encoding> inputs) {
    return run_inputs(session, setup_.head, inputs, 0, [](std::size_t) {}).outputs;
  };
  const bool classes = setup_.head == TaskHead::classifier && fp32()->labels() > 1;
  if (!classes || all.size() <= probed_samples) {
    probed_ = spread_inputs(all, probed_samples);
  } else {
    const ModelOutputs outputs = run(all);
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return margin(outputs.of(a)) < margin(outputs.of(b));
    });
    for (std::size_t i = 0; i < probed_samples; ++i) probed_.push_back(all[order[i]]);
  }
  exact_outputs_ = run(probed_);
}

const ModelOutputs& ModelExperiments::exact_outputs() {
  if (!exact_outputs_) choose_probed();
  return *exact_outputs_;
}

Calibrator& ModelExperiments::calibrator(std::size_t sampling) {
  std::unique_ptr<Calibrator>& entry = calibrators_[sampling];
  if (!entry) {
    exact_outputs();
    const auto samples = spread_inputs(setup_.samples, space_.sampling_sizes.at(sampling));
    const auto batches = packed(samples, calibration_batch);
    entry = std::make_unique<Calibrator>(
        CalibrationStatistics::collect(fp32(), batches, setup_.threads), setup_.checkpoint,
        setup_.config, setup_.threads);
    if (calibrators_.size() == space_.sampling_sizes.size()) fp32_ = nullptr;
  }
  return *entry;
}

Recipe ModelExperiments::calibrated(const Configuration& configuration) {
  return calibrator(configuration.sampling)
      .apply(uncalibrated_recipe(space_, configuration), methods_of(configuration.methods));
}

Outcome ModelExperiments::evaluate(const Recipe& recipe,
                                   const std::shared_ptr<const Model>& model) {
  Session session(model, setup_.threads);
  const auto start = Clock::now();
  const Evaluation evaluation = evaluate_(recipe, session);
  const double passed = std::chrono::duration<double>(Clock::now() - start).count();
  Outcome outcome;
  outcome.score = evaluation.score;
  outcome.seconds = std::isnan(evaluation.seconds) ? passed : evaluation.seconds;
  outcome.error = evaluation.error;
  outcome.weights_bytes = static_cast<double>(model->weights_bytes());
  return outcome;
}

Outcome ModelExperiments::baseline() {
  const auto peak = setup_.watch_memory ? setup_.watch_memory() : std::function<double()>();
  Outcome outcome = evaluate(Recipe::uniform(Precision::fp32), fp32());
  outcome.error = 0.0;
  if (peak) outcome.peak_bytes = peak();
  return outcome;
}

Outcome ModelExperiments::score(const Configuration& configuration) {
  const Recipe recipe = calibrated(configuration);
  const auto peak = setup_.watch_memory ? setup_.watch_memory() : std::function<double()>();
  const auto model = load(recipe);
  Outcome outcome = evaluate(recipe, model);
  if (peak) outcome.peak_bytes = peak();
  if (std::isnan(outcome.error)) {
    Session session(model, setup_.threads);
    outcome.error = output_error(
        exact_outputs(), run_inputs(session, setup_.head, probed_, 0, [](std::size_t) {}).outputs);
  }
  return outcome;
}

Outcome ModelExperiments::probe(const Configuration& configuration) {
  const ModelOutputs& exact = exact_outputs();
  const auto model = load(calibrated(configuration));
  Session session(model, setup_.threads);
  Outcome outcome;
  const EvaluationRun run = run_inputs(session, setup_.head, probed_, 0, [](std::size_t) {});
  outcome.error = output_error(exact, run.outputs);
  outcome.seconds = run.seconds;
  outcome.weights_bytes = static_cast<double>(model->weights_bytes());
  return outcome;
}

std::vector<double> ModelExperiments::output_errors(const Configuration& configuration) {
  const auto batches = packed(
      setup_.samples.first(std::min(setup_.samples.size(), calibration_batch)), calibration_batch);
  const auto model = load(calibrated(configuration));
  const auto exact = states_of(fp32(), setup_.threads, batches.front());
  const auto quantized = states_of(model, setup_.threads, batches.front());
  std::vector<double> errors;
  for (const TunableModule& module : space_.modules) {
    const std::size_t place = states_behind(module.name, exact.size() - 1);
    errors.push_back(normalized_difference(exact[place], quantized[place]));
  }
  return errors;
}

}  // namespace bertq::engine
