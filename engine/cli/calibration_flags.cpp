#include "engine/cli/calibration_flags.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <vector>

#include "bertq/error.h"
#include "engine/calibration/sample_batches.h"
#include "engine/cli/json_output.h"
#include "engine/cli/progress.h"
#include "engine/cli/setup.h"
#include "engine/cli/suggestion.h"
#include "engine/cli/task_data.h"
#include "engine/model/weights_fingerprint.h"
#include "engine/tuning/methods.h"

namespace bertq::engine::cli {
namespace {

// In the order of all_methods.
constexpr std::array switches{&CalibrationMethods::equalize, &CalibrationMethods::clip_weights,
                              &CalibrationMethods::round_weights,
                              &CalibrationMethods::correct_bias};
static_assert(switches.size() == all_methods.size());

// As the tasks' training files are called where they are published.
constexpr std::array<std::string_view, 4> training_files{
    "train.tsv", "train-v1.1.json", "train-v2.0.json", "msr_paraphrase_train.txt"};

void switch_on(const std::string& name, CalibrationMethods& methods) {
  std::vector<std::string> known{"all", "none"};
  for (std::size_t i = 0; i < all_methods.size(); ++i) {
    if (name == all_methods[i].name) {
      methods.*switches[i] = true;
      return;
    }
    known.emplace_back(all_methods[i].name);
  }
  throw Error(ErrorKind::usage, fmt::format("--methods: expected some of {}, got '{}'{}",
                                            fmt::join(known, ","), name, suggestion(name, known)));
}

std::string training_file_of(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_directory(path, failed)) return path;
  for (const std::string_view name : training_files) {
    const auto file = std::filesystem::path(path) / name;
    if (std::filesystem::is_regular_file(file, failed)) return file.string();
  }
  return path;
}

Recipe with_provenance(Recipe recipe, const ModelFiles& files, const EvaluationSet& set,
                       std::size_t samples) {
  Json metadata = recipe.metadata().empty() ? Json(Json::object()) : Json::parse(recipe.metadata());
  metadata["version"] = BERTQ_VERSION;
  metadata["model"] = files.name;
  metadata["weights"] = weights_fingerprint(files.checkpoint, files.config);
  metadata["calibrated_on"] = set.name();
  metadata["calibration_samples"] = std::min(samples, set.inputs().size());
  recipe.set_metadata(metadata.dump());
  return recipe;
}

}  // namespace

CalibrationMethods chosen_methods(const Arguments& arguments) {
  const std::string& text = arguments.text("methods");
  if (text == "all") return CalibrationMethods::all();
  if (text == "none") return CalibrationMethods::none();
  CalibrationMethods methods;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    switch_on(text.substr(begin, end - begin), methods);
    begin = end + 1;
  }
  return methods;
}

std::unique_ptr<EvaluationSet> open_calibration_set(const Arguments& arguments, const Task& task,
                                                    const ModelFiles& files) {
  return open_evaluation_set(task, training_file_of(arguments.text("calibration-data")), files,
                             task_options(arguments, task, files));
}

Recipe calibrated_recipe(const Arguments& arguments, const Console& console,
                         const ModelFiles& files, const EvaluationSet& set, const Recipe& base) {
  const std::size_t samples = arguments.number("calibration-samples");
  const std::size_t threads = chosen_threads(arguments);
  const auto batches = sample_batches(set, samples);
  const auto model =
      load_model(arguments, files, Recipe::uniform(Precision::fp32), chosen_isa(arguments), {});
  std::shared_ptr<const CalibrationStatistics> statistics;
  {
    Progress progress(console, "calibrate", batches.size());
    statistics = CalibrationStatistics::collect(model, batches, threads,
                                                [&](std::size_t) { progress.advance(1); });
  }
  Calibrator calibrator(statistics, files.checkpoint, files.config, threads);
  const auto algorithm = find_algorithm(arguments.text("algorithm"));
  const auto scheme = find_scheme(arguments.text("scheme"));
  const Recipe wanted = with_static_ranges(base, *statistics, algorithm.value(), scheme.value());
  return with_provenance(calibrator.apply(wanted, chosen_methods(arguments)), files, set, samples);
}

}  // namespace bertq::engine::cli
