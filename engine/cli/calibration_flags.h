// The flags beside --calibration-data: what to calibrate on, and how.
#pragma once

#include <memory>
#include <string>

#include "engine/calibration/calibration.h"
#include "engine/cli/arguments.h"
#include "engine/cli/console.h"
#include "engine/model/model_files.h"
#include "engine/task/evaluation_set.h"
#include "engine/task/task.h"

namespace bertq::engine::cli {

// --methods: names of all_methods (tuning/methods.h) and commas, "all" or "none". Throws Error
// (usage) for anything else.
CalibrationMethods chosen_methods(const Arguments& arguments);

// --calibration-data for the task: of a folder its training file, where it has one.
std::unique_ptr<EvaluationSet> open_calibration_set(const Arguments& arguments, const Task& task,
                                                    const ModelFiles& files);

// `base` with static ranges for all INT8 linear layers, calibrated as the flags ask for on
// --calibration-samples of the set; the metadata says on which. Throws what the parts throw.
Recipe calibrated_recipe(const Arguments& arguments, const Console& console,
                         const ModelFiles& files, const EvaluationSet& set, const Recipe& base);

}  // namespace bertq::engine::cli
