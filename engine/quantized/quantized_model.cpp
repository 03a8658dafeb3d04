#include "engine/quantized/quantized_model.h"

#include "engine/model/embeddings.h"
#include "engine/model/encoder_layer.h"
#include "engine/model/tensor_names.h"

namespace bertq::engine {
namespace {

// Loads the linear layers of one model.
class LinearLoader {
 public:
  LinearLoader(WeightLoader& loader, const ModelForm& form, const RangesByModule& ranges)
      : loader_(loader), form_(form), ranges_(ranges) {}

  QuantizedLinear operator()(const std::string& module, std::size_t outputs, std::size_t inputs,
                             const Epilogue& epilogue) const {
    const auto given = ranges_.find(module);
    return {loader_, module,           outputs,
            inputs,  form_.of(module), given == ranges_.end() ? nullptr : &given->second,
            epilogue};
  }

 private:
  WeightLoader& loader_;
  const ModelForm& form_;
  const RangesByModule& ranges_;
};

constexpr Epilogue add_residual{.residual = true};

AttentionChoice fp32_attention(const std::string& prefix) {
  return attention_choice(Recipe::uniform(Precision::fp32), prefix);
}

}  // namespace

QuantizedLayer::QuantizedLayer(WeightLoader& loader, const ModelConfig& config,
                               const ModelForm& form, const RangesByModule& ranges,
                               const std::string& prefix)
    : query_key_value{LinearLoader(loader, form, ranges)(prefix + "attention.self.query",
                                                         config.hidden, config.hidden, {}),
                      LinearLoader(loader, form, ranges)(prefix + "attention.self.key",
                                                         config.hidden, config.hidden, {}),
                      LinearLoader(loader, form, ranges)(prefix + "attention.self.value",
                                                         config.hidden, config.hidden, {})},
      attention(fp32_attention(prefix)),
      attention_output(LinearLoader(loader, form, ranges)(
          prefix + "attention.output.dense", config.hidden, config.hidden, add_residual)),
      attention_norm(loader, prefix + "attention.output.LayerNorm", config.hidden,
                     config.layer_norm_epsilon),
      intermediate(LinearLoader(loader, form, ranges)(prefix + "intermediate.dense",
                                                      config.intermediate, config.hidden,
                                                      {.activation = config.activation})),
      output(LinearLoader(loader, form, ranges)(prefix + "output.dense", config.hidden,
                                                config.intermediate, add_residual)),
      output_norm(loader, prefix + "output.LayerNorm", config.hidden, config.layer_norm_epsilon) {}

QuantizedModel::QuantizedModel(WeightLoader& loader, const ModelConfig& config,
                               const ModelForm& model_form, const RangesByModule& ranges,
                               const Heads& heads)
    : form(model_form) {
  layers.reserve(config.layers);
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    layers.emplace_back(loader, config, form, ranges, layer_prefix(layer));
  }
  const LinearLoader linear(loader, form, ranges);
  if (heads.pooler) {
    pooler = linear("bert.pooler.dense", config.hidden, config.hidden,
                    {.activation = jit::Activation::tanh});
  }
  if (heads.classifier) {
    classifier = linear("classifier", loader.source().rows("classifier.weight"), config.hidden, {});
  }
  if (heads.span) span = linear("qa_outputs", span_logits, config.hidden, {});
}

Recipe embeddings_recipe(const ModelForm& form) {
  Recipe recipe = Recipe::uniform(Precision::fp32);
  if (form.int8_words) recipe.set(std::string(word_embeddings_module), LayerChoice{});
  return recipe;
}

}  // namespace bertq::engine
