#include "engine/cli/bench_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "bertq/error.h"
#include "engine/cli/progress.h"
#include "engine/cli/setup.h"
#include "engine/cli/table.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t warm_ups = 2, fewest_passes = 3;
constexpr double milli = 1e3, giga = 1e9, percent = 100.0;
const std::string layer_prefix_begin = "bert.encoder.layer.";

double one_pass(Session& session, const Workload& workload) {
  const auto start = std::chrono::steady_clock::now();
  for (const Batched& batched : workload.batches) forward(session, batched.batch);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// "bert.encoder.layer.*.output.dense"
std::string of_all_layers(const std::string& module) {
  if (!module.starts_with(layer_prefix_begin)) return module;
  const std::size_t dot = module.find('.', layer_prefix_begin.size());
  return dot == std::string::npos ? module : layer_prefix_begin + "*" + module.substr(dot);
}

// Without the instruction set, which the report names once.
std::string short_name(const LayersReport& report, const std::string& kernel) {
  const std::string prefix = std::string(jit::isa_name(report.subject->model->isa())) + ".";
  return kernel.starts_with(prefix) ? kernel.substr(prefix.size()) : kernel;
}

std::vector<KernelTime> summed_over_layers(const std::vector<KernelTime>& kernels) {
  std::vector<KernelTime> sums;
  for (const KernelTime& kernel : kernels) {
    const std::string module = of_all_layers(kernel.module);
    const auto same = std::ranges::find_if(sums, [&](const KernelTime& sum) {
      return sum.module == module && sum.kernel == kernel.kernel;
    });
    if (same == sums.end()) {
      sums.push_back(kernel);
      sums.back().module = module;
      continue;
    }
    same->runs += kernel.runs;
    same->operations += kernel.operations;
    same->seconds += kernel.seconds;
  }
  return sums;
}

double total_operations(const LayerTimes& times) {
  double sum = 0.0;
  for (const KernelTime& kernel : times.kernels) sum += kernel.operations;
  return sum;
}

// The share of the whole pass in which the multiplying units, at their peak, would have done it.
double share_of_peak(const LayersReport& report, const LayerTimes& times) {
  double seconds = 0.0;
  for (const KernelTime& kernel : times.kernels) {
    if (kernel.operations > 0.0) seconds += kernel.operations / report.peaks.at(kernel.operands);
  }
  return seconds / static_cast<double>(times.threads) / times.seconds;
}

double share_of_peak(const LayersReport& report, const KernelTime& kernel) {
  return kernel.operations / kernel.seconds / report.peaks.at(kernel.operands);
}

class Rows {
 public:
  Rows(const LayersReport& report, const LayerTimes& times) : report_(report), times_(times) {}

  void add_all(Table& table, const std::vector<KernelTime>& kernels) const {
    for (const KernelTime& kernel : kernels) {
      const bool product = kernel.operations > 0.0;
      add(table, kernel.module, short_name(report_, kernel.kernel), fmt::format("{}", kernel.runs),
          times_.part(kernel),
          product ? fmt::format("{:.0f}", kernel.operations / kernel.seconds / giga) : "-",
          product ? fmt::format("{:.1f}", share_of_peak(report_, kernel) * percent) : "-");
    }
    add(table, "rest", "dispatch and waiting", "-", times_.rest(), "-", "-");
    const double rate = total_operations(times_) / times_.seconds;
    add(table, "all", "-", "-", times_.seconds, fmt::format("{:.0f}", rate / giga),
        fmt::format("{:.1f}", share_of_peak(report_, times_) * percent));
  }

 private:
  void add(Table& table, const std::string& module, const std::string& kernel,
           const std::string& runs, double seconds, const std::string& gops,
           const std::string& of_peak) const {
    table.add({times_.shape, module, kernel, runs, fmt::format("{:.4f}", seconds * milli),
               fmt::format("{:.2f}", seconds / times_.seconds * percent), gops, of_peak});
  }

  const LayersReport& report_;
  const LayerTimes& times_;
};

Table empty_table() {
  return Table({"shape", "module", "kernel", "runs", "ms", "share %", "GOPS", "of peak %"});
}

std::string head(const LayersReport& report) {
  const Subject& subject = *report.subject;
  std::string text =
      fmt::format("{}, {} ({}), {}, {} {}; one core at most:", subject.name, subject.precision,
                  subject.activations, jit::isa_name(subject.model->isa()), report.threads,
                  report.threads == 1 ? "thread" : "threads");
  for (const auto& [operands, rate] : report.peaks) {
    text += fmt::format(" {} {:.0f} GOPS,",
                        jit::unit_name(jit::unit_of(subject.model->isa(), operands)), rate / giga);
  }
  text.back() = '\n';
  return text;
}

std::string watched_text(const LayerTimes& times) {
  return fmt::format("{}: {:.2f} ms watched, {:.2f} ms when nobody watches\n", times.shape,
                     times.seconds * milli, times.unwatched_seconds * milli);
}

}  // namespace

