#include "bertq/model.hpp"

#include <utility>

#include "bertq/tokenizer.hpp"
#include "bertq/tuner.hpp"
#include "engine/api/guarded.h"
#include "engine/api/model_impl.h"
#include "engine/api/recipe_impl.h"
#include "engine/api/tokenizer_impl.h"
#include "engine/model/hub_cache.h"
#include "engine/model/precision_choice.h"

namespace bertq {
namespace {

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::bf16:
      return "bf16";
    case Precision::int8:
      return "int8";
    case Precision::automatic:
      break;
  }
  return "auto";
}

engine::PrecisionChoice choice_of(const LoadOptions& options) {
  engine::PrecisionChoice choice;
  choice.name = name_of(options.precision);
  if (options.recipe.empty()) return choice;
  if (options.precision != Precision::automatic) {
    throw Error(ErrorKind::usage,
                "a recipe and the precision " + choice.name + " contradict each other");
  }
  choice.recipe_file = options.recipe;
  return choice;
}

tokenizer::Tokenizer::Overrides overrides_of(const LoadOptions& options) {
  return {.lower_case = options.lower_case};
}

std::size_t token_limit(const engine::ModelFiles& files, std::size_t asked) {
  if (asked == 0) return files.max_tokens;
  if (asked <= files.config.positions) return asked;
  throw Error(ErrorKind::input, files.name + ": max_tokens: expected at most the " +
                                    std::to_string(files.config.positions) +
                                    " positions of the model, got " + std::to_string(asked));
}

void tell(const Log& log, const Model::Impl& impl) {
  if (!log) return;
  const engine::ModelFiles& files = *impl.files;
  log("model " + files.name + ": " + std::to_string(files.config.layers) + " layers, hidden " +
      std::to_string(files.config.hidden) + ", " + std::string(files.checkpoint.format));
  log("precision " + impl.precision + " on " + std::string(jit::isa_name(impl.model->isa())) +
      ", " + std::to_string(impl.model->weights_bytes()) + " bytes of weights");
}

std::shared_ptr<const Model::Impl> load_files(engine::ModelFiles opened,
                                              const LoadOptions& options) {
  const engine::PrecisionChoice choice = choice_of(options);
  Model::Impl impl;
  impl.files = std::make_shared<const engine::ModelFiles>(std::move(opened));
  const engine::ModelFiles& files = *impl.files;
  if (options.map_weights && !files.packed) {
    throw Error(ErrorKind::usage, files.name +
                                      ": map_weights needs a .bertq file, whose weights are "
                                      "stored as they are used (bertq quantize)");
  }
  impl.max_tokens = token_limit(files, options.max_tokens);
  impl.precision = engine::precision_label(choice, files);
  impl.model = engine::load_model(files, files.config, engine::chosen_recipe(choice, files),
                                  jit::select_isa(options.isa), engine::chosen_arithmetic(choice));
  tell(options.log, impl);
  return std::make_shared<const Model::Impl>(std::move(impl));
}

}  // namespace

Model Model::load(const std::string& name, const LoadOptions& options) {
  return guarded([&] {
    const auto access =
        options.map_weights ? engine::WeightAccess::mapped : engine::WeightAccess::read;
    return Model(load_files(
        engine::open_model(engine::find_model(name), overrides_of(options), access), options));
  });
}

Model Model::load(Sample sample, const LoadOptions& options) {
  return guarded([&] {
    const auto embedded =
        sample == Sample::questions ? engine::EmbeddedModel::squad : engine::EmbeddedModel::mrpc;
    return Model(load_files(engine::open_embedded_model(overrides_of(options), embedded), options));
  });
}

std::optional<Model> Model::try_load(const std::string& name, const LoadOptions& options,
                                     std::optional<Error>* why) noexcept {
  try {
    return load(name, options);
  } catch (const Error& error) {
    if (why != nullptr) *why = error;
  } catch (...) {  // want of memory for a message, or what the caller's log threw
    if (why != nullptr) *why = Error(ErrorKind::resources, "");
  }
  return std::nullopt;
}

Model Model::with(const Recipe& recipe) const {
  return guarded([&] {
    Impl other = impl();
    if (other.files->packed) {
      throw Error(ErrorKind::usage, name() +
                                        ": a .bertq file, whose precisions are settled; load the "
                                        "checkpoint that it was made from");
    }
    other.model =
        engine::load_model(*other.files, other.files->config,
                           of_handle(recipe.impl_, "recipe").recipe, other.model->isa(), {});
    other.precision = "tuned";
    return Model(std::make_shared<const Impl>(std::move(other)));
  });
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Model::Model(const Model&) noexcept = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(const Model&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

const Model::Impl& Model::impl() const {
  return of_handle(impl_, "model");
}

const std::string& Model::name() const {
  return impl().files->name;
}

std::size_t Model::layers() const {
  return impl().files->config.layers;
}

std::size_t Model::hidden() const {
  return impl().files->config.hidden;
}

std::size_t Model::vocabulary() const {
  return impl().files->config.vocabulary;
}

std::size_t Model::max_tokens() const {
  return impl().max_tokens;
}

bool Model::classifies() const {
  return impl().model->heads().classifier && !regresses();
}

bool Model::regresses() const {
  return impl().model->heads().classifier && impl().files->config.regression;
}

bool Model::answers() const {
  return impl().model->heads().span;
}

std::size_t Model::outputs() const {
  return impl().model->labels();
}

std::span<const std::string> Model::labels() const {
  const auto& labels = impl().files->config.labels;
  if (!classifies() || labels.size() != outputs()) return {};
  return labels;
}

std::string_view Model::precision() const {
  return impl().precision;
}

std::string_view Model::isa() const {
  return jit::isa_name(impl().model->isa());
}

std::size_t Model::weights_bytes() const {
  return impl().model->weights_bytes();
}

bool Model::depends_on_batch() const {
  return impl().model->pads_batches();
}

Tokenizer Model::tokenizer() const {
  return guarded([&] {
    const auto& own = engine::tokenizer_of(*impl().files);
    return Tokenizer(std::make_shared<const Tokenizer::Impl>(
        Tokenizer::Impl{std::shared_ptr<const tokenizer::Tokenizer>(impl_->files, &own)}));
  });
}

}  // namespace bertq
