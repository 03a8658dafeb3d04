#include "engine/cli/inspect_report.h"

#include <vector>

#include "engine/cli/inspect_words.h"
#include "engine/model/packed_facts.h"

namespace bertq::engine::cli {
namespace {

Json share_json(const Share& share, bool with_use) {
  Json json = {{"name", share.name},
               {"tensors", share.tensors},
               {"parameters", share.parameters},
               {"bytes", share.bytes}};
  if (with_use) json["int8_parameters"] = share.quantized;
  return json;
}

Json shares_json(const std::vector<Share>& shares, bool with_use) {
  Json list = Json::array();
  for (const Share& share : shares) list.push_back(share_json(share, with_use));
  return list;
}

Json float_or_null(const std::optional<float>& value) {
  return value ? json_float(*value) : Json(nullptr);
}

// Whole numbers as such; a table of embeddings may have others.
Json zero_points_json(const loaders::Affine& affine) {
  Json list = Json::array();
  for (const double zero_point : affine.zero_points) {
    const auto whole = static_cast<std::int64_t>(zero_point);
    list.push_back(static_cast<double>(whole) == zero_point ? Json(whole) : Json(zero_point));
  }
  return list;
}

Json tensor_json(const loaders::Tensor& info, const TensorReport& tensor) {
  Json json = {{"name", info.name},
               {"shape", info.shape},
               {"dtype", loaders::dtype_name(info.dtype)},
               {"file", info.file()},
               {"part", tensor.part},
               {"in_int8", tensor.use.empty() ? Json(nullptr) : Json(tensor.use)}};
  if (info.affine) {
    json["scales"] = info.affine->scales;
    json["zero_points"] = zero_points_json(*info.affine);
  }
  if (tensor.values) {
    json["min"] = float_or_null(tensor.values->least);
    json["max"] = float_or_null(tensor.values->greatest);
    json["nans"] = tensor.values->nans;
    json["infinities"] = tensor.values->infinities;
  }
  return json;
}

Json tokenizer_json(const std::optional<tokenizer::Tokenizer>& tokenizer) {
  if (!tokenizer) return nullptr;
  return {{"tokens", tokenizer->vocabulary_size()},
          {"lower_case", tokenizer->options().lower_case},
          {"profile", profile_text(tokenizer->options().profile)},
          {"sources", tokenizer->sources()}};
}

Json pooling_json(const std::optional<PoolingChoice>& pooling) {
  if (!pooling) return nullptr;
  return {{"mode", pooling_text(pooling->pooling)}, {"normalize", pooling->normalize}};
}

void add_model_json(Json& json, const Inspection& found) {
  const ModelConfig& config = found.files.config;
  json["config"] = {{"hidden_size", config.hidden},
                    {"num_hidden_layers", config.layers},
                    {"num_attention_heads", config.heads},
                    {"intermediate_size", config.intermediate},
                    {"vocab_size", config.vocabulary},
                    {"max_position_embeddings", config.positions},
                    {"type_vocab_size", config.segments},
                    {"layer_norm_eps", json_float(config.layer_norm_epsilon)},
                    {"activation", activation_text(config.activation)},
                    {"activation_reason", config.activation_reason},
                    {"labels", config.labels},
                    {"regression", config.regression}};
  json["heads"] = head_names(found.files.heads);
  json["pooling"] = pooling_json(found.files.pooling);
  json["tokenizer"] = tokenizer_json(found.files.tokenizer);
  json["max_tokens"] = found.files.max_tokens;
}

}  // namespace

Json inspection_json(const Inspection& found) {
  const loaders::Checkpoint& checkpoint = found.files.checkpoint;
  const bool usable = !found.problem;
  Json json = {{"schema_version", 1},
               {"version", BERTQ_VERSION},
               {"model", found.files.name},
               {"format", checkpoint.format},
               {"file_bytes", checkpoint.file_bytes},
               {"problem", usable ? Json(nullptr) : Json(found.problem->what())},
               {"remarks", Json::array()}};
  for (const std::string& remark : checkpoint.remarks) json["remarks"].push_back(remark);
  if (usable) add_model_json(json, found);
  if (found.quantization.quantizer != Quantizer::none) {
    json["quantised"] = {{"by", quantizer_name(found.quantization.quantizer)},
                         {"modules", Json::object()}};
    for (const auto& [module, layer] : found.quantization.layers) {
      json["quantised"]["modules"][module] = arithmetic_name(layer.arithmetic);
    }
  }
  if (usable && found.files.packed) {
    json["packed"] = {{"source", found.files.packed->source},
                      {"source_format", found.files.packed->source_format},
                      {"program", found.files.packed->program},
                      {"recipe", Json::parse(found.files.packed->recipe.to_json())}};
  }
  json["total"] = share_json(total_of(found.parts), usable);
  json["parts"] = shares_json(found.parts, usable);
  json["dtypes"] = shares_json(found.dtypes, usable);
  json["tensors"] = Json::array();
  for (const TensorReport& tensor : found.tensors) {
    json["tensors"].push_back(tensor_json(checkpoint.tensors[tensor.index], tensor));
  }
  return json;
}

}  // namespace bertq::engine::cli
