// A batch without padding: the tokens of all sequences one after another, and where each ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bertq::engine {

class PackedBatch {
 public:
  PackedBatch() = default;

  // Appends one sequence. `segments` is empty (all 0) or as long as `ids`. Ids are checked when a
  // model runs the batch, since only it knows the vocabulary.
  void add(std::span<const std::int32_t> ids, std::span<const std::int32_t> segments);
  void clear();

  std::size_t sequences() const { return bounds_.size() - 1; }
  std::size_t tokens() const { return ids_.size(); }
  std::size_t begin(std::size_t sequence) const { return bounds_[sequence]; }
  std::size_t length(std::size_t sequence) const {
    return bounds_[sequence + 1] - bounds_[sequence];
  }
  std::size_t longest() const;

  std::span<const std::int32_t> ids() const { return ids_; }
  std::span<const std::int32_t> segments() const { return segments_; }
  std::span<const std::int32_t> positions() const { return positions_; }  // 0.. in each sequence

 private:
  std::vector<std::int32_t> ids_, segments_, positions_;
  std::vector<std::size_t> bounds_{0};
};

}  // namespace bertq::engine
