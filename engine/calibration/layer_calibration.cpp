#include "engine/calibration/layer_calibration.h"

#include <algorithm>
#include <optional>

#include "engine/calibration/equalize.h"
#include "engine/calibration/input_moments.h"
#include "engine/calibration/row_weights.h"

namespace bertq::engine {
namespace {

constexpr float damping = 1e-3F;  // of the mean diagonal

bool stored_as_integers(const TensorSource& source, const std::string& module) {
  return !source.integer_scales(module + ".weight", loaders::DType::i8).empty();
}

// The work on one group, with what its methods share computed once.
class GroupCalibration {
 public:
  GroupCalibration(const LayerGroup& group, const TensorSource& source, const LayerRequest& request,
                   jit::Isa isa)
      : group_(group), source_(source), request_(request), isa_(isa) {}

  std::vector<CalibratedLayer> run();

 private:
  bool uses_rows() const;
  bool may_split() const;
  void read_samples();
  void read_weights();
  void compute_moments();
  InputRange range_for_all() const;
  void choose_range();
  EqualizationProblem problem() const;
  std::span<const float> row_weights_view() const {
    return {row_weights_.data(), static_cast<std::size_t>(row_weights_.size())};
  }
  CalibratedLayer calibrated(std::size_t module, const Eigen::MatrixXf* factor) const;
  WeightMatrix equalized(const WeightMatrix& weights) const;
  std::vector<float> bias_correction(const WeightMatrix& weights, const Int8Layer& layer) const;

  const LayerGroup& group_;
  const TensorSource& source_;
  const LayerRequest& request_;
  jit::Isa isa_;

