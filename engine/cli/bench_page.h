// The results of `bench` as one page with pictures (--report).
#pragma once

#include <string>

#include "engine/cli/bench_report.h"

namespace bertq::engine::cli {

std::string bench_page(const BenchReport& report);

}  // namespace bertq::engine::cli
