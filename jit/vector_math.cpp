#include "jit/vector_math.h"

#include "jit/math_constants.h"

namespace bertq::jit {
namespace {

using Vec = Emitter::Vec;

// x = p * 2^n by adding n to the exponent. Overwrites n.
void emit_scale_exponent(Emitter& e, const Vec& x, const Vec& p, const Vec& n) {
  e.vcvtps2dq(n, n);
  e.vpslld(n, n, 23);
  e.vpaddd(x, p, n);
}

void emit_relu(Emitter& e, const Vec& x, const Temporaries& t) {
  e.zero(t[0]);
  e.vmaxps(x, t[0], x);  // this order keeps a NaN
}

void emit_gelu_erf(Emitter& e, const Vec& x, const Temporaries& t) {
  const auto& [z, a, b, c] = t;
  e.load(a, e.constant(math::gelu_limit));
  e.vandps(z, x, e.constant_bits(magnitude_bits));
  e.vminps(z, a, z);
  // c = exp(-z^2 / 2)
  e.vmulps(a, z, e.constant(math::minus_half_log2_e));
  e.vmulps(a, a, z);
  e.round_to_nearest(b, a);
  e.vsubps(a, a, b);
  e.horner(c, a, math::exp2_terms);
  e.vfmadd213ps(c, a, e.constant(1.0F));
  emit_scale_exponent(e, c, c, b);
  // b = R(z)
  e.load(a, e.constant(math::gelu_u_scale));
  e.vfmadd213ps(a, z, e.constant(-1.0F));
  e.horner(b, a, math::gelu_terms);
  e.vmulps(b, b, c);
  e.vmulps(b, b, z);
  e.zero(a);
  e.vmaxps(x, a, x);
  e.vsubps(x, x, b);
}

void emit_gelu_tanh(Emitter& e, const Vec& x, const Temporaries& t) {
  const auto& [u, a, b, positive] = t;
  e.load(a, e.constant(math::gelu_tanh_lowest));
  e.vmaxps(x, a, x);
  e.vmulps(u, x, x);
  e.load(a, e.constant(math::gelu_tanh_cubic));
  e.vfmadd213ps(u, a, e.constant(math::gelu_tanh_linear));
  e.vmulps(u, u, x);
  e.vorps(u, u, e.constant_bits(sign_bits));
  emit_exp_nonpositive(e, {&u, 1}, {&a, 1}, {&b, 1}, positive);
  e.vaddps(a, u, e.constant(1.0F));
  e.load(b, e.constant(1.0F));
  e.vdivps(a, b, a);
  e.zero(b);
  e.vmaxps(positive, b, x);
  e.vminps(x, b, x);
  e.vmulps(x, x, u);
  e.vmulps(x, x, a);
  e.vfmadd231ps(x, positive, a);
}

void emit_tanh(Emitter& e, const Vec& x, const Temporaries& t) {
  const auto& [p, a, b, c] = t;
  e.vandps(p, x, e.constant_bits(magnitude_bits));
  e.vmulps(p, p, e.constant(-2.0F));
  emit_exp_nonpositive(e, {&p, 1}, {&a, 1}, {&b, 1}, c);
  e.load(b, e.constant(1.0F));
  e.vsubps(a, b, p);
  e.vaddps(b, b, p);
  e.vdivps(a, a, b);
  e.vandps(x, x, e.constant_bits(sign_bits));
  e.vorps(x, x, a);
}

}  // namespace

void emit_exp_nonpositive(Emitter& e, std::span<const Vec> x, std::span<const Vec> n,
                          std::span<const Vec> p, const Vec& c) {
  const auto with = [&](float value, auto instruction) {
    e.load(c, e.constant(value));
    for (std::size_t i = 0; i < x.size(); ++i) instruction(i);
  };
  with(math::exp_lowest, [&](std::size_t i) { e.vmaxps(x[i], c, x[i]); });
  with(math::log2_e, [&](std::size_t i) {
    e.vmulps(n[i], x[i], c);
    e.round_to_nearest(n[i], n[i]);
  });
  with(-math::ln2_high, [&](std::size_t i) { e.vfmadd231ps(x[i], n[i], c); });
  with(-math::ln2_low, [&](std::size_t i) { e.vfmadd231ps(x[i], n[i], c); });
  constexpr auto& terms = math::exp_terms;
  with(terms.back(), [&](std::size_t i) { e.vmovaps(p[i], c); });
  for (std::size_t term = terms.size() - 1; term-- > 0;) {
    with(terms[term], [&](std::size_t i) { e.vfmadd213ps(p[i], x[i], c); });
  }
  with(1.0F, [&](std::size_t i) {
    e.vfmadd213ps(p[i], x[i], c);
    emit_scale_exponent(e, x[i], p[i], n[i]);
  });
}

void emit_activation(Emitter& e, Activation activation, const Vec& x, const Temporaries& t) {
  switch (activation) {
    case Activation::none:
      return;
    case Activation::relu:
      return emit_relu(e, x, t);
    case Activation::gelu_erf:
      return emit_gelu_erf(e, x, t);
    case Activation::gelu_tanh:
      return emit_gelu_tanh(e, x, t);
    case Activation::tanh:
      return emit_tanh(e, x, t);
  }
}

}  // namespace bertq::jit
