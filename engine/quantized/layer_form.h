// How the linear layers of a model compute that runs in the arithmetic of the system that quantised
// it: names and truth values only, small enough to travel in a packed file. The numbers (weights,
// scales, zero points) are arrays of the model.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bertq::engine {

enum class Arithmetic : std::uint8_t {
  fp32,
  // PyTorch's quantize_dynamic: u8 activations over the range of the whole input tensor, padding
  // included, f32 results.
  torch_dynamic,
  // PyTorch's static quantisation (LPOT, Neural Compressor): given u8 ranges before and behind.
  torch_static,
  // The same ranges around a layer in FP32: one that LPOT let fall back amid quantised ones.
  torch_static_fp32,
  // Q8BERT: signed activations of -127..127 over a given threshold, an int32 bias.
  q8bert_ema,
  // The same with thresholds of the current tensor, here that of one sequence: so an answer does
  // not depend on who else is in the batch.
  q8bert_dynamic,
};
std::string_view arithmetic_name(Arithmetic arithmetic);

struct LayerForm {
  Arithmetic arithmetic = Arithmetic::fp32;
  bool requantized = false;    // the result is rounded to 8 bits too; Q8BERT's choice
  bool reduced_range = false;  // torch_dynamic: 7 bits for activations

  friend bool operator==(const LayerForm&, const LayerForm&) = default;
};

// A whole model's. Empty `layers`: the arithmetic is bertq's own, as a recipe says.
struct ModelForm {
  std::map<std::string, LayerForm, std::less<>> layers;  // by module; absent ones are fp32
  bool int8_words = false;                               // the table of words stays in 8 bits

  bool is_own() const { return layers.empty(); }
  LayerForm of(std::string_view module) const;
  // Whether a layer in FP32 has its input rounded.
  bool rounds_inputs() const;
  // Whether ranges are those of a whole batch, padding included.
  bool needs_padding() const;

  nlohmann::json to_json() const;
  // Throws Error (input) naming the file and key.
  static ModelForm from_json(const nlohmann::json& json, const std::string& name);

  friend bool operator==(const ModelForm&, const ModelForm&) = default;

 private:
  bool has(Arithmetic arithmetic) const;
};

}  // namespace bertq::engine
