// The smallest BERT that is one, as published files: names and shapes written out by hand.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/safetensors_file.h"
#include "support/temporary_folder.h"

namespace bertq::testing {
using namespace engine;

inline constexpr std::string_view tiny_config = R"({
  "model_type": "bert",
  "hidden_size": 4,
  "num_hidden_layers": 1,
  "num_attention_heads": 2,
  "intermediate_size": 6,
  "vocab_size": 8,
  "max_position_embeddings": 10,
  "type_vocab_size": 2,
  "hidden_act": "gelu",
  "layer_norm_eps": 1e-12
})";

inline constexpr std::string_view tiny_vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n";

// `text` with `from`, which must occur, replaced by `to` once.
inline std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  const std::size_t at = result.find(from);
  if (at == std::string::npos) throw std::logic_error("not there: " + std::string(from));
  return result.replace(at, from.size(), to);
}

struct TinyTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::string dtype = "F32";
};

// Of tiny_config, with pooler and a classifier of two labels.
inline std::vector<TinyTensor> tiny_tensors() {
  const std::string layer = "bert.encoder.layer.0.";
  return {
      {"bert.embeddings.word_embeddings.weight", {8, 4}},
      {"bert.embeddings.position_embeddings.weight", {10, 4}},
      {"bert.embeddings.token_type_embeddings.weight", {2, 4}},
      {"bert.embeddings.LayerNorm.weight", {4}},
      {"bert.embeddings.LayerNorm.bias", {4}},
      {layer + "attention.self.query.weight", {4, 4}},
      {layer + "attention.self.query.bias", {4}},
      {layer + "attention.self.key.weight", {4, 4}},
      {layer + "attention.self.key.bias", {4}},
      {layer + "attention.self.value.weight", {4, 4}},
      {layer + "attention.self.value.bias", {4}},
      {layer + "attention.output.dense.weight", {4, 4}},
      {layer + "attention.output.dense.bias", {4}},
      {layer + "attention.output.LayerNorm.weight", {4}},
      {layer + "attention.output.LayerNorm.bias", {4}},
      {layer + "intermediate.dense.weight", {6, 4}},
      {layer + "intermediate.dense.bias", {6}},
      {layer + "output.dense.weight", {4, 6}},
      {layer + "output.dense.bias", {4}},
      {layer + "output.LayerNorm.weight", {4}},
      {layer + "output.LayerNorm.bias", {4}},
      {"bert.pooler.dense.weight", {4, 4}},
      {"bert.pooler.dense.bias", {4}},
      {"classifier.weight", {2, 4}},
      {"classifier.bias", {2}},
  };
}

// The tensor of that name, to be spoilt.
inline TinyTensor& named(std::vector<TinyTensor>& tensors, std::string_view name) {
  for (TinyTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::logic_error("no tensor " + std::string(name));
}

inline void erase(std::vector<TinyTensor>& tensors, std::string_view prefix) {
  std::erase_if(tensors, [&](const TinyTensor& tensor) { return tensor.name.starts_with(prefix); });
}

// A safetensors file of zeros.
inline std::string tiny_checkpoint(const std::vector<TinyTensor>& tensors) {
  SafetensorsFile file;
  for (const TinyTensor& tensor : tensors) {
    std::uint64_t bytes = tensor.dtype == "I64" ? 8 : tensor.dtype == "F16" ? 2 : 4;
    for (const std::uint64_t size : tensor.shape) bytes *= size;
    file.add(tensor.name, tensor.dtype, tensor.shape, std::string(bytes, '\0'));
  }
  return file.bytes();
}

// All three files, in a folder of their own or in a subfolder ("name/") of it.
inline void write_tiny_model(const TemporaryFolder& folder, const std::string& subfolder = "") {
  folder.write(subfolder + "config.json", tiny_config);
  folder.write(subfolder + "model.safetensors", tiny_checkpoint(tiny_tensors()));
  folder.write(subfolder + "vocab.txt", tiny_vocabulary);
}

}  // namespace bertq::testing
