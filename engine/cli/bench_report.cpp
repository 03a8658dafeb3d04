#include "engine/cli/bench_report.h"

#include <fmt/format.h>

#include "engine/cli/statistics.h"
#include "engine/cli/table.h"

namespace bertq::engine::cli {
namespace {

constexpr double milli = 1e3, mega = 1e6, giga = 1e9;

double median_seconds(const ShapeResult& result) {
  return percentile(result.seconds, 50);
}

double gops(const ShapeResult& result) {
  return result.operations / median_seconds(result) / giga;
}

}  // namespace

Json bench_json(const BenchReport& report) {
  Json results = Json::array();
  for (const ShapeResult& result : report.results) {
    results.push_back({{"shape", result.shape},
                       {"precision", report.precision},
                       {"activations", report.activations},
                       {"isa", jit::isa_name(report.isa)},
                       {"threads", report.threads},
                       {"median_ms", median_seconds(result) * milli},
                       {"p99_ms", percentile(result.seconds, 99) * milli},
                       {"gops", gops(result)},
                       {"peak_rss_bytes", json_or_null(result.peak_rss_bytes)}});
  }
  return {{"schema_version", 1},
          {"version", BERTQ_VERSION},
          {"cpu", jit::describe_cpu().name},
          {"model", report.model},
          {"weights_bytes", report.weights_bytes},
          {"results", results}};
}

std::string bench_text(const BenchReport& report, std::string_view format) {
  Table table({"shape", "precision", "activations", "isa", "threads", "median ms", "p99 ms", "GOPS",
               "peak RSS MB"});
  for (const ShapeResult& result : report.results) {
    const auto peak = result.peak_rss_bytes;
    table.add({result.shape, report.precision, report.activations,
               std::string(jit::isa_name(report.isa)), fmt::format("{}", report.threads),
               fmt::format("{:.2f}", median_seconds(result) * milli),
               fmt::format("{:.2f}", percentile(result.seconds, 99) * milli),
               fmt::format("{:.0f}", gops(result)),
               peak ? fmt::format("{:.0f}", static_cast<double>(*peak) / mega) : "-"});
  }
  return table.text(format);
}

}  // namespace bertq::engine::cli
