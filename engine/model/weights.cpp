#include "engine/model/weights.h"

#include <string>

#include "bertq/error.h"
#include "engine/model/packed_facts.h"
#include "engine/model/recipe_check.h"
#include "loaders/bertq_file.h"

namespace bertq::engine {

Model::Impl::Impl(const TensorSource& source, const ModelConfig& model_config,
                  const Recipe& model_recipe, jit::Isa isa, Heads model_heads,
                  const QuantizedPlan& plan, const loaders::Checkpoint* packed)
    : config(model_config),
      recipe(model_recipe),
      kernels(jit::Kernels::of(isa)),
      heads(model_heads),
      attention(kernels, config.head_size()) {
  check_recipe(recipe, config, "recipe");
  const jit::ThreadScope scope(isa);
  std::optional<PackedArrays> stored;
  if (packed != nullptr) stored.emplace(*packed, arena);
  WeightLoader loader(plan.source ? *plan.source : source, kernels, arena,
                      stored ? &*stored : nullptr, &recipe.rounded_weights());
  if (plan.form.is_own()) {
    load(loader);
  } else {
    load_quantized(loader, plan);
  }
  arrays = loader.take_arrays();
  if (!stored) return;
  stored->require_all_taken();
  mapped = stored->owner();
}

void Model::Impl::load(WeightLoader& loader) {
  embeddings.emplace(loader, config, recipe);
  layers.reserve(config.layers);
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    layers.emplace_back(loader, config, recipe, layer_prefix(layer));
    shared_inputs.emplace_back(layers.back());
  }
  load_heads(loader);
}

void Model::Impl::load_quantized(WeightLoader& loader, const QuantizedPlan& plan) {
  embeddings.emplace(loader, config, embeddings_recipe(plan.form));
  quantized.emplace(loader, config, plan.form, plan.ranges, heads);
}

void Model::Impl::load_heads(WeightLoader& loader) {
  const auto load = [&](const std::string& module, std::size_t outputs,
                        jit::Activation activation) {
    return Linear(loader, module, outputs, config.hidden, recipe.of(module),
                  {.activation = activation});
  };
  if (heads.pooler) pooler = load("bert.pooler.dense", config.hidden, jit::Activation::tanh);
  if (heads.classifier) {
    classifier =
        load("classifier", loader.source().rows("classifier.weight"), jit::Activation::none);
  }
  if (heads.span) span = load("qa_outputs", span_logits, jit::Activation::none);
}

Model::Model(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

std::shared_ptr<const Model> Model::load(const loaders::Checkpoint& checkpoint,
                                         const ModelConfig& config, const Recipe& recipe,
                                         jit::Isa isa, const ArithmeticChoice& arithmetic) {
  if (checkpoint.format == loaders::bertq_format) {
    return load_packed(checkpoint, config, recipe, isa, arithmetic);
  }
  const CheckpointSource source(checkpoint, config);
  const QuantizedPlan plan = plan_for(checkpoint, config, source, arithmetic);
  return std::shared_ptr<const Model>(
      new Model(std::make_unique<Impl>(source, config, recipe, isa, source.heads(), plan)));
}

std::shared_ptr<const Model> Model::load_packed(const loaders::Checkpoint& checkpoint,
                                                const ModelConfig& config, const Recipe& recipe,
                                                jit::Isa isa, const ArithmeticChoice& arithmetic) {
  const PackedFacts facts = read_packed_facts(checkpoint);
  if (arithmetic.kind == ArithmeticChoice::Kind::torch_dynamic && !facts.form.needs_padding()) {
    throw Error(ErrorKind::usage,
                checkpoint.name +
                    ": holds weights packed for another arithmetic than torch-dynamic: quantise "
                    "the checkpoint again");
  }
  if (!same_choices(recipe, facts.recipe) || config.activation != facts.activation) {
    throw Error(ErrorKind::usage,
                checkpoint.name +
                    ": holds weights packed for another recipe or activation than asked for: "
                    "quantise the checkpoint again");
  }
  const PackedSource source(facts);
  QuantizedPlan plan;
  plan.form = facts.form;
  return std::shared_ptr<const Model>(new Model(
      std::make_unique<Impl>(source, config, facts.recipe, isa, facts.heads, plan, &checkpoint)));
}

std::shared_ptr<const Model> Model::random(const ModelConfig& config, const Recipe& recipe,
                                           jit::Isa isa, std::uint64_t seed,
                                           const ArithmeticChoice& arithmetic) {
  const RandomSource source(config, seed);
  QuantizedPlan plan;
  if (arithmetic.kind == ArithmeticChoice::Kind::torch_dynamic) {
    plan = torch_dynamic_plan(config, source, arithmetic.reduced_range.value_or(true));
  }
  return std::shared_ptr<const Model>(
      new Model(std::make_unique<Impl>(source, config, recipe, isa, RandomSource::heads(), plan)));
}

const ModelConfig& Model::config() const {
  return impl_->config;
}
const Recipe& Model::recipe() const {
  return impl_->recipe;
}
jit::Isa Model::isa() const {
  return impl_->kernels.isa();
}
Heads Model::heads() const {
  return impl_->heads;
}
std::size_t Model::labels() const {
  if (impl_->quantized && impl_->quantized->classifier) {
    return impl_->quantized->classifier->outputs();
  }
  return impl_->classifier ? impl_->classifier->outputs() : 0;
}
bool Model::pads_batches() const {
  return impl_->quantized && impl_->quantized->form.needs_padding();
}
std::size_t Model::weights_bytes() const {
  std::size_t bytes = 0;
  for (const NamedArray& array : impl_->arrays) bytes += array.bytes.size();
  return bytes;
}

}  // namespace bertq::engine
