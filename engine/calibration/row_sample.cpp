#include "engine/calibration/row_sample.h"

#include <algorithm>
#include <array>
#include <bit>

#include "loaders/xxh3.h"

namespace bertq::engine {
namespace {

// The finaliser of SplitMix64: every bit of the input reaches every bit of the result.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

}  // namespace

RowSample::Hash RowSample::hash(std::span<const float> row) {
  loaders::Xxh3 state;
  state.update(std::as_bytes(row));
  const loaders::Xxh3::Digest digest = state.digest();
  Hash low = 0;
  for (std::size_t i = 0; i < sizeof low; ++i) {
    low = (low << 8U) | std::to_integer<std::uint64_t>(digest[i]);
  }
  return low;
}

void RowSample::next_batch() {
  ++batch_;
  shown_.clear();
}

void RowSample::add(std::span<const float> row, Hash hash) {
  ++seen_;
  const std::uint64_t occurrence = shown_[hash]++;
  const std::uint64_t key = mixed(mixed(hash + batch_) + occurrence);
  if (keys_.size() < most_rows_) {
    keys_.emplace_back(key, keys_.size());
    values_.insert(values_.end(), row.begin(), row.end());
    std::push_heap(keys_.begin(), keys_.end());
    return;
  }
  if (keys_.empty() || key >= keys_.front().first) return;
  std::pop_heap(keys_.begin(), keys_.end());
  keys_.back().first = key;
  std::copy(row.begin(), row.end(),
            values_.begin() + static_cast<std::ptrdiff_t>(keys_.back().second * columns_));
  std::push_heap(keys_.begin(), keys_.end());
}

void RowSample::finish() {
  std::sort(keys_.begin(), keys_.end());
  std::vector<float> sorted;
  sorted.reserve(values_.size());
  for (auto& [key, slot] : keys_) {
    const std::span<const float> from = row(slot);
    sorted.insert(sorted.end(), from.begin(), from.end());
  }
  for (std::size_t i = 0; i < keys_.size(); ++i) keys_[i].second = i;
  values_ = std::move(sorted);
  shown_ = {};
}

}  // namespace bertq::engine
