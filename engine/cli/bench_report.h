// The results of `bench` in the forms in which they leave the program.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/bench_baseline.h"
#include "engine/cli/bench_options.h"
#include "engine/cli/bench_result.h"
#include "engine/cli/json_output.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

struct BenchReport {
  struct BenchedModel {
    std::string precision, activations;
    std::size_t weights_bytes = 0;
  };
  std::string model;                 // "bert-base", or where it came from
  std::vector<BenchedModel> models;  // at least one
  jit::Isa isa = jit::Isa::reference;
  BenchOptions options;
  std::vector<BenchResult> results;
  std::optional<Comparison> comparison;  // with --baseline
};

// The object of --format json without the comparison, which it is made from.
Json bench_json(const BenchReport& report);
Json comparison_json(const Comparison& comparison);
// `format` is "table", "md" or "csv". One table, or two where there are passes over shapes and
// scenarios.
std::string bench_text(const BenchReport& report, std::string_view format);

}  // namespace bertq::engine::cli
