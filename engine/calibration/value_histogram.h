// How often values occur, of a stream whose range nobody knows beforehand.
//
// 16384 bins of one power-of-two width lie symmetrically about zero. A value outside them doubles
// the width and joins bins two by two, which loses nothing that wider bins would have kept: the
// counts are the same whatever order the values come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/calibration/extremes.h"

namespace bertq::engine {

class ValueHistogram {
 public:
  // Finite values, `extremes` being theirs.
  void add(std::span<const float> values, const Extremes& extremes);

  std::uint64_t count() const { return count_; }
  // The counts spread over `bins` equal bins between two ends; what lies in a bin counts as spread
  // evenly over it. What is outside the ends counts to the first or last bin. least < greatest.
  std::vector<double> between(double least, double greatest, std::size_t bins) const;
  // The same of the magnitudes of all values, from 0 to `greatest`.
  std::vector<double> magnitudes(double greatest, std::size_t bins) const;

  friend bool operator==(const ValueHistogram&, const ValueHistogram&) = default;

 private:
  void cover(float magnitude);
  void widen();
  template <typename Spread>
  void for_each_bin(Spread&& spread) const;

  int exponent_ = -100;  // bins cover [-2^exponent, 2^exponent)
  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> counts_;  // none yet: empty
};

}  // namespace bertq::engine
