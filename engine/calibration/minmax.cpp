#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <string>

#include "bertq/calibration.h"
#include "bertq/error.h"

namespace bertq {
namespace {

struct ValueRange {
  float least = 0.0F, greatest = 0.0F;  // zero is always exact
};

class InputRanges {
 public:
  static void see(void* self, const std::string& module, std::span<const float> row) {
    const auto [least, greatest] = std::minmax_element(row.begin(), row.end());
    auto& ranges = *static_cast<InputRanges*>(self);
    const std::lock_guard lock(ranges.mutex_);
    ValueRange& range = ranges.by_module_[module];
    range.least = std::min(range.least, *least);
    range.greatest = std::max(range.greatest, *greatest);
  }
  const std::map<std::string, ValueRange>& by_module() const { return by_module_; }

 private:
  std::mutex mutex_;
  std::map<std::string, ValueRange> by_module_;
};

// x = scale * (q - zero_point) for q in 0..255, the zero point being a whole number of steps.
void set_range(LayerChoice& choice, const ValueRange& range) {
  constexpr float steps = 255.0F;
  choice.activations = Ranges::fixed;
  choice.scale =
      std::max((range.greatest - range.least) / steps, std::numeric_limits<float>::epsilon());
  choice.zero_point = static_cast<std::int32_t>(
      std::clamp(std::nearbyint(-range.least / choice.scale), 0.0F, steps));
}

void run_heads(Session& session, const PackedBatch& batch) {
  const Heads heads = session.model().heads();
  if (heads.classifier) session.logits(batch);
  if (heads.span) session.token_logits(batch);
  if (!heads.classifier && !heads.span) session.hidden_states(batch);
}

}  // namespace

Recipe calibrate_minmax(const std::shared_ptr<const Model>& model,
                        std::span<const PackedBatch> samples, std::size_t threads,
                        const Recipe& base) {
  if (samples.empty()) throw Error(ErrorKind::usage, "calibration: expected samples, got none");
  if (model->recipe() != Recipe::uniform(Precision::fp32)) {
    throw Error(ErrorKind::usage, "calibration: expected a model in fp32");
  }
  InputRanges ranges;
  Session session(model, threads);
  session.observe_inputs(&InputRanges::see, &ranges);
  for (const PackedBatch& batch : samples) run_heads(session, batch);
  Recipe recipe = base;
  for (const auto& [module, range] : ranges.by_module()) {
    LayerChoice choice = base.of(module);
    if (choice.precision != Precision::int8) continue;
    set_range(choice, range);
    recipe.set(module, choice);
  }
  return recipe;
}

}  // namespace bertq
