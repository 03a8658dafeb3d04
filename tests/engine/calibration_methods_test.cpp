// The accuracy methods, on layers made for them.
#include <doctest/doctest.h>

#include <Eigen/Cholesky>
#include <cmath>
#include <random>
#include <vector>

#include "engine/calibration/equalize.h"
#include "engine/calibration/input_moments.h"
#include "engine/calibration/round_weights.h"
#include "jit/kernels.h"

namespace bertq::testing {
using namespace engine;
namespace {

class Random {
 public:
  explicit Random(std::uint32_t seed) : generator_(seed) {}
  float normal() {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(generator_()) / 4294967296.0;
    return static_cast<float>(sum);
  }
  Eigen::MatrixXf matrix(Eigen::Index rows, Eigen::Index columns) {
    Eigen::MatrixXf values(rows, columns);
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < columns; ++j) values(i, j) = normal();
    }
    return values;
  }

 private:
  std::mt19937 generator_;
};

std::vector<Extremes> extremes_of(const ChannelMatrix& samples) {
  std::vector<Extremes> extremes;
  for (Eigen::Index i = 0; i < samples.rows(); ++i) {
    extremes.push_back(Extremes::of(channel_of(samples, static_cast<std::size_t>(i))));
  }
  return extremes;
}

// Correlated channels, a few of them far larger than the rest: what BERT's look like.
struct Layer {
  Layer(Eigen::Index inputs, Eigen::Index outputs, Eigen::Index rows, std::uint32_t seed) {
    Random random(seed);
    samples = random.matrix(inputs, inputs) * random.matrix(inputs, rows) /
              std::sqrt(static_cast<float>(inputs));
    samples.row(0) *= 40.0F;
    if (inputs > 5) samples.row(5).array() += 15.0F;
    weights = random.matrix(outputs, inputs);
    extremes = extremes_of(samples);
    ones.assign(static_cast<std::size_t>(rows), 1.0F);
  }
  EqualizationProblem problem() const {
    return {samples, ones, extremes, weights, samples.array().square().rowwise().mean()};
  }
  ChannelMatrix samples;
  WeightMatrix weights;
  std::vector<Extremes> extremes;
  std::vector<float> ones;
};

InputRange one_range(const Layer& layer) {
  Extremes all{0.0F, 0.0F};
  for (const Extremes& channel : layer.extremes) all.add(channel);
  const ByteRange bytes = byte_range(all, Scheme::asymmetric);
  return {{bytes.scale}, {bytes.zero_point}};
}

// The quantised input as the layer's products see it.
ChannelMatrix quantized(const ChannelMatrix& samples, const InputRange& range) {
  ChannelMatrix result = samples;
  for (Eigen::Index i = 0; i < samples.rows(); ++i) {
    const ByteRange bytes = range.of(static_cast<std::size_t>(i));
    for (Eigen::Index j = 0; j < samples.cols(); ++j) {
      const float q = std::clamp(std::nearbyint(samples(i, j) * (1.0F / bytes.scale)) +
                                     static_cast<float>(bytes.zero_point),
                                 0.0F, bytes.steps());
      result(i, j) = bytes.scale * (q - static_cast<float>(bytes.zero_point));
    }
  }
  return result;
}

double output_error(const Layer& layer, const InputRange& range) {
  const Eigen::MatrixXf difference =
      layer.weights * (quantized(layer.samples, range) - layer.samples);
  return static_cast<double>(difference.squaredNorm()) / static_cast<double>(layer.samples.cols());
}

double rounding_error(const Layer& layer, const Int8Layer& rounded) {
  const Eigen::Map<const Eigen::VectorXf> scale(rounded.scale.data(), layer.weights.rows());
  const Eigen::MatrixXf difference =
      (scale.asDiagonal() * rounded.weights.cast<float>() - layer.weights) * layer.samples;
  return static_cast<double>(difference.squaredNorm());
}

