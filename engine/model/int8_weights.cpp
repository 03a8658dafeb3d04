#include "engine/model/int8_weights.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "bertq/error.h"
#include "engine/precision/clipping.h"
#include "engine/precision/rounded_weights.h"
#include "engine/precision/symmetric.h"
#include "jit/layout.h"
#include "jit/pack.h"

namespace bertq::engine {
namespace {

// Fills the arrays of one layer.
class Int8Loading {
 public:
  Int8Loading(WeightLoader& loader, const std::string& module, std::size_t outputs,
              std::size_t inputs, const LayerChoice& choice,
              std::span<const std::uint32_t> repeated)
      : loader_(loader),
        module_(module),
        outputs_(outputs),
        inputs_(inputs),
        choice_(choice),
        extra_columns_(choice.extra_columns()),
        columns_(inputs + extra_columns_.size()),
        repeated_(repeated),
        all_outputs_(outputs + repeated.size()),
        packed_(loader.array<std::int8_t>(module + ".weight.s8",
                                          jit::packed_s8_bytes(all_outputs_, columns_))),
        sums_(loader.derived<std::int32_t>(jit::padded_columns(all_outputs_))),
        column_scale_(
            loader.array<float>(module + ".weight.scale", jit::padded_columns(all_outputs_))) {}

  Int8Weights load(std::int32_t dynamic_zero_point) {
    if (loader_.is_packed()) {
      jit::column_sums_s8(packed_.data(), all_outputs_, columns_, sums_.data());
    } else {
      fill();
      repeat_outputs();
    }
    compensate(dynamic_zero_point);
    check_scales();
    return {packed_.data(), sums_, column_scale_};
  }

 private:
  void fill() {
    const auto scales = loader_.source().integer_scales(module_ + ".weight", loaders::DType::i8);
    if (choice_.rounding == Rounding::calibrated) {
      take_rounded();
    } else if (scales.empty()) {
      quantize();
    } else {
      take_integers(scales);
    }
    if (choice_.activations != Ranges::fixed || choice_.equalized()) return;
    for (float& column : column_scale_) column *= choice_.scale.at(0);
  }

  void repeat_outputs() {
    const std::size_t cells = jit::padded_depth(columns_) / jit::depth_group;
    for (std::size_t i = 0; i < repeated_.size(); ++i) {
      const std::size_t from = repeated_[i], to = outputs_ + i;
      jit::repeat_row(std::as_writable_bytes(packed_), cells, from, to);
      sums_[to] = sums_[from];
      column_scale_[to] = column_scale_[from];
    }
  }

  void take_integers(const std::vector<double>& scales) {
    if (choice_.equalized()) refuse("FP32 weights to equalise", "INT8 ones");
    for (std::size_t row = 0; row < outputs_; ++row) {
      column_scale_[row] = static_cast<float>(scales[scales.size() == 1 ? 0 : row]);
    }
    loader_.for_each_int8_slice(
        module_ + ".weight", outputs_, inputs_,
        [&](std::size_t row, std::span<const std::int8_t> slice) { pack(row, slice); });
  }

  void take_rounded() {
    const RoundedLayer layer(loader_.rounded_weights(), module_, outputs_, inputs_);
    layer.read_scales(column_scale_.first(outputs_));
    std::vector<std::int8_t> row(inputs_);
    for (std::size_t output = 0; output < outputs_; ++output) {
      layer.read_weights(output, row);
      pack(output, row);
    }
  }

  void quantize() {
    const bool per_tensor = choice_.weights == Granularity::per_tensor;
    SymmetricScale scale = per_tensor ? scale_of_all() : SymmetricScale{};
    std::vector<std::int8_t> quantized;
    for_each_equalized_slice([&](std::size_t row, std::span<const float> slice) {
      quantized.resize(slice.size());
      for (std::size_t i = 0; i < slice.size() / inputs_; ++i) {
        const std::span<const float> weights = slice.subspan(i * inputs_, inputs_);
        if (!per_tensor) scale = scale_of(weights);
        quantize_symmetric(weights, scale, quantized.data() + i * inputs_);
        column_scale_[row + i] = scale.scale;
      }
      pack(row, quantized);
    });
  }

  SymmetricScale scale_of(std::span<const float> weights) const {
    const float largest = largest_magnitude(weights);
    if (choice_.clipping == WeightClipping::none) return symmetric_scale(largest);
    ClippingSearch search(largest);
    search.add(weights);
    return symmetric_scale(search.best());
  }

  SymmetricScale scale_of_all() {
    float largest = 0.0F;
    for_each_equalized_slice([&](std::size_t, std::span<const float> slice) {
      largest = std::max(largest, largest_magnitude(slice));
    });
    if (choice_.clipping == WeightClipping::none) return symmetric_scale(largest);
    ClippingSearch search(largest);
    for_each_equalized_slice([&](std::size_t, std::span<const float> slice) { search.add(slice); });
    return symmetric_scale(search.best());
  }

