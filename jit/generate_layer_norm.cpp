#include <array>
#include <cstddef>
#include <string>

#include "jit/row_emitter.h"
#include "jit/row_generators.h"
#include "jit/row_kernels.h"

namespace bertq::jit {
namespace {

// Each lane of a sum is one chain of dependent additions, as the order of the sum demands. Four
// rows at once give the processor four such chains to work on.
constexpr int interleaved_rows = 4;

class LayerNorm : public RowEmitter {
 public:
  explicit LayerNorm(Isa isa)
      : RowEmitter(isa),
        sums_(take_groups(interleaved_rows)),
        minus_mean_(take(interleaved_rows)),
        count_(take()),
        gamma_(take()),
        beta_(take()),
        t_(take()) {}

  CodeBlock generate() {
    begin({offsetof(LayerNormArgs, x), offsetof(LayerNormArgs, ld), offsetof(LayerNormArgs, rows),
           offsetof(LayerNormArgs, columns)});
    mov(gamma_row_, argument(offsetof(LayerNormArgs, gamma)));
    mov(beta_row_, argument(offsetof(LayerNormArgs, beta)));
    zero(count_);
    vcvtsi2ss(first_four(count_), first_four(count_), columns);
    for (const int block : {interleaved_rows, 1}) {
      for_each_row(block, [&] { normalise(block); });
    }
    end();
    return finish(std::string(isa_name(isa())) + ".layer_norm");
  }

 private:
  const Reg& row_pointer(int r) const { return row_pointers_[static_cast<std::size_t>(r)]; }
  const Group& sum(int r) const { return sums_[static_cast<std::size_t>(r)]; }
  const Vec& minus_mean(int r) const { return minus_mean_[static_cast<std::size_t>(r)]; }
  // After the sums are done, their first registers hold these.
  const Vec& reciprocal(int r) const { return sum(r)[0]; }

  void normalise(int block) {
    for (int r = 1; r < block; ++r) lea(row_pointer(r), ptr[row_pointer(r - 1) + ld]);
    sum_values(block);
    for (int r = 0; r < block; ++r) find_mean(r);
    center(block);
    for (int r = 0; r < block; ++r) find_mean(r);
    sum_squares(block);
    for (int r = 0; r < block; ++r) find_reciprocal_deviation(r);
    scale_and_shift(block);
  }

  void sum_values(int block) {
    clear_sums(block);
    for_each_vector(block, [&](int r, int half, const Address& values, bool partial) {
      load(t_, values);
      add_to_sum(r, half, partial);
    });
  }

  // x -= mean, and the sums of what is left: the mean was rounded, and that error is not small
  // beside the deviation of a row far from zero.
  void center(int block) {
    clear_sums(block);
    for_each_vector(block, [&](int r, int half, const Address& values, bool partial) {
      vaddps(t_, minus_mean(r), values);
      vmovups(values, t_);
      add_to_sum(r, half, partial);
    });
  }

  void add_to_sum(int r, int half, bool partial) {
    const Vec& to = sum(r)[static_cast<std::size_t>(half)];
    if (partial) replace_padding(t_, half, -0.0F, gamma_);  // the number that changes no sum
    vaddps(to, to, t_);
  }

  void sum_squares(int block) {
    clear_sums(block);
    for_each_vector(block, [&](int r, int half, const Address& values, bool partial) {
      vaddps(t_, minus_mean(r), values);
      if (partial) clear_padding(t_, half);
      vfmadd231ps(sum(r)[static_cast<std::size_t>(half)], t_, t_);
    });
  }

  // Writes into the padding too, where neither the old nor the new values mean anything.
  void scale_and_shift(int block) {
    for_each_group([&](const Stretch& stretch) {
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          load(gamma_, f32(gamma_row_, g, half));
          load(beta_, f32(beta_row_, g, half));
          for (int r = 0; r < block; ++r) {
            const Address values = f32(row_pointer(r), g, half);
            vaddps(t_, minus_mean(r), values);
            vmulps(t_, t_, reciprocal(r));
            vfmadd213ps(t_, gamma_, beta_);
            vmovups(values, t_);
          }
        }
      }
    });
  }

  // body(row of the block, half, values in memory, whether the group is partial) for each half
  // group of all rows.
  template <typename VectorBody>
  void for_each_vector(int block, VectorBody body) {
    for_each_group([&](const Stretch& stretch) {
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          for (int r = 0; r < block; ++r) {
            body(r, half, f32(row_pointer(r), g, half), stretch.partial);
          }
        }
      }
    });
  }

  void clear_sums(int block) {
    for (int r = 0; r < block; ++r) {
      for (const Vec& v : sum(r)) zero(v);
    }
  }

  Xbyak::Xmm mean_of_sum(int r) {
    const Xbyak::Xmm mean =
        reduce(sum(r), t_, [&](const Vec& a, const Vec& b) { vaddps(a, a, b); });
    vdivss(mean, mean, first_four(count_));
    return mean;
  }

  void find_mean(int r) {
    vbroadcastss(minus_mean(r), mean_of_sum(r));
    vxorps(minus_mean(r), minus_mean(r), constant(-0.0F));
  }

  void find_reciprocal_deviation(int r) {
    const Xbyak::Xmm value = mean_of_sum(r), one = first_four(t_);
    vaddss(value, value, argument(offsetof(LayerNormArgs, epsilon)));
    vsqrtss(value, value, value);
    vmovss(one, constant(1.0F));
    vdivss(value, one, value);
    mov(scratch, argument(offsetof(LayerNormArgs, reciprocal_deviation)));
    vmovss(at(scratch + row * 4, r * static_cast<int>(sizeof(float))), value);
    vbroadcastss(reciprocal(r), value);
  }

  std::vector<Group> sums_;
  std::vector<Vec> minus_mean_;
  Vec count_, gamma_, beta_, t_;
  const std::array<Reg, interleaved_rows> row_pointers_ = {x, rbx, r12, r13};
  const Reg gamma_row_ = r14, beta_row_ = r15;
};

}  // namespace

CodeBlock generate_layer_norm(Isa isa) {
  return LayerNorm(isa).generate();
}

}  // namespace bertq::jit