TEST_CASE("the error of quantisation is what the definition says") {
  Random random(1);
  std::vector<float> values;
  for (int i = 0; i < 1003; ++i) values.push_back(3.0F * random.normal());
  values.push_back(1e30F);
  values.push_back(-1e30F);
  values.resize(1003);
  for (const ByteRange range : {ByteRange{0.01F, 100}, ByteRange{0.05F, 0}, ByteRange{0.02F, -300},
                                ByteRange{0.02F, 1023}}) {
    double sum = 0.0, squares = 0.0;
    for (const float x : values) {
      const float zero = static_cast<float>(range.zero_point);
      const float q = std::clamp(std::nearbyint(x * (1.0F / range.scale)) + zero, 0.0F, 255.0F);
      const double error = static_cast<double>((q - zero) * range.scale - x);
      sum += error;
      squares += error * error;
    }
    const QuantizationError error =
        quantization_error(values, std::vector<float>(values.size(), 2.0F), range);
    CHECK(error.mean == doctest::Approx(sum / 1003).epsilon(1e-3));
    CHECK(error.mean_square == doctest::Approx(squares / 1003).epsilon(1e-3));
  }
}

TEST_CASE("equalisation repairs an input with an outlier channel") {
  const Layer layer(24, 16, 600, 2);
  for (const Scheme scheme : {Scheme::asymmetric, Scheme::symmetric}) {
    const InputRange range = equalized_range(layer.problem(), scheme);
    REQUIRE(range.equalized());
    CHECK(output_error(layer, range) < 0.15 * output_error(layer, one_range(layer)));
    CHECK(expected_error(layer.problem(), range) <
          expected_error(layer.problem(), one_range(layer)));
    for (std::size_t i = 0; i < range.scale.size(); ++i) {
      CHECK(range.scale[i] > 0.0F);
      CHECK(std::abs(range.zero_point[i]) <= farthest_zero_point);
      if (scheme == Scheme::symmetric) CHECK(range.zero_point[i] == symmetric_zero_point);
    }
  }
}

TEST_CASE("an outlier channel is split, and all channels gain by it") {
  Layer layer(24, 16, 600, 2);
  layer.samples.row(3) *= 30.0F;
  layer.extremes = extremes_of(layer.samples);
  const InputRange whole = equalized_range(layer.problem(), Scheme::asymmetric);
  const InputRange split = equalized_range(layer.problem(), Scheme::asymmetric, true);
  CHECK(whole.splits.empty());
  REQUIRE(!split.splits.empty());
  const auto columns = [&](std::size_t channel) { return split.of(channel).columns; };
  CHECK(columns(0) == most_split_columns);
  CHECK(columns(3) == most_split_columns);
  CHECK(columns(1) <= columns(0));
  CHECK(expected_error(layer.problem(), split) < 0.5 * expected_error(layer.problem(), whole));
  CHECK(output_error(layer, split) < output_error(layer, whole));
  std::size_t extra = 0;
  for (const ChannelSplit& channel : split.splits) {
    CHECK(std::abs(split.zero_point[channel.channel]) <= farthest_zero_point);
    extra += channel.columns - 1;
  }
  CHECK(extra <= 16);
}

TEST_CASE("where no channel stands out, none is split; nor is a symmetric range") {
  Layer layer(400, 16, 600, 8);
  layer.samples = Random(9).matrix(400, 600);
  layer.extremes = extremes_of(layer.samples);
  CHECK(equalized_range(layer.problem(), Scheme::asymmetric, true).splits.empty());
  const Layer outliers(24, 16, 600, 2);
  CHECK(equalized_range(outliers.problem(), Scheme::symmetric, true).splits.empty());
}

TEST_CASE("the account of the error is near the error itself") {
  const Layer layer(24, 16, 4000, 3);
  EqualizationProblem problem = layer.problem();
  problem.uncertainty.setZero();  // the input's part alone
  const InputRange range = equalized_range(problem, Scheme::asymmetric);
  Eigen::VectorXf scale(24);
  for (Eigen::Index i = 0; i < 24; ++i) scale[i] = range.scale[static_cast<std::size_t>(i)];
  const double account = expected_error(problem, range);
  CHECK(output_error(layer, range) <= 1.2 * account);
}

TEST_CASE("channels that hardly vary are no trouble") {
  Layer layer(8, 4, 50, 4);
  layer.samples.row(1).setZero();
  layer.samples.row(2).setConstant(3.0F);
  layer.samples.row(3).setConstant(-1e4F);
  layer.weights.col(4).setZero();
  layer.extremes = extremes_of(layer.samples);
  const InputRange range = equalized_range(layer.problem(), Scheme::asymmetric);
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(std::isnormal(range.scale[i]));
    CHECK(std::isnormal(1.0F / range.scale[i]));
    CHECK(std::abs(range.zero_point[i]) <= farthest_zero_point);
  }
  const ChannelMatrix seen = quantized(layer.samples, range);
  CHECK(std::fabs(seen(1, 0)) < 1e-3F);
  CHECK(seen(2, 0) == doctest::Approx(3.0).epsilon(0.05));
  CHECK(seen(3, 0) == doctest::Approx(-1e4).epsilon(0.01));
}

