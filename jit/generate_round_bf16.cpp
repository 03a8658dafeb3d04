#include <cstddef>
#include <string>

#include "jit/bf16_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"
#include "jit/tile_emitter.h"

namespace bertq::jit {
namespace {

class RoundBf16 : public TileEmitter {
 public:
  RoundBf16(Isa isa, bool fast_bf16)
      : TileEmitter(isa, fast_bf16),
        largest_(take_group()),
        magnitude_bits_(take()),
        second_temporary_(take()) {}

  CodeBlock generate() {
    begin({offsetof(RoundArgs, x), offsetof(RoundArgs, ld), offsetof(RoundArgs, rows),
           offsetof(RoundArgs, columns)});
    begin_tiles(offsetof(RoundArgs, tiles));
    load(magnitude_bits_, constant_bits(magnitude_bits));
    for_each_tile_row([&] {
      for (const Vec& v : largest_) zero(v);
      for_each_stored_group([&](const Stretch& stretch) { round(stretch); });
      zero(result(0, 0));
      store_padding(result(0, 0));
      store_largest();
    });
    end();
    return finish(std::string(isa_name(isa())) + ".round_bf16");
  }

 private:
  void round(const Stretch& stretch) {
    for (int g = 0; g < stretch.groups; ++g) {
      for (int half = 0; half < halves(); ++half) {
        const Vec& value = result(g, half);
        const Vec& largest = largest_[static_cast<std::size_t>(half)];
        load(value, f32(x, g, half));
        if (stretch.partial) clear_padding(value, half);
        vandps(temporary(), magnitude_bits_, value);
        vpmaxsd(largest, largest, temporary());
        if (!native_bf16()) {
          emit_round_to_bf16(*this, false, value, temporary(), second_temporary_);
        }
      }
    }
  }

  // Rounding keeps the order of magnitudes: the largest, rounded, is the largest of the rounded.
  void store_largest() {
    const Xbyak::Xmm one =
        reduce(largest_, temporary(), [&](const Vec& a, const Vec& b) { vpmaxsd(a, a, b); });
    emit_round_to_bf16(*this, false, one, first_four(temporary()), first_four(second_temporary_));
    vmovss(of_row(offsetof(RoundArgs, largest)), one);
  }

  const Group largest_;
  const Vec magnitude_bits_, second_temporary_;
};

}  // namespace

CodeBlock generate_round_bf16(Isa isa, bool fast_bf16) {
  return RoundBf16(isa, fast_bf16).generate();
}

}  // namespace bertq::jit
