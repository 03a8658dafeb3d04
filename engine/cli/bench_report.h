// The results of `bench` in the forms in which they leave the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/json_output.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

struct ShapeResult {
  std::string shape;            // "8x128", or the name of a task
  std::vector<double> seconds;  // of each pass
  double operations = 0.0;      // of one pass
  std::optional<std::uint64_t> peak_rss_bytes;
};

struct BenchReport {
  std::string model;        // "bert-base", or where it came from
  std::string precision;    // "fp32", "int8", "tuned"
  std::string activations;  // "dynamic", "static"
  jit::Isa isa = jit::Isa::reference;
  std::size_t threads = 0;
  std::size_t weights_bytes = 0;
  std::vector<ShapeResult> results;
};

Json bench_json(const BenchReport& report);
// `format` is "table", "md" or "csv".
std::string bench_text(const BenchReport& report, std::string_view format);

}  // namespace bertq::engine::cli
