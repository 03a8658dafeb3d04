#include "engine/tuning/costs.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace bertq::engine {
namespace {

constexpr double far_off = 2.5, dynamic_ranges = 1.02;
// What is measured slower than INT8 by less than this may as well be faster: such differences come
// from the machine's other work. INT8 is the choice then, with either kind of ranges.
constexpr double least_bf16 = 1.04, least_fp32 = 1.05;
static_assert(dynamic_ranges < least_bf16 && least_bf16 < least_fp32);

// Layers of one shape, wherever they stand: the name without its number.
std::string class_of(const std::string& module) {
  std::string name;
  std::copy_if(module.begin(), module.end(), std::back_inserter(name),
               [](char c) { return c < '0' || c > '9'; });
  return name;
}

struct LayerClass {
  std::vector<std::size_t> modules;
  double work = 0.0;
  double extra = 0.0;  // measured seconds that FP32 costs more
};

using Classes = std::map<std::string, LayerClass>;

Classes classes_of(const TuningSpace& space) {
  Classes classes;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    if (!has_fp32(module) || !has_int8(module)) continue;
    LayerClass& of_module = classes[class_of(module.name)];
    of_module.modules.push_back(i);
    of_module.work += module.work;
  }
  return classes;
}

// A failed probe measures nothing.
double seconds_or(const Outcome& outcome, double otherwise) {
  return outcome.failed() || !std::isfinite(outcome.seconds) ? otherwise : outcome.seconds;
}

double total_work(const TuningSpace& space) {
  double work = 0.0;
  for (const TunableModule& module : space.modules) work += module.work;
  return std::max(work, 1.0);
}

// How much of what FP32 costs beyond INT8 BF16 costs too: measured with all modules in it at once.
double share_of_bf16(const TuningSpace& space, Trials& trials, const Configuration& int8,
                     double all_int8, double extra) {
  Configuration lifted = int8;
  bool any = false;
  for (std::size_t i = 0; i < space.modules.size(); ++i) {
    const TunableModule& module = space.modules[i];
    if (!has_bf16(module) || !has_fp32(module) || !has_int8(module)) continue;
    lifted.options[i] = static_cast<std::uint16_t>(option_in(module, Precision::bf16));
    any = true;
  }
  if (!any || extra <= 0.0) return 1.0;
  return std::clamp((seconds_or(trials.probe(lifted), all_int8) - all_int8) / extra, 0.0, 1.0);
}

double cost_of(const LayerOption& option, double int8, double extra, double bf16_share) {
  switch (option.precision) {
    case Precision::int8:
      break;
    case Precision::bf16:
      return std::max(int8 + bf16_share * extra, int8 * least_bf16);
    case Precision::fp32:
      return std::max(int8 + extra, int8 * least_fp32);
  }
  return option.activations == Ranges::dynamic ? int8 * dynamic_ranges : int8;
}

}  // namespace

Costs measure_costs(const TuningSpace& space, Trials& trials, const Configuration& int8) {
  const double all_int8 = seconds_or(trials.probe(int8), 1.0);
  Classes classes = classes_of(space);
  double extra = 0.0, work = 0.0;
  for (auto& [name, layer_class] : classes) {
    Configuration lifted = int8;
    for (const std::size_t module : layer_class.modules) {
      lifted.options[module] = static_cast<std::uint16_t>(fp32_option(space.modules[module]));
    }
    layer_class.extra = std::max(0.0, seconds_or(trials.probe(lifted), all_int8) - all_int8);
    extra += layer_class.extra;
    work += layer_class.work;
  }
  const double extra_of_work = work > 0.0 ? extra / work : 0.0;
  const double bf16_share = share_of_bf16(space, trials, int8, all_int8, extra);

  const double int8_of_work = all_int8 / total_work(space);
  Costs costs;
  for (const TunableModule& module : space.modules) {
    const double in_int8 = int8_of_work * module.work;
    double extra_of_module = 0.0;
    if (const auto found = classes.find(class_of(module.name)); found != classes.end()) {
      const LayerClass& layer_class = found->second;
      const double predicted = extra_of_work * layer_class.work;
      const bool usual =
          layer_class.extra < predicted * far_off && layer_class.extra * far_off > predicted;
      extra_of_module =
          (usual ? predicted : layer_class.extra) / static_cast<double>(layer_class.modules.size());
    }
    costs.emplace_back();
    for (const LayerOption& option : module.options) {
      costs.back().push_back(cost_of(option, in_int8, extra_of_module, bf16_share));
    }
  }
  return costs;
}

}  // namespace bertq::engine