Eigen::MatrixXf second_moment(const ChannelMatrix& samples) {
  const jit::ThreadScope scope(jit::select_isa(""));
  return moments_of(samples, Eigen::VectorXf::Ones(samples.cols()), false, jit::select_isa(""))
      .second;
}

TEST_CASE("moments are those of the samples") {
  const Layer layer(19, 4, 333, 5);
  const jit::ThreadScope scope(jit::select_isa(""));
  for (const bool centred : {true, false}) {
    const InputMoments moments =
        moments_of(layer.samples, Eigen::VectorXf::Ones(333), centred, jit::select_isa(""));
    Eigen::MatrixXd values = layer.samples.cast<double>();
    const Eigen::VectorXd mean = values.rowwise().mean();
    if (centred) values.colwise() -= mean;
    const Eigen::MatrixXd second = values * values.transpose() / 333.0;
    CHECK((moments.mean.cast<double>() - mean).norm() < 1e-4 * mean.norm());
    CHECK((moments.second.cast<double>() - second).norm() < 1e-4 * second.norm());
  }
}

TEST_CASE("calibrated rounding leaves less error than the nearest weights") {
  for (std::uint32_t seed = 10; seed < 20; ++seed) {
    const Layer layer(70 + static_cast<Eigen::Index>(seed), 12, 400, seed);
    const Eigen::MatrixXf second = second_moment(layer.samples);
    const auto order = rising_diagonal(second);
    const Eigen::MatrixXf factor = damped_cholesky(second, order, 1e-3F);
    const jit::ThreadScope scope(jit::select_isa(""));
    for (const Granularity granularity : {Granularity::per_channel, Granularity::per_tensor}) {
      const Int8Layer nearest = nearest_weights(layer.weights, granularity, WeightClipping::none);
      const Int8Layer calibrated = calibrated_weights(layer.weights, factor, order, granularity);
      CAPTURE(seed);
      CHECK(rounding_error(layer, calibrated) < 0.8 * rounding_error(layer, nearest));
      if (granularity == Granularity::per_tensor) {
        CHECK(calibrated.scale == std::vector(12, calibrated.scale[0]));
      }
    }
  }
}

// With independent inputs of one size there is nothing to make up for.
TEST_CASE("inputs that know nothing of each other leave each weight at its nearest integer") {
  Random random(6);
  const WeightMatrix weights = random.matrix(5, 40);
  const Eigen::MatrixXf second = Eigen::MatrixXf::Identity(40, 40);
  const auto order = rising_diagonal(second);
  const jit::ThreadScope scope(jit::select_isa(""));
  const Int8Layer nearest =
      nearest_weights(weights, Granularity::per_channel, WeightClipping::none);
  const Int8Layer calibrated = calibrated_weights(weights, damped_cholesky(second, order, 1e-3F),
                                                  order, Granularity::per_channel);
  CHECK(calibrated.weights == nearest.weights);
  CHECK(calibrated.scale == nearest.scale);
}

TEST_CASE("a factor is found also where rows are fewer than inputs, or all zero") {
  const Layer few(40, 4, 3, 7);
  for (const Eigen::MatrixXf& second :
       {second_moment(few.samples), Eigen::MatrixXf(Eigen::MatrixXf::Zero(6, 6))}) {
    const auto order = rising_diagonal(second);
    const Eigen::MatrixXf factor = damped_cholesky(second, order, 1e-3F);
    CHECK(factor.allFinite());
    CHECK((factor.diagonal().array() > 0.0F).all());
  }
}

TEST_CASE("outputs whose weights are all zero stay so") {
  WeightMatrix weights = WeightMatrix::Zero(2, 8);
  weights.row(1).setConstant(0.5F);
  const Eigen::MatrixXf second = Eigen::MatrixXf::Identity(8, 8);
  const auto order = rising_diagonal(second);
  const jit::ThreadScope scope(jit::select_isa(""));
  const Int8Layer layer = calibrated_weights(weights, damped_cholesky(second, order, 1e-3F), order,
                                             Granularity::per_channel);
  CHECK(layer.scale[0] == 0.0F);
  CHECK(layer.weights.row(0).isZero());
  CHECK(layer.weights(1, 0) == 127);
}

}  // namespace
}  // namespace bertq::testing
