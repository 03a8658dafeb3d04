#include "engine/tuning/tune.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "bertq/error.h"
#include "engine/calibration/calibration.h"
#include "engine/model/weights_fingerprint.h"
#include "engine/tuning/fingerprint.h"
#include "engine/tuning/methods.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::ordered_json;

std::string goal_text(const Goal& goal) {
  return std::string(goal.relative ? "relative " : "absolute ") + Json(goal.tolerance).dump() +
         (goal.higher_is_better ? ", higher is better, " : ", lower is better, ") +
         std::string(objective_name(goal.objective));
}

// Neither trials nor time: both may be extended when a search is resumed.
Identity identity_of(const TuneRequest& request, const TuningSpace& space) {
  Identity identity = {
      {"weights", weights_fingerprint(request.files.checkpoint, request.files.config)},
      {"vocabulary", small_files_fingerprint(request.files)},
      {"samples",
       inputs_fingerprint(request.setup.samples) + " " + inputs_fingerprint(request.setup.others)},
      {"space", space_fingerprint(space)},
      {"strategy", std::string(request.strategy.name)},
      {"goal", goal_text(request.goal)},
      {"seed", std::to_string(request.seed)},
      {"isa", std::string(jit::isa_name(request.setup.isa))},
      {"cpu", jit::describe_cpu().name},
      {"threads", std::to_string(request.setup.threads)}};
  identity.insert(identity.end(), request.facts.begin(), request.facts.end());
  return identity;
}

Json methods_json(std::uint32_t methods) {
  Json names = Json::array();
  for (const MethodRow& row : all_methods) {
    if ((methods & row.bit) != 0) names.push_back(row.name);
  }
  return names;
}

// Writes the best recipe whenever there is a new one: after its trial is in the journal, before
// anybody is told of it.
class Keeper final : public SearchObserver {
 public:
  Keeper(const TuneRequest& request, const TuningSpace& space, const Identity& identity,
         ModelExperiments& experiments, SearchObserver& observer)
      : request_(request),
        space_(space),
        identity_(identity),
        experiments_(experiments),
        observer_(observer) {}

  void on_baseline(const Outcome& baseline, bool restored) override {
    baseline_ = baseline;
    observer_.on_baseline(baseline, restored);
  }
  void on_probe(const Outcome& outcome) override { observer_.on_probe(outcome); }
  bool wants_more() override { return observer_.wants_more(); }
  // Of the journal's trials only the last best is worth a recipe.
  void on_best(const Trial& best, const Outcome& baseline) override {
    pending_ = best;
    if (!best.restored) save();
    observer_.on_best(best, baseline);
  }
  void on_trial(const Trial& trial, const Trial& best) override {
    if (!trial.restored) save();
    observer_.on_trial(trial, best);
  }

  Recipe finish() {
    save();
    return std::move(best_);
  }

 private:
  void save() {
    if (!pending_) return;
    best_ = experiments_.calibrated(pending_->configuration);
    best_.set_metadata(metadata_of(*pending_).dump());
    if (!request_.recipe_file.empty()) write_recipe(best_, request_.recipe_file);
    pending_.reset();
  }

  // Nothing that two runs of the same search could differ in.
  Json metadata_of(const Trial& best) const {
    Json json = Json::parse(request_.metadata);
    json["metric_before"] = baseline_.score;
    json["metric_after"] = best.outcome.score;
    json["goal"] = {{"relative", request_.goal.relative},
                    {"tolerance", request_.goal.tolerance},
                    {"higher_is_better", request_.goal.higher_is_better},
                    {"objective", objective_name(request_.goal.objective)},
                    {"met", best.meets_goal}};
    json["trial"] = best.number;
    json["methods"] = methods_json(best.configuration.methods);
    json["calibration_samples"] = space_.sampling_sizes[best.configuration.sampling];
    for (const auto& [name, value] : identity_) json[name] = value;
    return json;
  }

  const TuneRequest& request_;
  const TuningSpace& space_;
  const Identity& identity_;
  ModelExperiments& experiments_;
  SearchObserver& observer_;
  Outcome baseline_;
  std::optional<Trial> pending_;
  Recipe best_ = Recipe::uniform(Precision::fp32);
};

std::optional<Journal> open_journal(const TuneRequest& request, const Identity& identity) {
  if (request.recipe_file.empty()) return std::nullopt;
  const auto path = journal_beside(request.recipe_file);
  return request.resume ? Journal::resume(path, identity) : Journal::begin(path, identity);
}

}  // namespace

std::filesystem::path journal_beside(const std::filesystem::path& recipe_file) {
  return recipe_file.string() + ".journal";
}

TuneResult tune(const TuneRequest& request, SearchObserver& observer,
                const std::function<void(const std::string& note)>& on_note) {
  if (request.files.packed) {
    throw Error(ErrorKind::usage, request.files.name +
                                      ": holds weights of one recipe alone; tune the checkpoint "
                                      "that it was made from");
  }
  TuneResult result;
  SpaceRequest space = request.space;
  space.bf16 = space.bf16 || jit::has_fast_bf16(request.setup.isa);
  result.space = make_space(request.setup.config, request.files.heads, space);
  result.space.fixed_methods = request.fixed_methods;
  const Identity identity = identity_of(request, result.space);
  std::optional<Journal> journal = open_journal(request, identity);
  if (journal) result.notes = journal->notes();
  if (on_note) {
    for (const std::string& note : result.notes) on_note(note);
  }
  ModelExperiments experiments(result.space, request.setup, request.evaluate);
  Keeper keeper(request, result.space, identity, experiments, observer);
  const SearchRequest search_request{result.space, request.strategy, request.goal, request.exit,
                                     request.seed};
  result.search = search(search_request, experiments, journal ? &*journal : nullptr, keeper);
  result.best = keeper.finish();
  return result;
}

}  // namespace bertq::engine
