#include "engine/calibration/value_histogram.h"

#include <array>
#include <cmath>

namespace bertq::engine {
namespace {

constexpr std::size_t bin_count = 16'384;
constexpr std::int32_t half = bin_count / 2;
constexpr int half_log2 = 13;
constexpr int lowest_exponent = -100;  // what is smaller than 2^-100 counts as zero
constexpr std::size_t block = 64;

// Adds `count` values that are spread evenly over [begin, end) to bins of `width` from `first` on.
void spread_evenly(double begin, double end, double count, double first, double width,
                   std::vector<double>& bins) {
  const auto last = static_cast<double>(bins.size() - 1);
  const auto bin_of = [&](double x) {
    return static_cast<std::size_t>(std::clamp(std::floor((x - first) / width), 0.0, last));
  };
  const std::size_t from = bin_of(begin), to = bin_of(end);
  double rest = count;
  for (std::size_t bin = from; bin < to; ++bin) {
    const double bin_end = first + width * static_cast<double>(bin + 1);
    const double share = std::clamp((bin_end - begin) / (end - begin) * count, 0.0, rest);
    bins[bin] += share;
    rest -= share;
    count -= share;
    begin = std::max(begin, bin_end);
  }
  bins[to] += rest;
}

}  // namespace

void ValueHistogram::cover(float magnitude) {
  if (counts_.empty()) {
    counts_.resize(bin_count);
    exponent_ = lowest_exponent;
    if (magnitude > 0.0F) exponent_ = std::max(exponent_, std::ilogb(magnitude) + 1);
  }
  while (magnitude > 0.0F && std::ilogb(magnitude) >= exponent_) widen();
}

void ValueHistogram::widen() {
  if (count_ > 0) {
    std::vector<std::uint64_t> joined(bin_count);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(bin_count); ++i) {
      joined[static_cast<std::size_t>(half + ((i - half) >> 1))] +=
          counts_[static_cast<std::size_t>(i)];
    }
    counts_ = std::move(joined);
  }
  ++exponent_;
}

void ValueHistogram::add(std::span<const float> values, const Extremes& extremes) {
  if (values.empty()) return;
  cover(extremes.magnitude());
  const float bins_per_unit = std::ldexp(1.0F, half_log2 - exponent_);
  std::array<std::int32_t, block> bins;
  for (std::size_t first = 0; first < values.size(); first += block) {
    const std::span<const float> part =
        values.subspan(first, std::min(block, values.size() - first));
    for (std::size_t i = 0; i < part.size(); ++i) {
      const float x = part[i] * bins_per_unit;  // exact
      const auto truncated = static_cast<std::int32_t>(x);
      bins[i] = half + truncated - (x < static_cast<float>(truncated) ? 1 : 0);
    }
    for (std::size_t i = 0; i < part.size(); ++i) ++counts_[static_cast<std::size_t>(bins[i])];
  }
  count_ += values.size();
}

template <typename Spread>
void ValueHistogram::for_each_bin(Spread&& spread) const {
  const double width = std::ldexp(1.0, exponent_ - half_log2);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const double begin = (static_cast<double>(i) - half) * width;
    spread(begin, begin + width, static_cast<double>(counts_[i]));
  }
}

std::vector<double> ValueHistogram::between(double least, double greatest, std::size_t bins) const {
  std::vector<double> result(bins);
  const double width = (greatest - least) / static_cast<double>(bins);
  for_each_bin([&](double begin, double end, double count) {
    spread_evenly(begin, end, count, least, width, result);
  });
  return result;
}

std::vector<double> ValueHistogram::magnitudes(double greatest, std::size_t bins) const {
  std::vector<double> result(bins);
  const double width = greatest / static_cast<double>(bins);
  for_each_bin([&](double begin, double end, double count) {
    if (begin >= 0.0) {
      spread_evenly(begin, end, count, 0.0, width, result);
    } else {
      spread_evenly(-end, -begin, count, 0.0, width, result);
    }
  });
  return result;
}

}  // namespace bertq::engine
