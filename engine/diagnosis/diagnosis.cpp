#include "engine/diagnosis/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "engine/calibration/calibration.h"
#include "engine/calibration/sample_batches.h"
#include "engine/diagnosis/module_times.h"
#include "engine/model/model.h"
#include "engine/task/evaluate.h"
#include "engine/tuning/model_experiments.h"
#include "engine/tuning/tuning_space.h"

namespace bertq::engine {
namespace {

constexpr std::size_t inputs_alone = 64, timed_passes = 3;

double power(std::span<const float> values) {
  double sum = 0.0;
  for (const float x : values) sum += static_cast<double>(x) * static_cast<double>(x);
  return sum;
}

double sqnr_db(const ModelOutputs& exact, const ModelOutputs& quantized) {
  std::vector<float> error(exact.values.size());
  for (std::size_t i = 0; i < error.size(); ++i) error[i] = quantized.values[i] - exact.values[i];
  const double noise = power(error);
  if (noise == 0.0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(power(exact.values) / noise);
}

class Diagnostician {
 public:
  explicit Diagnostician(const DiagnosisRequest& request)
      : request_(request), few_(spread_inputs(request.set.inputs(), inputs_alone)) {}

  Diagnosis run() {
    const std::vector<std::string> modules = quantized_modules();
    steps_ = modules.size() + 1;
    const auto fp32 = load(Recipe::uniform(Precision::fp32));
    const ModelOutputs exact = run_all(fp32), exact_few = run_few(fp32);
    const auto statistics = CalibrationStatistics::collect(
        fp32, sample_batches(request_.set, default_calibration_samples), request_.threads);
    compare(exact);
    step();
    for (const std::string& module : modules) {
      ModuleFinding finding = examine(module, exact, exact_few);
      finding.input = input_use(*statistics, module, finding.choice);
      diagnosis_.modules.push_back(std::move(finding));
      step();
    }
    std::ranges::stable_sort(diagnosis_.modules, {}, &ModuleFinding::error_put_back);
    return std::move(diagnosis_);
  }

 private:
  std::vector<std::string> quantized_modules() const {
    Heads heads;
    heads.classifier = heads.pooler = request_.set.head() == TaskHead::classifier;
    heads.span = request_.set.head() == TaskHead::span;
    std::vector<std::string> names;
    for (const TunableModule& module : make_space(request_.config, heads, {}).modules) {
      if (request_.recipe.of(module.name).precision != Precision::fp32)
        names.push_back(module.name);
    }
    return names;
  }

  // The recipe against FP32: scores, answers, and its own times.
  void compare(const ModelOutputs& exact) {
    Session session(load(request_.recipe), request_.threads);
    const ModelOutputs outputs = run_inputs(session, request_.set, 0, nobody).outputs;
    diagnosis_.metric = request_.set.goal();
    diagnosis_.fp32_score = score(exact);
    diagnosis_.score = score(outputs);
    diagnosis_.agreement = agreement(request_.set, exact, outputs);
    times_ = time_modules(session, request_.threads, request_.set, timed_passes);
    diagnosis_.seconds = times_.seconds;
    if (request_.set.regression()) return;
    const auto before = request_.set.answers(exact), after = request_.set.answers(outputs);
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (before[i] == after[i]) continue;
      diagnosis_.changed.push_back(
          {i, request_.set.example_text(i), request_.set.expected_answer(i), before[i], after[i]});
    }
  }

  ModuleFinding examine(const std::string& module, const ModelOutputs& exact,
                        const ModelOutputs& exact_few) const {
    ModuleFinding finding;
    finding.module = module;
    finding.choice = request_.recipe.of(module);
    Recipe alone = Recipe::uniform(Precision::fp32);
    alone.set(module, finding.choice);
    alone.set_rounded_weights(request_.recipe.rounded_weights());
    finding.sqnr_db = sqnr_db(exact_few, run_few(load(alone)));
    Recipe put_back = request_.recipe;
    put_back.set(module, {.precision = Precision::fp32});
    const ModelOutputs outputs = run_all(load(put_back));
    finding.score_put_back = score(outputs);
    finding.error_put_back = agreement(request_.set, exact, outputs).logit_error;
    const auto found = times_.by_module.find(module);
    if (found != times_.by_module.end()) finding.seconds = found->second;
    return finding;
  }

  double score(const ModelOutputs& outputs) const {
    const auto scores = request_.set.score(outputs);
    return std::ranges::find(scores, request_.set.goal(), &Score::name)->value;
  }
  std::shared_ptr<const Model> load(const Recipe& recipe) const {
    return Model::load(request_.checkpoint, request_.config, recipe, request_.isa);
  }
  ModelOutputs run_all(const std::shared_ptr<const Model>& model) const {
    Session session(model, request_.threads);
    return run_inputs(session, request_.set, 0, nobody).outputs;
  }
  ModelOutputs run_few(const std::shared_ptr<const Model>& model) const {
    Session session(model, request_.threads);
    return run_inputs(session, request_.set.head(), few_, 0, nobody).outputs;
  }
  void step() {
    ++done_;
    if (request_.on_progress) request_.on_progress(done_, steps_);
  }
  static void nobody(std::size_t) {}

  const DiagnosisRequest& request_;
  std::vector<tokenizer::Encoding> few_;
  std::size_t done_ = 0, steps_ = 0;
  ModuleTimes times_;
  Diagnosis diagnosis_;
};

}  // namespace

double Diagnosis::share_of_error(const ModuleFinding& finding) const {
  const double all = agreement.logit_error * agreement.logit_error;
  return all == 0.0 ? 0.0 : 1.0 - finding.error_put_back * finding.error_put_back / all;
}

Diagnosis diagnose(const DiagnosisRequest& request) {
  return Diagnostician(request).run();
}

}  // namespace bertq::engine
