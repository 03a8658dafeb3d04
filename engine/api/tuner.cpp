#include "bertq/tuner.hpp"

#include <exception>
#include <limits>
#include <utility>

#include "engine/api/guarded.h"
#include "engine/api/input_reader.h"
#include "engine/api/model_impl.h"
#include "engine/api/recipe_impl.h"
#include "engine/api/session_impl.h"
#include "engine/runtime/cpu_count.h"
#include "engine/task/evaluation_set.h"
#include "engine/task/task.h"
#include "engine/tuning/model_experiments.h"
#include "engine/tuning/search.h"
#include "engine/tuning/task_evaluator.h"
#include "engine/tuning/tuning.h"

namespace bertq {
namespace {

// Of a task's set, those among which the ones that compare recipes are chosen.
constexpr std::size_t probed_inputs = 256;

std::vector<tokenizer::Encoding> read_samples(const Model& model, std::span<const Input> samples) {
  InputReader reader(*model.impl().files, model.max_tokens(), false);
  std::vector<tokenizer::Encoding> encodings;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const ReadInput read = reader.read(samples, i);
    tokenizer::Encoding encoding;
    encoding.ids.assign(read.ids.begin(), read.ids.end());
    encoding.segments.assign(read.segments.begin(), read.segments.end());
    encoding.segments.resize(encoding.ids.size(), 0);
    encodings.push_back(std::move(encoding));
  }
  return encodings;
}

engine::TuningOptions inner_options(const TuningOptions& options, jit::Isa isa) {
  engine::TuningOptions inner;
  inner.strategy = options.strategy;
  inner.tolerance = options.tolerance;
  inner.relative = options.relative;
  inner.higher_is_better = options.higher_is_better;
  inner.timeout_seconds = options.timeout_seconds;
  inner.max_trials = options.max_trials;
  inner.seed = options.seed;
  inner.calibration_samples = options.calibration_samples;
  inner.recipe_file = options.recipe_file;
  inner.resume = options.resume;
  inner.threads = engine::threads_of_each(options.threads);
  inner.isa = isa;
  return inner;
}

// Tells a caller how far the search is.
class Watch final : public engine::SearchObserver {
 public:
  // What `on_progress` throws is kept in `thrown` as well.
  Watch(const OnTuningProgress& on_progress, std::exception_ptr& thrown)
      : on_progress_(on_progress), thrown_(thrown) {
    progress_.score = progress_.best_score = std::numeric_limits<double>::quiet_NaN();
  }

  void on_baseline(const engine::Outcome& baseline, bool) override {
    progress_.baseline = baseline.score;
  }
  void on_probe(const engine::Outcome&) override { ++progress_.probes; }
  void on_trial(const engine::Trial& trial, const engine::Trial& best) override {
    ++progress_.trials;
    progress_.score = trial.outcome.score;
    progress_.best_score = best.outcome.score;
    progress_.goal_met = best.meets_goal;
  }
  bool wants_more() override {
    if (!on_progress_) return true;
    try {
      return on_progress_(progress_);
    } catch (...) {
      thrown_ = std::current_exception();
      throw;
    }
  }

 private:
  const OnTuningProgress& on_progress_;
  std::exception_ptr& thrown_;
  TuningProgress progress_;
};

const engine::Task& named_task(const std::string& name) {
  if (const engine::Task* task = engine::find_task(name)) return *task;
  throw Error(ErrorKind::usage, "tuning: unknown task '" + name + "'");
}

std::unique_ptr<engine::EvaluationSet> open_set(const Model& model, const engine::Task& task,
                                                const std::string& file) {
  engine::TaskOptions options;
  options.max_tokens =
      task.max_tokens == 0 ? model.max_tokens() : std::min(task.max_tokens, model.max_tokens());
  return engine::open_evaluation_set(task, file, *model.impl().files, options);
}

}  // namespace

