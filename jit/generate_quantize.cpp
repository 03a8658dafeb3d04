#include <cstddef>
#include <string>

#include "jit/row_generators.h"
#include "jit/row_kernels.h"
#include "jit/tile_emitter.h"

namespace bertq::jit {
namespace {

class Quantize : public TileEmitter {
 protected:
  explicit Quantize(Isa isa)
      : TileEmitter(isa),
        inverse_(take()),
        zero_point_(take()),
        zero_point_words_(take()),
        padding_(take()) {}

  void begin_quantize() {
    begin({offsetof(QuantizeArgs, x), offsetof(QuantizeArgs, ld), offsetof(QuantizeArgs, rows),
           offsetof(QuantizeArgs, columns)});
    begin_tiles(offsetof(QuantizeArgs, tiles));
    vpbroadcastd(zero_point_, argument(offsetof(QuantizeArgs, zero_point)));
    vpbroadcastw(zero_point_words_, argument(offsetof(QuantizeArgs, zero_point)));
    vpbroadcastb(first_four(padding_), argument(offsetof(QuantizeArgs, zero_point)));
  }

  CodeBlock end_quantize(const std::string& name) {
    end();
    return finish(std::string(isa_name(isa())) + "." + name);
  }

  void quantize_row() {
    for_each_stored_group([&](const Stretch& stretch) {
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          quantize(result(g, half), g, half, stretch.partial);
        }
      }
    });
  }

  // q = the integers of half a group; a partial one has padding.
  virtual void quantize(const Vec& q, int group, int half, bool partial) {
    vmulps(q, inverse_, f32(x, group, half));
    before_rounding(q);
    vcvtps2dq(q, q);
    if (partial) clear_padding(q, half);  // it becomes the zero point
  }
  virtual void before_rounding(const Vec&) {}  // what else happens to x * inverse
  void adjust_words(const Vec& q) override { vpaddw(q, q, zero_point_words_); }
  void adjust_integers(const Vec& q) override { vpaddd(q, q, zero_point_); }

  const Vec inverse_, zero_point_, zero_point_words_, padding_;
};

class QuantizeDynamic : public Quantize {
 public:
  explicit QuantizeDynamic(Isa isa) : Quantize(isa), magnitude_bits_(take()), scale_(take()) {}

  CodeBlock generate() {
    begin_quantize();
    load(magnitude_bits_, constant_bits(magnitude_bits));
    for_each_tile_row([&] {
      find_scale();
      quantize_row();
      store_padding(padding_);
    });
    return end_quantize("quantize_dynamic");
  }

 private:
  void find_scale() {
    const Xbyak::Xmm largest = find_largest();
    const Xbyak::Xmm scale = first_four(scale_), inverse = first_four(inverse_);
    vmovss(inverse, argument(offsetof(QuantizeArgs, least_range)));
    vmaxss(largest, inverse, largest);  // this order keeps a NaN
    scale_of_range(largest, argument(offsetof(QuantizeArgs, steps)), scale, inverse);
    vmovss(of_row(offsetof(QuantizeArgs, scale)), scale);
    vbroadcastss(inverse_, inverse);
  }

  // The largest |x| of the row. Its order is free, so two groups are kept apart.
  Xbyak::Xmm find_largest() {
    for (int g = 0; g < 2; ++g) {
      for (int half = 0; half < halves(); ++half) zero(result(g, half));
    }
    for_each_group([&](const Stretch& stretch) {
      for (int g = 0; g < stretch.groups; ++g) {
        for (int half = 0; half < halves(); ++half) {
          vandps(temporary(), magnitude_bits_, f32(x, g, half));
          if (stretch.partial) clear_padding(temporary(), half);
          vpmaxsd(result(g % 2, half), result(g % 2, half), temporary());
        }
      }
    });
    const auto larger = [&](const Vec& a, const Vec& b) { vpmaxsd(a, a, b); };
    Group largest;
    for (int half = 0; half < halves(); ++half) {
      larger(result(0, half), result(1, half));
      largest.push_back(result(0, half));
    }
    return reduce(largest, temporary(), larger);
  }

