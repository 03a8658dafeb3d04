// A search for a real model, with its journal and its recipe on the disk: what `bertq tune` and
// Tuner share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/model/model_files.h"
#include "engine/tuning/journal.h"
#include "engine/tuning/model_experiments.h"
#include "engine/tuning/search.h"
#include "engine/tuning/tuning.h"

namespace bertq::engine {

struct TuneRequest {
  const ModelFiles& files;
  ExperimentSetup setup;
  Evaluate evaluate;
  SpaceRequest space;
  std::uint32_t fixed_methods = 0;
  const Strategy& strategy;
  Goal goal = {};
  ExitPolicy exit = {};
  std::uint64_t seed = 1978;
  // The best so far; its journal is beside it, as "<recipe_file>.journal". Empty: neither is kept.
  std::filesystem::path recipe_file = {};
  bool resume = false;
  Identity facts =
      {};  // what results depend on beside the model, the samples and the search itself
  // Further facts for the recipe's metadata, a JSON object: metric, calibrated_on, tuned_on, ...
  std::string metadata = "{}";
};

struct TuneResult {
  TuningSpace space;
  SearchResult search;
  Recipe best;                     // FP32 throughout if every trial failed
  std::vector<std::string> notes;  // the journal's, for people
};

std::filesystem::path journal_beside(const std::filesystem::path& recipe_file);

// Throws what search() and the journal throw, and Error (usage) for a packed model. `on_notes` is
// told of what happened to an older journal, before the search begins.
TuneResult tune(const TuneRequest& request, SearchObserver& observer,
                const std::function<void(const std::string& note)>& on_note = {});

}  // namespace bertq::engine