Recipe::Recipe(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Recipe Recipe::load(const std::string& file) {
  return guarded(
      [&] { return Recipe(std::make_shared<const Impl>(Impl{engine::read_recipe(file)})); });
}

void Recipe::save(const std::string& file) const {
  guarded([&] { engine::write_recipe(of_handle(impl_, "recipe").recipe, file); });
}

std::string Recipe::json() const {
  return guarded([&] { return of_handle(impl_, "recipe").recipe.to_json(); });
}

std::string_view Recipe::precision_of(std::string_view module) const {
  return engine::precision_name(of_handle(impl_, "recipe").recipe.of(module).precision);
}

struct Tuner::Impl {
  Model model;
  std::vector<tokenizer::Encoding> samples, others;
  engine::Evaluate evaluate;
  std::unique_ptr<engine::EvaluationSet> set;  // what `evaluate` scores on; null: a caller's own
  std::exception_ptr callers_own = nullptr;    // what a caller's function threw last
};

Tuner::Tuner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tuner::Tuner(Tuner&&) noexcept = default;
Tuner& Tuner::operator=(Tuner&&) noexcept = default;
Tuner::~Tuner() = default;

Tuner::Tuner(const Model& model, std::span<const Input> samples, Evaluate evaluate)
    : impl_(guarded([&] {
        return std::make_unique<Impl>(Impl{model, read_samples(model, samples), {}, {}, {}});
      })) {
  if (!evaluate) throw Error(ErrorKind::usage, "tuning: expected a function that scores, got none");
  impl_->evaluate = [&impl = *impl_, evaluate = std::move(evaluate)](
                        const engine::Recipe&, engine::Session& inner) -> engine::Evaluation {
    // The trial's model belongs to the search; nobody keeps it.
    Model::Impl trial = impl.model.impl();
    trial.model = {std::shared_ptr<void>(), &inner.model()};
    const Model lent(std::make_shared<const Model::Impl>(std::move(trial)));
    Session session(std::make_unique<Session::Impl>(lent, SessionOptions{}, nullptr, inner));
    impl.callers_own = nullptr;
    try {
      return {.score = evaluate(session)};
    } catch (...) {
      impl.callers_own = std::current_exception();
      throw;
    }
  };
}

Tuner Tuner::for_task(const Model& model, const std::string& task, const std::string& file,
                      const std::string& calibration_file) {
  return guarded([&] {
    const engine::Task& known = named_task(task);
    auto impl = std::make_unique<Impl>(Impl{model, {}, {}, {}, open_set(model, known, file)});
    const engine::EvaluationSet& set = *impl->set;
    if (!set.labelled()) {
      throw Error(ErrorKind::input, set.name() + ": expected labels to score against, got none");
    }
    impl->others = engine::spread_inputs(set.inputs(), probed_inputs);
    const auto own = calibration_file.empty() ? nullptr : open_set(model, known, calibration_file);
    const auto inputs = own ? own->inputs() : set.inputs();
    impl->samples.assign(inputs.begin(), inputs.end());
    return Tuner(std::move(impl));
  });
}

TuningReport Tuner::run(const TuningOptions& options) {
  Impl& impl = of_handle(impl_, "tuner");
  impl.callers_own = nullptr;
  const engine::ModelFiles& files = *impl.model.impl().files;
  const jit::Isa isa = impl.model.impl().model->isa();
  try {
    engine::Evaluate evaluate = impl.evaluate;
    std::optional<engine::TaskEvaluator> scores;
    if (impl.set) {
      scores.emplace(
          *impl.set,
          [&] {
            const auto fp32 = engine::Recipe::uniform(engine::Precision::fp32);
            return engine::Session(engine::Model::load(files.checkpoint, files.config, fp32, isa),
                                   engine::threads_of_each(options.threads));
          },
          [](std::size_t) {});
      evaluate = std::ref(*scores);
    }
    engine::Tuner tuner(files, impl.samples, std::move(evaluate), impl.others);
    Watch watch(options.on_progress, impl.callers_own);
    engine::TuningOptions inner_how = inner_options(options, isa);
    inner_how.observer = &watch;
    engine::TuningReport inner = tuner.run(inner_how);
    return {Recipe(std::make_shared<const Recipe::Impl>(Recipe::Impl{std::move(inner.best)})),
            inner.baseline,
            inner.score,
            inner.goal_met,
            inner.trials,
            std::move(inner.fp32_modules)};
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    if (impl.callers_own) std::rethrow_exception(impl.callers_own);
    throw as_error(error);
  } catch (...) {
    throw;  // a caller's own, which need not be a std::exception
  }
}

}  // namespace bertq
