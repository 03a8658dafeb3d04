// The range of rows of activations.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/model/rows.h"

namespace bertq::engine {

struct RowRange {
  float lowest = 0.0F, highest = 0.0F;  // 0 is always within
  bool finite = true;

  float largest_magnitude() const { return std::max(-lowest, highest); }
  // Of both together: in any order the same bits.
  RowRange joined(const RowRange& other) const {
    return {std::min(lowest, other.lowest), std::max(highest, other.highest),
            finite && other.finite};
  }
};

// Of the first `rows` rows.
RowRange range_of_rows(const FloatRows& x, std::size_t rows, std::size_t columns);

}  // namespace bertq::engine
