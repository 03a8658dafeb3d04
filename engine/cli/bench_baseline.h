// `bench --baseline`: what has become slower since an earlier run, beyond what is noise.
//
// Results are compared where everything that was asked for is the same (`like_with_like` below),
// and of each the figures of `metrics`. A figure is noisy by its spread from run to run, that of
// the earlier report plus that of this one, and never by less than its own floor: both reports may
// have had three equal runs by luck. Beyond that it has changed; in the wrong direction, it is a
// regression.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/cli/json_output.h"

namespace bertq::engine::cli {

struct Change {
  std::size_t result = 0;  // index in the new report
  std::string metric;      // its key
  double before = 0.0, now = 0.0;
  double worse_by = 0.0;  // how much longer it takes, relative to `before`; negative: better
  double noise = 0.0;     // likewise
  bool regression() const { return worse_by > noise; }
};

struct Comparison {
  std::string file;
  std::size_t compared = 0;  // results with a like one in the file
  std::vector<Change> changes;
  std::size_t regressions() const;
};

// A report of `bench --format json`, made on this CPU. Throws Error (input) naming file and place:
// what is no JSON, another schema, another CPU, figures that are none.
Json read_baseline(const std::filesystem::path& file);

// `before` as read_baseline() gives it, `now` as bench_json() does. Throws Error (input) if nothing
// in the file is like anything that was measured.
Comparison compare(const Json& before, const Json& now, const std::string& file);

// Of one result: "median -2.1 %, p99 +9.0 % REGRESSION"; "-" where nothing was like it.
std::string changes_text(const Comparison& comparison, std::size_t result);

}  // namespace bertq::engine::cli
