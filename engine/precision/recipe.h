// The recipe: which precision each layer runs in. The only carrier of precision choices.
//
// A versioned JSON file:
//
//   {"schema_version": 1,
//    "default": {"precision": "int8", "weights": "per_channel", "activations": "dynamic"},
//    "layers": {"bert.encoder.layer.3.output.dense":
//                 {"precision": "int8", "weights": "per_channel", "activations": "static",
//                  "algorithm": "minmax", "scheme": "asymmetric", "scale": 0.02, "zero_point": 17},
//               "bert.encoder.layer.4.output.dense": {"precision": "bf16"}},
//    "weights_file": {"name": "recipe.weights.safetensors", "xxh3_128": "..."},
//    "metadata": {...}}
//
// Layers in "fp32" and "bf16" say no more than that. BF16 means weights and inputs rounded to bf16;
// their products are summed in FP32, and bias and activation are FP32 too.
//
// Beside what an INT8 layer must say, it may have "scale" and "zero_point" as lists, one number an
// input channel (the layer's input is equalised), and then "split": [[channel, columns], ...] for
// channels that have 255 steps in each of several columns; "clipping": "mse", "bias_correction":
// [one number an output], and "rounding": "calibrated": its INT8 weights are then those of the
// weights file, a safetensors file in the recipe's folder with "<module>.weight" (I8
// [outputs][inputs]) and
// "<module>.weight_scale" (F32 [outputs]).
//
// Keys are the checkpoint's module names, always with the "bert." prefix:
// "bert.encoder.layer.3.output.dense"; the two products of attention are
// "bert.encoder.layer.3.attention.scores" and "….attention.context"; the table of words
// (positions and segments are always fp32) is "bert.embeddings.word_embeddings"; the heads are
// "bert.pooler.dense", "classifier" and "qa_outputs". The metadata, any object, says where the
// recipe comes from (hashes, seed, metrics, data); it is carried along and has no effect.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bertq::loaders {
struct Checkpoint;
}

namespace bertq::engine {

inline constexpr unsigned recipe_version = 1;  // "schema_version"

enum class Precision : std::uint8_t { fp32, bf16, int8 };
std::string_view precision_name(Precision precision);

enum class Granularity : std::uint8_t { per_channel, per_tensor };

// Where the ranges of a layer's input come from: each token's own, or fixed ones from calibration.
enum class Ranges : std::uint8_t { dynamic, fixed };

// How fixed ranges were found in the values that a layer's input took (calibration.h).
enum class RangeAlgorithm : std::uint8_t { minmax, moving_average, percentile, kl, histogram, mse };
std::string_view algorithm_name(RangeAlgorithm algorithm);
std::optional<RangeAlgorithm> find_algorithm(std::string_view name);

// Symmetric: the zero point is 128, the middle of the bytes.
enum class Scheme : std::uint8_t { asymmetric, symmetric };
std::string_view scheme_name(Scheme scheme);
std::optional<Scheme> find_scheme(std::string_view name);

// Which weight the largest INT8 stands for: the largest there is, or the one that leaves the least
// squared error over an output's (or the matrix's) weights.
enum class WeightClipping : std::uint8_t { none, mse };

// Whether a weight goes to the nearest integer, or where it does the output least harm over the
// calibration data: then the integers are in the recipe's weights file.
enum class Rounding : std::uint8_t { nearest, calibrated };

inline constexpr std::int32_t symmetric_zero_point = 128;
// Of an equalised input: a channel that never comes near zero has its zero outside the 256 steps.
inline constexpr std::int32_t farthest_zero_point = 1023;

// A channel of an equalised input whose values reach much farther than those of the others: beside
// its column among theirs it has further ones, so that its steps need not be coarse. With
// q = rne(x / scale) + zero_point, column j = 0, 1, ... of it holds clamp(q - 255 j, 0, 255); all
// have the channel's weights. (What becomes of outlier channels in "Improving Neural Network
// Quantization without Retraining using Outlier Channel Splitting", arXiv:1901.09504, for columns
// that saturate.)
struct ChannelSplit {
  std::uint32_t channel = 0;
  std::uint32_t columns = 2;
  friend bool operator==(const ChannelSplit&, const ChannelSplit&) = default;
};
inline constexpr std::uint32_t most_split_columns = 4;
inline constexpr std::size_t most_extra_columns = 64;  // of a layer
// Whether the input of `module` may be split: the layer that writes it has to write the columns as
// well, as the first layer of a feed-forward block does for the second.
bool may_be_split(std::string_view module);

struct LayerChoice {
  Precision precision = Precision::int8;
  Granularity weights = Granularity::per_channel;
  Ranges activations = Ranges::dynamic;
  RangeAlgorithm algorithm = RangeAlgorithm::minmax;
  Scheme scheme = Scheme::asymmetric;
  // Of the input, for fixed ranges: x = scale * (q - zero_point), q in 0..255. One of each, or, of
  // an equalised input, one for each of its channels; then it is weight * scale that is quantised.
  std::vector<float> scale = {};
  std::vector<std::int32_t> zero_point = {};
  std::vector<ChannelSplit> splits = {};  // of an equalised input, by rising channel
  WeightClipping clipping = WeightClipping::none;
  std::vector<float> bias_correction = {};  // added to the bias; one an output, or none
  Rounding rounding = Rounding::nearest;

