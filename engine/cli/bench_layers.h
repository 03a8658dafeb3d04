// bertq bench --layers: where the time of a forward pass goes, kernel by kernel, and how near each
// product comes to what the unit that multiplies can do.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/cli/bench_subject.h"
#include "engine/cli/console.h"
#include "engine/cli/json_output.h"
#include "engine/diagnosis/kernel_times.h"
#include "jit/peak.h"

namespace bertq::engine::cli {

// Of one workload. Times are of the quickest of several passes: other programs only ever add.
struct LayerTimes {
  std::string shape;
  std::size_t threads = 1;
  double seconds = 0.0;             // wall time of the pass
  double unwatched_seconds = 0.0;   // of one that nobody watched: watching is not free
  std::vector<KernelTime> kernels;  // of the pass, seconds summed over the threads

  // A kernel's part of the pass: its seconds, divided by the number of threads.
  double part(const KernelTime& kernel) const;
  // What is left: dispatch, threads that wait for each other, and watching. With it, the parts sum
  // to the pass.
  double rest() const;
};

LayerTimes time_layers(Session& session, const Workload& workload, std::size_t threads,
                       double seconds);

// Operations a second of one core, for each kind of product.
using Peaks = std::map<jit::Operands, double>;

struct LayersReport {
  const Subject* subject = nullptr;
  std::size_t threads = 1;
  Peaks peaks;
  std::vector<LayerTimes> results;
};

Json layers_json(const LayersReport& report);
// `format` is "table", "md" or "csv". The first two begin with a summary that sums the layers.
std::string layers_text(const LayersReport& report, std::string_view format);

// What the verb does with --layers. Throws Error (usage) for flags that only go without it.
void bench_layers(const Arguments& arguments, Output& output, const Console& console);

}  // namespace bertq::engine::cli