double LayerTimes::part(const KernelTime& kernel) const {
  return kernel.seconds / static_cast<double>(threads);
}

double LayerTimes::rest() const {
  double left = seconds;
  for (const KernelTime& kernel : kernels) left -= part(kernel);
  return left;
}

LayerTimes time_layers(Session& session, const Workload& workload, std::size_t threads,
                       double seconds) {
  for (std::size_t i = 0; i < warm_ups; ++i) one_pass(session, workload);
  LayerTimes times;
  times.shape = workload.name;
  times.threads = threads;
  double spent = 0.0;
  for (std::size_t pass = 0; pass < fewest_passes || spent < seconds; ++pass) {
    const double unwatched = one_pass(session, workload);
    KernelWatch watch(session);
    const double watched = one_pass(session, workload);
    spent += unwatched + watched;
    if (pass == 0 || unwatched < times.unwatched_seconds) times.unwatched_seconds = unwatched;
    if (pass > 0 && watched >= times.seconds) continue;
    times.seconds = watched;
    times.kernels = watch.times();
  }
  return times;
}

Json layers_json(const LayersReport& report) {
  const Subject& subject = *report.subject;
  Json json = json_head(subject.model->isa(), report.threads);
  json["model"] = subject.name;
  json["precision"] = subject.precision;
  json["activations"] = subject.activations;
  json["peaks"] = Json::array();
  for (const auto& [operands, rate] : report.peaks) {
    const jit::Unit unit = jit::unit_of(subject.model->isa(), operands);
    json["peaks"].push_back({{"unit", jit::unit_name(unit)}, {"gops", rate / giga}});
  }
  json["results"] = Json::array();
  for (const LayerTimes& times : report.results) {
    Json kernels = Json::array();
    for (const KernelTime& kernel : times.kernels) {
      const bool product = kernel.operations > 0.0;
      kernels.push_back(
          {{"module", kernel.module},
           {"kernel", kernel.kernel},
           {"runs", kernel.runs},
           {"ms", times.part(kernel) * milli},
           {"share", times.part(kernel) / times.seconds},
           {"gops", product ? Json(kernel.operations / kernel.seconds / giga) : Json()},
           {"of_peak", product ? Json(share_of_peak(report, kernel)) : Json()}});
    }
    json["results"].push_back({{"shape", times.shape},
                               {"ms", times.seconds * milli},
                               {"unwatched_ms", times.unwatched_seconds * milli},
                               {"rest_ms", times.rest() * milli},
                               {"gops", total_operations(times) / times.seconds / giga},
                               {"of_peak", share_of_peak(report, times)},
                               {"kernels", kernels}});
  }
  return json;
}

std::string layers_text(const LayersReport& report, std::string_view format) {
  Table every = empty_table();
  for (const LayerTimes& times : report.results) Rows(report, times).add_all(every, times.kernels);
  if (format == "csv") return every.text(format);
  std::string text = head(report);
  Table summed = empty_table();
  for (const LayerTimes& times : report.results) {
    text += watched_text(times);
    Rows(report, times).add_all(summed, summed_over_layers(times.kernels));
  }
  return text + "\n" + summed.text(format) + "\n" + every.text(format);
}

void bench_layers(const Arguments& arguments, Output& output, const Console& console) {
  for (const char* other : {"scenario", "baseline", "report"}) {
    if (arguments.given(other)) {
      throw Error(ErrorKind::usage, fmt::format("--layers does not go with --{}", other));
    }
  }
  if (arguments.list("precision").size() > 1) {
    throw Error(ErrorKind::usage, "--layers: expected one --precision");
  }
  const BenchInput input = open_bench_input(arguments, console);
  const Subject subject = open_subject(arguments, console, input);
  const auto sets = read_requests(arguments, input, subject);
  LayersReport report;
  report.subject = &subject;
  report.threads = chosen_threads(arguments);
  Session session(subject.model, report.threads);
  apply_batching(arguments, session);
  Progress progress(console, "bench", sets.size());
  for (const RequestSet& set : sets) {
    report.results.push_back(time_layers(session, workload_of(set, arguments, *subject.model),
                                         report.threads,
                                         static_cast<double>(arguments.number("seconds"))));
    for (const KernelTime& kernel : report.results.back().kernels) {
      if (kernel.operations == 0.0 || report.peaks.contains(kernel.operands)) continue;
      const jit::Unit unit = jit::unit_of(subject.model->isa(), kernel.operands);
      report.peaks[kernel.operands] = jit::measure_peak(unit);
    }
    progress.advance(1);
  }
  if (arguments.text("format") == "json") {
    write_json(output, layers_json(report));
  } else {
    output.write(layers_text(report, arguments.text("format")));
  }
}

}  // namespace bertq::engine::cli
