// The recipe: which precision each layer runs in. The only carrier of precision choices.
//
// A versioned JSON file:
//
//   {"schema_version": 1,
//    "default": {"precision": "int8", "weights": "per_channel", "activations": "dynamic"},
//    "layers": {"bert.encoder.layer.3.output.dense":
//                 {"precision": "int8", "weights": "per_channel", "activations": "static",
//                  "algorithm": "minmax", "scheme": "asymmetric", "scale": 0.02, "zero_point": 17},
//               "bert.encoder.layer.4.output.dense": {"precision": "fp32"}},
//    "metadata": {...}}
//
// Keys are the checkpoint's module names, always with the "bert." prefix:
// "bert.encoder.layer.3.output.dense"; the two products of attention are
// "bert.encoder.layer.3.attention.scores" and "….attention.context"; the table of words
// (positions and segments are always fp32) is "bert.embeddings.word_embeddings"; the heads are
// "bert.pooler.dense", "classifier" and "qa_outputs". The metadata, any object, says where the
// recipe comes from (hashes, seed, metrics, data); it is carried along and has no effect.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bertq {

enum class Precision : std::uint8_t { fp32, int8 };
std::string_view precision_name(Precision precision);

enum class Granularity : std::uint8_t { per_channel, per_tensor };

// Where the ranges of a layer's input come from: each token's own, or fixed ones from calibration.
enum class Ranges : std::uint8_t { dynamic, fixed };

struct LayerChoice {
  Precision precision = Precision::int8;
  Granularity weights = Granularity::per_channel;
  Ranges activations = Ranges::dynamic;
  // Of the input, for fixed ranges: x = scale * (q - zero_point), q in 0..255.
  float scale = 0.0F;
  std::int32_t zero_point = 0;

  friend bool operator==(const LayerChoice&, const LayerChoice&) = default;
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

  // A JSON object as text, or empty. set_metadata throws Error (usage) for what is not one.
  const std::string& metadata() const { return metadata_; }
  void set_metadata(std::string_view json);

  friend bool operator==(const Recipe&, const Recipe&) = default;
  // Equal but for the metadata.
  friend bool same_choices(const Recipe& a, const Recipe& b) {
    return a.fallback_ == b.fallback_ && a.entries_ == b.entries_;
  }

 private:
  LayerChoice fallback_;
  std::map<std::string, LayerChoice, std::less<>> entries_;
  std::string metadata_;
};

}  // namespace bertq
