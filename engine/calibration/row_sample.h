// A fair choice of rows out of a stream of them, which does not depend on their order.
//
// Each row has a key, XXH3 of its values, of its batch and of how many rows equal to it the batch
// has shown already, so that rows that repeat are as likely as others. The rows with the smallest
// keys stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bertq::engine {

class RowSample {
 public:
  using Hash = std::uint64_t;

  explicit RowSample(std::size_t columns, std::size_t most_rows)
      : columns_(columns), most_rows_(most_rows) {}

  static Hash hash(std::span<const float> row);
  // `row` has `columns` values, of which `hash` is theirs.
  void add(std::span<const float> row, Hash hash);
  void next_batch();
  // Puts the rows into the order of their keys. After the last row.
  void finish();

  std::size_t columns() const { return columns_; }
  std::size_t rows() const { return keys_.size(); }
  std::span<const float> row(std::size_t index) const {
    return std::span(values_).subspan(index * columns_, columns_);
  }
  std::span<const float> values() const { return values_; }  // [rows][columns]
  std::uint64_t seen() const { return seen_; }

 private:
  using Key = std::pair<std::uint64_t, std::size_t>;  // and where its row lies

  std::size_t columns_, most_rows_;
  std::uint64_t seen_ = 0, batch_ = 0;
  std::unordered_map<Hash, std::uint32_t> shown_;  // in this batch
  std::vector<Key> keys_;                          // a heap, the greatest first
  std::vector<float> values_;
};

}  // namespace bertq::engine