  ChannelMatrix samples_;
  std::vector<WeightMatrix> weights_;  // of each module
  WeightMatrix all_weights_;           // one below the other
  Eigen::VectorXf row_weights_;
  InputMoments moments_;
  Eigen::VectorXf uncertainty_;
  InputRange range_;
  RangeAlgorithm algorithm_ = RangeAlgorithm::minmax;
  std::vector<Eigen::Index> order_;
};

bool GroupCalibration::uses_rows() const {
  if (group_.input.rows.rows() == 0) return false;
  for (const std::string& module : group_.modules) {
    if (stored_as_integers(source_, module)) return false;
  }
  const CalibrationMethods& methods = request_.methods;
  return methods.equalize || methods.round_weights || methods.correct_bias;
}

void GroupCalibration::read_samples() {
  const RowSample& rows = group_.input.rows;
  samples_ =
      Eigen::Map<const ChannelMatrix>(rows.values().data(), static_cast<Eigen::Index>(rows.rows()),
                                      static_cast<Eigen::Index>(rows.columns()))
          .transpose();
}

void GroupCalibration::read_weights() {
  const auto inputs = static_cast<Eigen::Index>(group_.input.rows.columns());
  Eigen::Index outputs = 0;
  for (const std::string& module : group_.modules) {
    const std::string name = module + ".weight";
    WeightMatrix weights(static_cast<Eigen::Index>(source_.rows(name)), inputs);
    source_.read(name, 0, {weights.data(), static_cast<std::size_t>(weights.size())});
    outputs += weights.rows();
    weights_.push_back(std::move(weights));
  }
  all_weights_.resize(outputs, inputs);
  Eigen::Index row = 0;
  for (const WeightMatrix& weights : weights_) {
    all_weights_.middleRows(row, weights.rows()) = weights;
    row += weights.rows();
  }
}

// Where the bias is corrected, nothing hangs on the mean of an error.
void GroupCalibration::compute_moments() {
  moments_ = moments_of(samples_, row_weights_, request_.methods.correct_bias, isa_);
  uncertainty_ = moments_.second.diagonal();
  if (!request_.methods.round_weights) return;
  const auto order = rising_diagonal(moments_.second);
  const Eigen::MatrixXf factor = damped_cholesky(moments_.second, order, damping);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto place = static_cast<Eigen::Index>(i);
    uncertainty_[order[i]] = factor(place, place) * factor(place, place);
  }
}

InputRange GroupCalibration::range_for_all() const {
  const Extremes range = find_range(request_.algorithm, request_.scheme, group_.input.summary);
  const ByteRange bytes = byte_range(range, request_.scheme);
  return {{bytes.scale}, {bytes.zero_point}};
}

bool GroupCalibration::may_split() const {
  return std::all_of(group_.modules.begin(), group_.modules.end(), may_be_split);
}

EqualizationProblem GroupCalibration::problem() const {
  return {samples_, row_weights_view(), group_.input.channels, all_weights_, uncertainty_};
}

void GroupCalibration::choose_range() {
  range_ = range_for_all();
  algorithm_ = request_.algorithm;
  if (!request_.methods.equalize || group_.input.channels.size() < 2) return;
  InputRange equalized = equalized_range(problem(), request_.scheme, may_split());
  if (expected_error(problem(), equalized) >= expected_error(problem(), range_)) return;
  range_ = std::move(equalized);
  algorithm_ = RangeAlgorithm::mse;
}

WeightMatrix GroupCalibration::equalized(const WeightMatrix& weights) const {
  if (!range_.equalized()) return weights;
  const Eigen::Map<const Eigen::RowVectorXf> scale(range_.scale.data(), weights.cols());
  return weights.array().rowwise() * scale.array();
}

// The mean of exact output - quantised output over the samples, from the means of the inputs alone.
std::vector<float> GroupCalibration::bias_correction(const WeightMatrix& weights,
                                                     const Int8Layer& layer) const {
  Eigen::VectorXd exact(weights.cols()), quantized(weights.cols());
  for (Eigen::Index i = 0; i < weights.cols(); ++i) {
    const auto channel = static_cast<std::size_t>(i);
    const ByteRange range = range_.of(channel);
    const std::span<const float> values = channel_of(samples_, channel);
    exact[i] = static_cast<double>(moments_.mean[i]);
    const double mean = exact[i] + quantization_error(values, row_weights_view(), range).mean;
    quantized[i] = range_.equalized() ? mean / static_cast<double>(range.scale) : mean;
  }
  std::vector<float> correction;
  for (Eigen::Index row = 0; row < weights.rows(); ++row) {
    const double wanted = weights.row(row).cast<double>().dot(exact);
    const double got = layer.weights.row(row).cast<double>().dot(quantized) *
                       static_cast<double>(layer.scale[static_cast<std::size_t>(row)]);
    correction.push_back(static_cast<float>(wanted - got));
  }
  return correction;
}

CalibratedLayer GroupCalibration::calibrated(std::size_t module,
                                             const Eigen::MatrixXf* factor) const {
  CalibratedLayer result;
  LayerChoice& choice = result.choice;
  choice.weights = request_.weights;
  choice.activations = Ranges::fixed;
  choice.algorithm = algorithm_;
  choice.scheme = request_.scheme;
  choice.scale = range_.scale;
  choice.zero_point = range_.zero_point;
  choice.splits = range_.splits;
  const bool clips = request_.methods.clip_weights && factor == nullptr;
  choice.clipping = clips ? WeightClipping::mse : WeightClipping::none;
  if (weights_.empty()) return result;
  const WeightMatrix weights = equalized(weights_[module]);
  const Int8Layer layer = factor == nullptr
                              ? nearest_weights(weights, request_.weights, choice.clipping)
                              : calibrated_weights(weights, *factor, order_, request_.weights);
  if (request_.methods.correct_bias) {
    choice.bias_correction = bias_correction(weights_[module], layer);
  }
  if (factor != nullptr) {
    choice.rounding = Rounding::calibrated;
    result.rounded = layer;
  }
  return result;
}

std::vector<CalibratedLayer> GroupCalibration::run() {
  const bool rows = uses_rows();
  if (rows) {
    read_samples();
    read_weights();
    row_weights_ = row_weights(samples_, all_weights_);
    compute_moments();
    choose_range();
  } else {
    range_ = range_for_all();
    algorithm_ = request_.algorithm;
  }
  std::optional<Eigen::MatrixXf> factor;
  if (rows && request_.methods.round_weights) {
    // In the units of the equalised input, whose own rounding adds a twelfth of a squared step.
    Eigen::MatrixXf second = moments_.second;
    Eigen::VectorXf inverse(second.rows());
    for (Eigen::Index i = 0; i < inverse.size(); ++i) {
      inverse[i] = 1.0F / range_.of(static_cast<std::size_t>(i)).scale;
    }
    second = scaled_second(second, inverse);
    second.diagonal().array() += 1.0F / 12.0F;
    order_ = rising_diagonal(second);
    factor = damped_cholesky(second, order_, damping);
  }
  std::vector<CalibratedLayer> results;
  for (std::size_t i = 0; i < group_.modules.size(); ++i) {
    results.push_back(calibrated(i, factor ? &*factor : nullptr));
  }
  return results;
}

}  // namespace

std::vector<CalibratedLayer> calibrate_group(const LayerGroup& group, const TensorSource& source,
                                             const LayerRequest& request, jit::Isa isa) {
  return GroupCalibration(group, source, request, isa).run();
}

}  // namespace bertq::engine
