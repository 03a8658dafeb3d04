#include "jit/vector_math.h"

#include <bit>

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

void emit_gelu(Emitter& e, const math::GeluTerms& terms, const Vec& x, const Temporaries& t) {
  const auto& [z, u, tail, zero] = t;
  using Xbyak::Operand;
  e.with_constant_bits(magnitude_bits, [&](const Operand& mask) { e.vandps(z, x, mask); });
  e.with_constant(math::gelu_limit, [&](const Operand& limit) { e.vminps(z, z, limit); });
  e.with_constant(math::gelu_center, [&](const Operand& center) { e.vsubps(u, z, center); });
  e.horner(tail, u, terms);
  e.zero(zero);
  e.vmaxps(x, zero, x);  // this order keeps a NaN
  e.vfnmadd231ps(x, z, tail);
}

std::vector<std::uint32_t> gelu_constants(const math::GeluTerms& terms) {
  std::vector<std::uint32_t> bits = {magnitude_bits};
  for (const float value : {math::gelu_limit, math::gelu_center}) {
    bits.push_back(std::bit_cast<std::uint32_t>(value));
  }
  for (const float term : terms) bits.push_back(std::bit_cast<std::uint32_t>(term));
  return bits;
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

std::vector<std::uint32_t> activation_constants(Activation activation) {
  if (activation == Activation::gelu_erf) return gelu_constants(math::gelu_erf);
  if (activation == Activation::gelu_tanh) return gelu_constants(math::gelu_tanh);
  return {};
}

void emit_activation(Emitter& e, Activation activation, const Vec& x, const Temporaries& t) {
  switch (activation) {
    case Activation::none:
      return;
    case Activation::relu:
      return emit_relu(e, x, t);
    case Activation::gelu_erf:
      return emit_gelu(e, math::gelu_erf, x, t);
    case Activation::gelu_tanh:
      return emit_gelu(e, math::gelu_tanh, x, t);
    case Activation::tanh:
      return emit_tanh(e, x, t);
  }
}

}  // namespace bertq::jit
