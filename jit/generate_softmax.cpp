#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "jit/bf16_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"
#include "jit/tile_emitter.h"
#include "jit/vector_math.h"

namespace bertq::jit {
namespace {

// All forms: p = exp(x - largest), in 0..1; they differ in how p is summed and stored.
class Softmax : public TileEmitter {
 protected:
  // `form`: as TileEmitter takes it.
  template <typename... Form>
  explicit Softmax(Isa isa, Form... form)
      : TileEmitter(isa, form...),
        sum_(take_group()),
        minus_largest_(take()),
        power_(take(groups_at_once() * halves())),
        polynomial_(take(groups_at_once() * halves())) {}

  void begin_softmax() {
    begin({offsetof(SoftmaxArgs, scores), offsetof(SoftmaxArgs, ld), offsetof(SoftmaxArgs, rows),
           offsetof(SoftmaxArgs, columns)});
  }

  CodeBlock end_softmax(const std::string& name) {
    end();
    return finish(std::string(isa_name(isa())) + "." + name);
  }

  void find_largest() {
    constexpr float none = -std::numeric_limits<float>::infinity();
    const Group largest = result(0);
    for (const Vec& v : largest) load(v, constant(none));
    for_each_group([&](const Stretch& stretch) {
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          const Vec& to = result(0, half);
          if (!stretch.partial) {
            vmaxps(to, to, f32(x, g, half));
            continue;
          }
          const Vec& values = power_[0];
          load(values, f32(x, g, half));
          replace_padding(values, half, none, temporary());
          vmaxps(to, to, values);
        }
      }
    });
    const Xbyak::Xmm one =
        reduce(largest, temporary(), [&](const Vec& a, const Vec& b) { vmaxps(a, a, b); });
    vbroadcastss(minus_largest_, one);
    vxorps(minus_largest_, minus_largest_, constant(-0.0F));
  }

  // Leaves exp(x - largest) in the results of the stretch.
  void probabilities(const Stretch& stretch) {
    for (int first = 0; first < stretch.groups; first += groups_at_once()) {
      std::vector<Vec> p;
      for (int g = first; g < std::min(first + groups_at_once(), stretch.groups); ++g) {
        for (int half = 0; half < halves(); ++half) {
          p.push_back(result(g, half));
          vaddps(p.back(), minus_largest_, f32(x, g, half));
        }
      }
      emit_exp_nonpositive(*this, p, power_, polynomial_, temporary());
    }
  }

  void clear_sum() {
    for (const Vec& v : sum_) zero(v);
  }

  void store_reciprocal(const Xbyak::Xmm& sum) {
    const Xbyak::Xmm one = first_four(temporary());
    vmovss(one, constant(1.0F));
    vdivss(sum, one, sum);
    vmovss(of_row(offsetof(SoftmaxArgs, reciprocal_sum)), sum);
  }

  // Free after probabilities().
  const Vec& power() const { return power_[0]; }
  const Vec& polynomial() const { return polynomial_[0]; }
  const Vec& sum(int half) const { return sum_[static_cast<std::size_t>(half)]; }

  const Group sum_;

 private:
  // As many as there are registers for.
  int groups_at_once() const { return registers() == 32 ? 4 : 1; }

  const Vec minus_largest_;
  const std::vector<Vec> power_, polynomial_;
};

class SoftmaxU8 : public Softmax {
 public:
  explicit SoftmaxU8(Isa isa) : Softmax(isa) {}

  CodeBlock generate() {
    begin_softmax();
    begin_tiles(offsetof(SoftmaxArgs, tiles));
    for_each_tile_row([&] {
      find_largest();
      quantized_probabilities();
      const Xbyak::Xmm total =
          reduce(sum_, temporary(), [&](const Vec& a, const Vec& b) { vpaddd(a, a, b); });
      vcvtdq2ps(total, total);
      store_reciprocal(total);
    });
    return end_softmax("softmax_u8");
  }

 private:
  void quantized_probabilities() {
    clear_sum();
    for_each_stored_group([&](const Stretch& stretch) {
      probabilities(stretch);
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          const Vec& q = result(g, half);
          vmulps(q, q, constant(255.0F));
          vcvtps2dq(q, q);
          if (stretch.partial) clear_padding(q, half);
          vpaddd(sum(half), sum(half), q);
        }
      }
    });
    zero(result(0, 0));
    store_padding(result(0, 0));
  }
};

class SoftmaxBf16 : public Softmax {
 public:
  SoftmaxBf16(Isa isa, bool fast_bf16) : Softmax(isa, fast_bf16) {}

  CodeBlock generate() {
    begin_softmax();
    begin_tiles(offsetof(SoftmaxArgs, tiles));
    for_each_tile_row([&] {
      find_largest();
      rounded_probabilities();
      store_reciprocal(
          reduce(sum_, temporary(), [&](const Vec& a, const Vec& b) { vaddps(a, a, b); }));
    });
    return end_softmax("softmax_bf16");
  }

 private:
  void rounded_probabilities() {
    clear_sum();
    for_each_stored_group([&](const Stretch& stretch) {
      probabilities(stretch);
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          const Vec& p = result(g, half);
          if (stretch.partial) clear_padding(p, half);
          emit_round_to_bf16(*this, native_bf16(), p, power(), polynomial());
          vaddps(sum(half), sum(half), p);
        }
      }
    });
    zero(result(0, 0));
    store_padding(result(0, 0));
  }
};

class SoftmaxF32 : public Softmax {
 public:
  explicit SoftmaxF32(Isa isa) : Softmax(isa) {}

  CodeBlock generate() {
    begin_softmax();
    for_each_row(1, [&] {
      find_largest();
      stored_probabilities();
      store_reciprocal(
          reduce(sum_, temporary(), [&](const Vec& a, const Vec& b) { vaddps(a, a, b); }));
    });
    return end_softmax("softmax_f32");
  }

 private:
  void stored_probabilities() {
    clear_sum();
    for_each_group([&](const Stretch& stretch) {
      probabilities(stretch);
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          const Vec& p = result(g, half);
          if (stretch.partial) clear_padding(p, half);
          vmovups(f32(x, g, half), p);
          vaddps(sum(half), sum(half), p);
        }
      }
    });
  }
};

}  // namespace

CodeBlock generate_softmax_u8(Isa isa) {
  return SoftmaxU8(isa).generate();
}

CodeBlock generate_softmax_bf16(Isa isa, bool fast_bf16) {
  return SoftmaxBf16(isa, fast_bf16).generate();
}

CodeBlock generate_softmax_f32(Isa isa) {
  return SoftmaxF32(isa).generate();
}

}  // namespace bertq::jit
