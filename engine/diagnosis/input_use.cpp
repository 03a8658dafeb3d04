#include "engine/diagnosis/input_use.h"

#include <algorithm>
#include <cmath>

#include "engine/calibration/input_statistics.h"

namespace bertq::engine {
namespace {

constexpr std::size_t bins = 4096;
constexpr double rare = 0.001, steps = 255.0;

struct Ends {
  double least = 0.0, greatest = 0.0;
};

// Without the rarest values at both ends.
Ends frequent_values(const InputSummary& seen) {
  const auto least = static_cast<double>(std::min(0.0F, seen.extremes.least));
  const auto greatest = static_cast<double>(std::max(0.0F, seen.extremes.greatest));
  if (!(least < greatest)) return {};
  const std::vector<double> counts = seen.histogram.between(least, greatest, bins);
  const double left_out = static_cast<double>(seen.histogram.count()) * rare / 2.0;
  const double width = (greatest - least) / static_cast<double>(bins);
  const auto first_beyond = [&](auto begin, auto end) {
    double sum = 0.0;
    return static_cast<double>(std::distance(
        begin, std::find_if(begin, end, [&](double count) { return (sum += count) > left_out; })));
  };
  return {least + width * first_beyond(counts.begin(), counts.end()),
          greatest - width * first_beyond(counts.rbegin(), counts.rend())};
}

double share_of_channels(const std::vector<Extremes>& channels, const LayerChoice& choice) {
  std::vector<double> range(choice.scale.begin(), choice.scale.end());
  for (double& width : range) width *= steps;
  for (const ChannelSplit& split : choice.splits) range.at(split.channel) *= split.columns;
  double sum = 0.0;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto span = static_cast<double>(channels[i].greatest - channels[i].least);
    sum += std::min(1.0, span / range[i]);
  }
  return sum / static_cast<double>(channels.size());
}

double steps_used(const InputStatistics& input, const LayerChoice& choice) {
  if (choice.equalized() && choice.scale.size() == input.channels.size()) {
    return share_of_channels(input.channels, choice);
  }
  const Ends ends = frequent_values(input.summary);
  if (choice.activations == Ranges::fixed) {
    const double range = static_cast<double>(choice.scale.at(0)) * steps;
    return std::min(1.0, (ends.greatest - ends.least) / range);
  }
  // Each row has its own range; of the widest, this much serves the frequent values.
  const auto widest = static_cast<double>(input.summary.extremes.magnitude());
  return widest == 0.0 ? 0.0 : std::max(-ends.least, ends.greatest) / widest;
}

std::vector<OutlierChannel> find_outliers(const std::vector<Extremes>& channels) {
  std::vector<double> magnitudes;
  for (const Extremes& channel : channels) {
    magnitudes.push_back(static_cast<double>(channel.magnitude()));
  }
  std::vector<double> sorted = magnitudes;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  std::vector<OutlierChannel> outliers;
  for (std::size_t i = 0; i < magnitudes.size(); ++i) {
    if (*middle > 0.0 && magnitudes[i] >= outlier_factor * *middle) {
      outliers.push_back({i, magnitudes[i] / *middle});
    }
  }
  std::ranges::stable_sort(outliers, std::ranges::greater{}, &OutlierChannel::times_median);
  return outliers;
}

}  // namespace

std::optional<InputUse> input_use(const CalibrationStatistics& statistics,
                                  const std::string& module, const LayerChoice& choice) {
  const auto& inputs = statistics.impl().inputs;
  const auto found = inputs.find(input_of(module));
  if (found == inputs.end() || found->second.channels.empty()) return std::nullopt;
  return InputUse{steps_used(found->second, choice), find_outliers(found->second.channels)};
}

}  // namespace bertq::engine
