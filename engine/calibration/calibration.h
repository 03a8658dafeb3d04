// Fixed ranges for the inputs of linear layers, from sample texts: post-training static
// quantisation, and what keeps its accuracy.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

#include "engine/model/config.h"
#include "engine/model/model.h"
#include "engine/model/packed_batch.h"
#include "engine/precision/recipe.h"
#include "loaders/checkpoint.h"

namespace bertq::engine {

// What the inputs of all linear layers look like over sample texts: their extremes, batch by batch
// and channel by channel, how often values occur, and a sample of whole rows. The same for any
// number of threads. Immutable; any number of threads may use one.
class CalibrationStatistics {
 public:
  // Told of the batches done so far; it may throw to end the collection.
  using OnBatch = std::function<void(std::size_t done)>;

  // Runs each batch through `model`, all of whose linear layers must be FP32, with each head that
  // it has; the rows of the last layer are then first tokens alone unless the head is a span.
  // Throws Error (usage) for a model that is not FP32 or without samples, and what Session throws.
  static std::shared_ptr<const CalibrationStatistics> collect(
      const std::shared_ptr<const Model>& model, std::span<const PackedBatch> samples,
      std::size_t threads, const OnBatch& on_batch = {});
  ~CalibrationStatistics();

  struct Impl;  // engine/calibration/input_statistics.h
  const Impl& impl() const { return *impl_; }

 private:
  explicit CalibrationStatistics(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// What keeps accuracy without leaving INT8, each of its own.
struct CalibrationMethods {
  // One scale and zero point for each channel of a layer's input, which the weights take in again
  // (SmoothQuant, arXiv:2211.10438, with ranges of their own for the channels): between one range
  // for all and one for each, what leaves the least error in the layer's output. Of layers that
  // gain nothing by it, the recipe's algorithm finds one range. Outliers among the inputs of second
  // feed-forward layers get several columns (recipe.h).
  bool equalize = false;
  // Weights beyond the range with the least squared error are clipped to it. Not those that
  // round_weights chooses, which make up for one another's errors: clipped as well, they leave
  // more.
  bool clip_weights = false;
  // The mean of the output's error over the samples is taken off the bias.
  bool correct_bias = false;
  // Weights are rounded one input after another, each making up for the errors of those before it
  // (GPTQ, arXiv:2210.17323), over the sampled rows.
  bool round_weights = false;

  static constexpr CalibrationMethods none() { return {}; }
  static constexpr CalibrationMethods all() { return {true, true, true, true}; }
  friend bool operator==(const CalibrationMethods&, const CalibrationMethods&) = default;
};

// Makes calibrated recipes for one checkpoint, any number of them from one set of statistics: what
// it has computed for a layer once, it keeps. One caller at a time.
class Calibrator {
 public:
  // `checkpoint` must outlive it.
  Calibrator(std::shared_ptr<const CalibrationStatistics> statistics,
             const loaders::Checkpoint& checkpoint, const ModelConfig& config, std::size_t threads);
  ~Calibrator();

  // `base` with the static ranges of each INT8 linear layer that wants them, by its own algorithm
  // and scheme, and with what `methods` add to it. Layers with dynamic ranges, layers that the
  // statistics have nothing of and the products of attention stay as they are. The weights of
  // Rounding::calibrated are in memory, under the name `rounded_weights_name`. Throws what reading
  // the checkpoint throws.
  Recipe apply(const Recipe& base, const CalibrationMethods& methods);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Every INT8 linear layer of `base` with static ranges, whatever it said before.
Recipe with_static_ranges(const Recipe& base, const CalibrationStatistics& statistics,
                          RangeAlgorithm algorithm, Scheme scheme);

// Runs the samples through `model`, all of whose linear layers must be FP32, and returns `base`
// with static ranges for each INT8 linear layer: the least and the greatest value that its input
// took in any sample, zero included, as 256 steps of one length. Layers whose head the checkpoint
// lacks and the products of attention stay as `base` has them. Throws what collect() throws.
Recipe calibrate_minmax(const std::shared_ptr<const Model>& model,
                        std::span<const PackedBatch> samples, std::size_t threads,
                        const Recipe& base);

}  // namespace bertq::engine
