#include "engine/calibration/input_moments.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <limits>
#include <numeric>

#include "jit/kernels.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq::engine {
namespace {

// rows * rows^T, [channels][channels].
Eigen::MatrixXf gram_matrix(const ChannelMatrix& rows, jit::Isa isa) {
  const auto channels = static_cast<std::size_t>(rows.rows());
  const auto depth = static_cast<std::size_t>(rows.cols());
  std::vector<float> packed(jit::packed_f32_count(channels, depth));
  jit::pack_f32(rows.data(), 0, channels, depth, packed.data());
  ChannelMatrix products(rows.rows(), static_cast<Eigen::Index>(jit::padded_columns(channels)));
  jit::GemmArgs args;
  args.m = args.n = channels;
  args.k = args.lda = depth;
  args.a = rows.data();
  args.b = packed.data();
  args.c = products.data();
  args.ldc = static_cast<std::size_t>(products.cols());
  jit::Kernels::of(isa).gemm(jit::GemmSpec{}).run(args, {0, channels}, {0, channels});
  return products.leftCols(rows.rows());
}

}  // namespace

InputMoments moments_of(const ChannelMatrix& samples, const Eigen::VectorXf& weights, bool centred,
                        jit::Isa isa) {
  const double total = weights.cast<double>().sum();
  InputMoments moments;
  moments.mean = (samples.cast<double>() * weights.cast<double>() / total).cast<float>();
  ChannelMatrix rows = samples;
  if (centred) rows.colwise() -= moments.mean;
  const Eigen::VectorXf root = (weights / static_cast<float>(total)).cwiseSqrt();
  rows = rows * root.asDiagonal();
  moments.second = gram_matrix(rows, isa);
  return moments;
}

Eigen::MatrixXf scaled_second(const Eigen::MatrixXf& second, const Eigen::VectorXf& factor) {
  return factor.asDiagonal() * second * factor.asDiagonal();
}

std::vector<Eigen::Index> rising_diagonal(const Eigen::MatrixXf& second) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(second.rows()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return second(a, a) < second(b, b); });
  return order;
}

Eigen::MatrixXf damped_cholesky(const Eigen::MatrixXf& second,
                                const std::vector<Eigen::Index>& order, float damping) {
  constexpr float stronger = 10.0F;
  const float mean = std::max(second.diagonal().mean(), std::numeric_limits<float>::min());
  for (;; damping *= stronger) {
    Eigen::MatrixXf ordered = second(order, order);
    ordered.diagonal().array() += damping * mean;
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixXf>> factor(ordered);
    if (factor.info() == Eigen::Success) return ordered.triangularView<Eigen::Lower>();
  }
}

}  // namespace bertq::engine
