#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <utility>

#include "bertq/error.h"
#include "engine/calibration/input_statistics.h"

namespace bertq::engine {
namespace {

// Rows of all inputs together: 1 GiB at most. More than 4096 rows improve nothing.
constexpr std::size_t most_sample_bytes = std::size_t{1} << 30U;
constexpr std::size_t most_sample_rows = 4096, least_sample_rows = 256;

constexpr std::string_view self_attention = ".attention.self";

std::size_t sample_rows(const ModelConfig& config) {
  const std::size_t floats = config.layers * (3 * config.hidden + config.intermediate);
  return std::clamp(most_sample_bytes / (sizeof(float) * std::max<std::size_t>(floats, 1)),
                    least_sample_rows, most_sample_rows);
}

// Sees each row of each input, from several threads.
class Collector {
 public:
  explicit Collector(std::size_t most_rows) : most_rows_(most_rows) {}

  static void see(void* self, const std::string& module, std::span<const float> row) {
    static_cast<Collector*>(self)->add(module, row);
  }
  void end_batch() {
    for (auto& [name, input] : inputs_) {
      const std::lock_guard lock(input.mutex);
      input.statistics.rows.next_batch();
      if (input.batch.empty()) continue;
      input.statistics.summary.extremes.add(input.batch);
      input.statistics.summary.batches.push_back(std::exchange(input.batch, {}));
    }
  }
  CalibrationStatistics::Impl result(jit::Isa isa) && {
    CalibrationStatistics::Impl impl{{}, {modules_.begin(), modules_.end()}, isa};
    for (auto& [name, input] : inputs_) {
      input.statistics.rows.finish();
      impl.inputs.emplace(name, std::move(input.statistics));
    }
    return impl;
  }

 private:
  struct Input {
    Input(std::size_t columns, std::size_t most_rows) : statistics(columns, most_rows) {}
    std::mutex mutex;
    InputStatistics statistics;
    Extremes batch;
  };

  // Of query, key and value, one is enough. Null for the others.
  Input* input_of_module(const std::string& module, std::size_t columns) {
    const std::string_view name = input_of(module);
    const std::lock_guard lock(mutex_);
    if (const auto known = modules_.find(module); known == modules_.end()) modules_.insert(module);
    if (name.size() != module.size() && !module.ends_with(".key")) return nullptr;
    auto found = inputs_.find(name);
    if (found == inputs_.end()) {
      found = inputs_.try_emplace(std::string(name), columns, most_rows_).first;
    }
    return &found->second;
  }

  void add(const std::string& module, std::span<const float> row) {
    Input* const input = input_of_module(module, row.size());
    if (input == nullptr) return;
    const Extremes extremes = Extremes::of(row);
    const RowSample::Hash hash = RowSample::hash(row);
    const std::lock_guard lock(input->mutex);
    InputStatistics& statistics = input->statistics;
    input->batch.add(extremes);
    for (std::size_t i = 0; i < row.size(); ++i) statistics.channels[i].add(row[i]);
    statistics.summary.histogram.add(row, extremes);
    statistics.rows.add(row, hash);
  }

  std::size_t most_rows_;
  std::mutex mutex_;
  std::map<std::string, Input, std::less<>> inputs_;  // nodes stay where they are
  std::set<std::string, std::less<>> modules_;
};

void run_heads(Session& session, const PackedBatch& batch) {
  const Heads heads = session.model().heads();
  if (heads.classifier) session.logits(batch);
  if (heads.span) session.token_logits(batch);
  if (!heads.classifier && !heads.span) session.hidden_states(batch);
}

}  // namespace

std::string_view input_of(std::string_view module) {
  for (const std::string_view last : {".query", ".key", ".value"}) {
    if (!module.ends_with(last)) continue;
    const std::string_view parent = module.substr(0, module.size() - last.size());
    if (parent.ends_with(self_attention)) return parent;
  }
  return module;
}

CalibrationStatistics::CalibrationStatistics(std::unique_ptr<const Impl> impl)
    : impl_(std::move(impl)) {}
CalibrationStatistics::~CalibrationStatistics() = default;

std::shared_ptr<const CalibrationStatistics> CalibrationStatistics::collect(
    const std::shared_ptr<const Model>& model, std::span<const PackedBatch> samples,
    std::size_t threads, const OnBatch& on_batch) {
  if (samples.empty()) throw Error(ErrorKind::usage, "calibration: expected samples, got none");
  if (model->recipe() != Recipe::uniform(Precision::fp32)) {
    throw Error(ErrorKind::usage, "calibration: expected a model in fp32");
  }
  Collector collector(sample_rows(model->config()));
  Session session(model, threads);
  session.observe_inputs(&Collector::see, &collector);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    run_heads(session, samples[i]);
    collector.end_batch();
    if (on_batch) on_batch(i + 1);
  }
  auto impl = std::make_unique<const Impl>(std::move(collector).result(model->isa()));
  return std::shared_ptr<const CalibrationStatistics>(new CalibrationStatistics(std::move(impl)));
}

}  // namespace bertq::engine
