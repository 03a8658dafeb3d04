// The dimensions and choices of a BERT checkpoint, from its config.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jit/gemm.h"

namespace bertq::engine {

// How Q8BERT quantised one kind of layer.
struct Q8BertLayer {
  enum class Mode : std::uint8_t { none, dynamic, ema };
  Mode mode = Mode::none;
  bool requantize_output = true;
};

struct ModelConfig {
  std::size_t hidden = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t intermediate = 0;
  std::size_t vocabulary = 0;
  std::size_t positions = 0;  // the longest sequence, in tokens
  std::size_t segments = 0;   // type_vocab_size
  float layer_norm_epsilon = 0.0F;
  jit::Activation activation = jit::Activation::gelu_erf;  // of the feed-forward block
  std::string activation_reason;                           // for people: what decided
  // Of the classification head, in the order of the logits; empty where the config names none.
  std::vector<std::string> labels;
  bool regression = false;  // one logit that is the answer itself
  // Q8BERT's choices by its own keys ("attention_query", ...); empty for any other model.
  std::map<std::string, Q8BertLayer, std::less<>> q8bert;

  std::size_t head_size() const { return hidden / heads; }
};

// Whose code the weights are for: google-research's BERT, in TensorFlow, or the PyTorch ones.
enum class Lineage : std::uint8_t { pytorch, google };

// Reads and checks a config.json or bert_config.json. `name` stands for the file in messages.
// Throws Error (input), also for what is not BERT: another model_type, a decoder, cross-attention,
// relative positions, an unknown activation.
//
// What hidden_act "gelu" means is settled here. google-research computes its tanh form, Hugging
// Face and the PyTorch BERTs before it the erf form, and neither says so in the file: the lineage
// of the weights decides, unless the config is one that Hugging Face wrote (it has a model_type),
// which speaks for itself.
ModelConfig parse_config(std::string_view json, const std::string& name,
                         Lineage lineage = Lineage::pytorch);

// The shapes of google-research's bert-base and bert-large, for benchmarks. Throws Error (usage)
// for another name.
ModelConfig named_config(std::string_view name);

}  // namespace bertq::engine
