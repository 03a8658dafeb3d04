// The results of `tune` as an HTML page: the recipe, score against time for every trial, and the
// sensitivity of each layer.
#pragma once

#include <string>

#include "engine/cli/tune_report.h"

namespace bertq::engine::cli {

std::string report_page(const TuneReport& report);

}  // namespace bertq::engine::cli