  // As the input's channels have them: each weight times the scale of its channel.
  template <typename Visit>
  void for_each_equalized_slice(Visit visit) {
    std::vector<float> equalized;
    loader_.for_each_slice(module_ + ".weight", outputs_, inputs_,
                           [&](std::size_t row, std::span<const float> slice) {
                             if (!choice_.equalized()) return visit(row, slice);
                             equalized.assign(slice.begin(), slice.end());
                             for (std::size_t i = 0; i < equalized.size(); ++i) {
                               equalized[i] *= choice_.scale[i % inputs_];
                             }
                             visit(row, std::span<const float>(equalized));
                           });
  }

  void pack(std::size_t row, std::span<const std::int8_t> slice) {
    const std::size_t rows = slice.size() / inputs_;
    if (extra_columns_.empty()) {
      jit::pack_s8(slice.data(), row, rows, inputs_, packed_.data(), sums_.data());
      return;
    }
    std::vector<std::int8_t> wide(columns_);
    for (std::size_t i = 0; i < rows; ++i) {
      const std::span<const std::int8_t> weights = slice.subspan(i * inputs_, inputs_);
      const auto end = std::copy(weights.begin(), weights.end(), wide.begin());
      std::transform(extra_columns_.begin(), extra_columns_.end(), end,
                     [&](std::uint32_t channel) { return weights[channel]; });
      jit::pack_s8(wide.data(), row + i, 1, columns_, packed_.data(), sums_.data());
    }
  }

  // From the sums of weights to those of zero point * weight.
  void compensate(std::int32_t dynamic_zero_point) {
    const bool fixed = choice_.activations == Ranges::fixed;
    if (!fixed || !choice_.equalized()) {
      const std::int32_t zero_point = fixed ? choice_.zero_point.at(0) : dynamic_zero_point;
      for (std::int32_t& sum : sums_) sum *= zero_point;
      return;
    }
    // With such zero points, also the sums of (q - zero point) * weight must fit.
    constexpr std::size_t deepest =
        std::numeric_limits<std::int32_t>::max() / (128 * (255 + farthest_zero_point));
    if (columns_ > deepest) {
      refuse("at most " + std::to_string(deepest) + " inputs to equalise",
             std::to_string(columns_));
    }
    // The columns of a channel count up from its zero point once, all together.
    for (std::size_t output = 0; output < all_outputs_; ++output) {
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < inputs_; ++k) {
        sum += choice_.zero_point[k] * packed_[jit::packed_s8_offset(output, k, columns_)];
      }
      sums_[output] = sum;
    }
  }

  // A scale is 0 only where all weights of an output are. A file may claim anything else, and the
  // product with a recipe's own scale may be too small for a float.
  void check_scales() const {
    for (std::size_t output = 0; output < all_outputs_; ++output) {
      const float scale = column_scale_[output];
      if (std::isnormal(scale) && scale > 0.0F) continue;
      const bool is_zero_bits = std::bit_cast<std::uint32_t>(scale) == 0;
      if (is_zero_bits && is_zero(output)) continue;
      // Here denormals count as zeros, also for what would print them.
      std::array<char, 32> shown{"a denormal number, or -0"};
      if (is_zero_bits || scale != 0.0F) {
        shown = {};
        std::to_chars(shown.data(), shown.data() + shown.size() - 1, scale);
      }
      throw Error(ErrorKind::input, loader_.place(module_ + ".weight.scale") + ": element " +
                                        std::to_string(output) +
                                        ": expected a positive scale, got " + shown.data());
    }
  }

  bool is_zero(std::size_t output) const {
    for (std::size_t k = 0; k < columns_; ++k) {
      if (packed_[jit::packed_s8_offset(output, k, columns_)] != 0) return false;
    }
    return true;
  }

  [[noreturn]] void refuse(const std::string& expected, const std::string& got) const {
    throw Error(ErrorKind::input,
                "recipe: layer " + module_ + ": expected " + expected + ", got " + got);
  }

  WeightLoader& loader_;
  const std::string& module_;
  std::size_t outputs_, inputs_;  // of the checkpoint
  const LayerChoice& choice_;
  std::vector<std::uint32_t> extra_columns_;
  std::size_t columns_;
  std::span<const std::uint32_t> repeated_;
  std::size_t all_outputs_;
  std::span<std::int8_t> packed_;
  std::span<std::int32_t> sums_;
  std::span<float> column_scale_;
};

}  // namespace

Int8Weights load_int8_weights(WeightLoader& loader, const std::string& module, std::size_t outputs,
                              std::size_t inputs, const LayerChoice& choice,
                              std::span<const std::uint32_t> repeated,
                              std::int32_t dynamic_zero_point) {
  loader.check_inputs(module, inputs);
  return Int8Loading(loader, module, outputs, inputs, choice, repeated).load(dynamic_zero_point);
}

bool padding_is_zero(const std::int8_t* packed, std::size_t outputs, std::size_t columns) {
  for (std::size_t output = 0; output < jit::padded_columns(outputs); ++output) {
    const std::size_t first = output < outputs ? columns : 0;
    for (std::size_t k = first; k < jit::padded_depth(columns); ++k) {
      if (packed[jit::packed_s8_offset(output, k, columns)] != 0) return false;
    }
  }
  return true;
}

}  // namespace bertq::engine
