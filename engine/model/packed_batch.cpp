#include "engine/model/packed_batch.h"

#include <algorithm>

#include "bertq/error.h"

namespace bertq::engine {

void PackedBatch::add(std::span<const std::int32_t> ids, std::span<const std::int32_t> segments) {
  if (!segments.empty() && segments.size() != ids.size()) {
    throw Error(ErrorKind::usage, "a sequence of " + std::to_string(ids.size()) + " tokens with " +
                                      std::to_string(segments.size()) + " segments");
  }
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  if (segments.empty()) {
    segments_.resize(ids_.size(), 0);
  } else {
    segments_.insert(segments_.end(), segments.begin(), segments.end());
  }
  for (std::size_t position = 0; position < ids.size(); ++position) {
    positions_.push_back(static_cast<std::int32_t>(position));
  }
  bounds_.push_back(ids_.size());
}

void PackedBatch::clear() {
  ids_.clear();
  segments_.clear();
  positions_.clear();
  bounds_.resize(1);
}

std::size_t PackedBatch::longest() const {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < sequences(); ++i) longest = std::max(longest, length(i));
  return longest;
}

}  // namespace bertq::engine
