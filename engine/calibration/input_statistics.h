// What calibration keeps of each input: CalibrationStatistics from within.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/calibration/calibration.h"
#include "engine/calibration/extremes.h"
#include "engine/calibration/range_search.h"
#include "engine/calibration/row_sample.h"

namespace bertq::engine {

// The name that a module's input goes by: the module's own, or, of query, key and value, which read
// the same, "bert.encoder.layer.0.attention.self".
std::string_view input_of(std::string_view module);

struct InputStatistics {
  InputStatistics(std::size_t columns, std::size_t most_rows)
      : channels(columns), rows(columns, most_rows) {}

  InputSummary summary;
  std::vector<Extremes> channels;
  RowSample rows;
};

struct CalibrationStatistics::Impl {
  std::map<std::string, InputStatistics, std::less<>> inputs;  // by input_of()
  std::vector<std::string> modules;                            // all that were seen, sorted
  jit::Isa isa;
};

}  // namespace bertq::engine
