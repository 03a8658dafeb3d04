// What the generators that pack the keys and the values of a head share: four rows of it at a time
// become s8.
#pragma once

#include "jit/row_emitter.h"

namespace bertq::jit {

class AttentionPackEmitter : public RowEmitter {
 protected:
  static constexpr int block = static_cast<int>(depth_group);  // rows that are packed together
  // What 16 columns of B take for four rows.
  static constexpr int group_bytes = static_cast<int>(lanes * depth_group);

  explicit AttentionPackEmitter(Isa isa)
      : RowEmitter(isa), q_(take(block)), magnitude_bits_(take()), t_(take()) {}

  const Vec& q(int r) const { return q_[static_cast<std::size_t>(r)]; }

  void quantize(int r, const Vec& inverse, const Address& values) {
    vmulps(q(r), inverse, values);
    vcvtps2dq(q(r), q(r));
  }

  // q(0)..q(3) as bytes in q(0): each 128-bit quarter holds four bytes of every row.
  void pack_bytes() {
    vpackssdw(q(0), q(0), q(1));
    vpackssdw(q(2), q(2), q(3));
    vpacksswb(q(0), q(0), q(2));
  }

  const std::vector<Vec> q_;
  const Vec magnitude_bits_, t_;
};

}  // namespace bertq::jit