  const Vec magnitude_bits_, scale_;
};

// Ranges that are given: clamped before rounding, where nothing can overflow.
class QuantizeGiven : public Quantize {
 protected:
  explicit QuantizeGiven(Isa isa) : Quantize(isa), lowest_(take()), highest_(take()) {}

  // lowest_ and highest_ are set.
  CodeBlock generate_rows(const std::string& name) {
    vbroadcastss(inverse_, argument(offsetof(QuantizeArgs, inverse_scale)));
    for_each_tile_row([&] {
      quantize_row();
      store_padding(padding_);
    });
    return end_quantize(name);
  }

  void before_rounding(const Vec& q) override {
    vmaxps(q, lowest_, q);
    vminps(q, highest_, q);
  }
  // NaN has become the lowest number there is, plus the zero point, which narrowing would saturate:
  // its low byte is what plain C++ stores.
  void adjust_words(const Vec& q) override { vandps(q, q, constant_bits(0x00ff00ffU)); }
  void adjust_integers(const Vec& q) override { vandps(q, q, constant_bits(0xffU)); }

  const Vec lowest_, highest_;
};

class QuantizeStatic : public QuantizeGiven {
 public:
  explicit QuantizeStatic(Isa isa) : QuantizeGiven(isa) {}

  CodeBlock generate() {
    begin_quantize();
    vcvtdq2ps(temporary(), zero_point_);
    vpbroadcastd(lowest_, argument(offsetof(QuantizeArgs, least)));
    vcvtdq2ps(lowest_, lowest_);
    vsubps(lowest_, lowest_, temporary());
    load(highest_, constant(255.0F));
    vsubps(highest_, highest_, temporary());
    return generate_rows("quantize_static");
  }

 private:
  void adjust_words(const Vec& q) override {
    Quantize::adjust_words(q);
    QuantizeGiven::adjust_words(q);
  }
  void adjust_integers(const Vec& q) override {
    Quantize::adjust_integers(q);
    QuantizeGiven::adjust_integers(q);
  }
};

class QuantizeFused : public QuantizeGiven {
 public:
  explicit QuantizeFused(Isa isa) : QuantizeGiven(isa), zero_(take()) {}

  CodeBlock generate() {
    begin_quantize();
    vcvtdq2ps(zero_, zero_point_);
    zero(lowest_);
    load(highest_, constant(255.0F));
    return generate_rows("quantize_fused");
  }

 private:
  void quantize(const Vec& q, int group, int half, bool partial) override {
    load(q, f32(x, group, half));
    if (partial) clear_padding(q, half);
    vfmadd213ps(q, inverse_, zero_);
    before_rounding(q);
    vcvtps2dq(q, q);
  }

  const Vec zero_;
};

class QuantizeColumns : public QuantizeGiven {
 public:
  explicit QuantizeColumns(Isa isa) : QuantizeGiven(isa) {}

  CodeBlock generate() {
    begin_quantize();
    mov(multiplier_, argument(offsetof(QuantizeArgs, multiplier)));
    mov(offset_, argument(offsetof(QuantizeArgs, offset)));
    zero(lowest_);
    load(highest_, constant(255.0F));
    return generate_rows("quantize_columns");
  }

 private:
  void quantize(const Vec& q, int group, int half, bool partial) override {
    load(q, f32(x, group, half));
    load(temporary(), f32(multiplier_, group, half));
    vfmadd213ps(q, temporary(), f32(offset_, group, half));
    before_rounding(q);
    vcvtps2dq(q, q);
    if (partial) clear_padding(q, half);
  }

  const Reg multiplier_ = r14, offset_ = r15;
};

}  // namespace

CodeBlock generate_quantize_dynamic(Isa isa) {
  return QuantizeDynamic(isa).generate();
}

CodeBlock generate_quantize_static(Isa isa) {
  return QuantizeStatic(isa).generate();
}

CodeBlock generate_quantize_columns(Isa isa) {
  return QuantizeColumns(isa).generate();
}

CodeBlock generate_quantize_fused(Isa isa) {
  return QuantizeFused(isa).generate();
}

}  // namespace bertq::jit