  bool equalized() const { return scale.size() > 1; }
  // The channels of the columns behind the input's own, in their order.
  std::vector<std::uint32_t> extra_columns() const;
  friend bool operator==(const LayerChoice&, const LayerChoice&) = default;
};

// INT8 weights from calibrated rounding. `tensors` is null where only the recipe's text is at hand.
struct RoundedWeights {
  std::string name;      // of the file, in the recipe's folder; empty: there is none
  std::string xxh3_128;  // of the file, in hexadecimal digits
  std::shared_ptr<const loaders::Checkpoint> tensors = nullptr;

  friend bool operator==(const RoundedWeights& a, const RoundedWeights& b) {
    return a.name == b.name && a.xxh3_128 == b.xxh3_128;
  }
};

class Recipe {
 public:
  // Every layer in `precision`, INT8 with per-channel weights and per-token dynamic ranges.
  static Recipe uniform(Precision precision);
  // Throws Error (input) naming the file and key: unknown versions, unknown or repeated keys,
  // values out of range, static ranges without a scale.
  static Recipe parse(std::string_view json, const std::string& name);
  std::string to_json() const;

  // The choice for a module: its own entry, else the default.
  const LayerChoice& of(std::string_view module) const;
  void set(std::string module, const LayerChoice& choice);
  const LayerChoice& fallback() const { return fallback_; }
  const std::map<std::string, LayerChoice, std::less<>>& entries() const { return entries_; }
  // Whether the default or any entry has this precision.
  bool uses(Precision precision) const;

  // A JSON object as text, or empty. set_metadata throws Error (usage) for what is not one.
  const std::string& metadata() const { return metadata_; }
  void set_metadata(std::string_view json);

  const RoundedWeights& rounded_weights() const { return rounded_weights_; }
  void set_rounded_weights(RoundedWeights weights) { rounded_weights_ = std::move(weights); }

  friend bool operator==(const Recipe&, const Recipe&) = default;
  // Equal but for the metadata.
  friend bool same_choices(const Recipe& a, const Recipe& b) {
    return a.fallback_ == b.fallback_ && a.entries_ == b.entries_ &&
           a.rounded_weights_ == b.rounded_weights_;
  }

 private:
  LayerChoice fallback_;
  std::map<std::string, LayerChoice, std::less<>> entries_;
  RoundedWeights rounded_weights_;
  std::string metadata_;
};

// Reads a recipe and opens its weights file. Throws what Recipe::parse throws, and Error (input)
// for a weights file that is missing or is not the one that the recipe was written with.
Recipe read_recipe(const std::filesystem::path& file);

// Writes `recipe` to `file` and, where it has rounded weights in memory, these beside it as
// "<file without its extension>.<hash>.safetensors" first: no crash leaves a recipe without its
// weights. Replaces a recipe of that name when the new one is complete, and removes the weights of
// the old one unless another file in the folder still names them. Throws Error (resources).
void write_recipe(const Recipe& recipe, const std::filesystem::path& file);

// The first half of that: writes the weights alone, and returns the recipe that names their file.
Recipe save_rounded_weights(const Recipe& recipe, const std::filesystem::path& file);

}  // namespace bertq::engine
