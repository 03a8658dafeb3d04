#include "engine/cli/setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "bertq/error.h"
#include "engine/cli/mapping_guard.h"
#include "engine/model/hub_cache.h"
#include "engine/model/model_folder.h"
#include "engine/runtime/cpu_count.h"
#include "loaders/byte_source.h"

namespace bertq::engine::cli {
namespace {

PrecisionChoice precision_choice(const Arguments& arguments) {
  const std::string& precision = arguments.text("precision");
  if (arguments.given("recipe") && precision != "auto") {
    throw Error(ErrorKind::usage,
                fmt::format("--recipe and --precision {} contradict each other", precision));
  }
  if (arguments.given("reduce-range") && precision != torch_dynamic_name) {
    throw Error(ErrorKind::usage, "--reduce-range belongs to --precision torch-dynamic");
  }
  PrecisionChoice choice;
  choice.name = precision;
  if (arguments.given("recipe")) choice.recipe_file = arguments.text("recipe");
  if (arguments.given("reduce-range")) {
    choice.reduced_range = arguments.text("reduce-range") == "yes";
  }
  return choice;
}

}  // namespace

tokenizer::Tokenizer::Overrides tokenizer_overrides(const Arguments& arguments) {
  tokenizer::Tokenizer::Overrides overrides;
  if (arguments.given("do-lower-case")) overrides.lower_case = arguments.flag("do-lower-case");
  if (arguments.given("tokenizer-profile")) {
    overrides.profile = arguments.text("tokenizer-profile") == "google" ? tokenizer::Profile::google
                                                                        : tokenizer::Profile::hf;
  }
  return overrides;
}

std::vector<std::string> files_read(const ModelFiles& files) {
  std::vector<std::string> read;
  for (const auto& source : files.checkpoint.sources) read.push_back(source->name());
  for (const std::string& file : files.small_files) read.push_back(files.folder->place(file));
  return read;
}

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    found.push_back(entry.path().string());
  }
  return found;
}

namespace {

ModelFiles open_files(const Arguments& arguments, const Console& console, WeightAccess access,
                      EmbeddedModel sample) {
  const auto overrides = tokenizer_overrides(arguments);
  ModelFiles files = arguments.given("model")
                         ? open_model(find_model(arguments.text("model")), overrides, access)
                         : open_embedded_model(overrides, sample);
  arguments.refuse_overwriting(files_read(files));
  console.note("model", fmt::format("{}: {} layers, hidden {}, {}", files.name, files.config.layers,
                                    files.config.hidden, files.checkpoint.format));
  return files;
}

}  // namespace

ModelFiles open_model_files(const Arguments& arguments, const Console& console,
                            EmbeddedModel sample) {
  return open_files(arguments, console, WeightAccess::read, sample);
}

ModelFiles open_runnable_files(const Arguments& arguments, const Console& console,
                               EmbeddedModel sample) {
  const bool map = arguments.flag("mmap");
  if (map) guard_mapped_files();
  ModelFiles files =
      open_files(arguments, console, map ? WeightAccess::mapped : WeightAccess::read, sample);
  if (map && !files.packed) {
    throw Error(ErrorKind::usage, files.name +
                                      ": --mmap needs a .bertq file, whose weights are "
                                      "stored as they are used (bertq quantize)");
  }
  return files;
}

void apply_activation(const Arguments& arguments, ModelConfig& config) {
  if (!arguments.given("activation")) return;
  config.activation = arguments.text("activation") == "tanh" ? jit::Activation::gelu_tanh
                                                             : jit::Activation::gelu_erf;
  config.activation_reason = "--activation";
}

std::shared_ptr<const Model> load_model(const Arguments& arguments, const ModelFiles& files,
                                        const Recipe& recipe, jit::Isa isa) {
  return load_model(arguments, files, recipe, isa, chosen_arithmetic(arguments));
}

std::shared_ptr<const Model> load_model(const Arguments& arguments, const ModelFiles& files,
                                        const Recipe& recipe, jit::Isa isa,
                                        const ArithmeticChoice& arithmetic) {
  ModelConfig config = files.config;
  apply_activation(arguments, config);
  return engine::load_model(files, config, recipe, isa, arithmetic);
}

ArithmeticChoice chosen_arithmetic(const Arguments& arguments) {
  return engine::chosen_arithmetic(precision_choice(arguments));
}

std::size_t apply_batching(const Arguments& arguments, Session& session) {
  if (session.model().pads_batches()) {
    if (arguments.given("pad-to")) session.pad_to(arguments.number("pad-to"));
    return arguments.number("batch");
  }
  for (const char* flag : {"batch", "pad-to"}) {
    if (arguments.text("precision") == torch_dynamic_name || !arguments.given(flag)) continue;
    throw Error(ErrorKind::usage,
                fmt::format("--{} belongs to --precision torch-dynamic: other answers do not "
                            "depend on the batch",
                            flag));
  }
  return 0;
}

jit::Isa chosen_isa(const Arguments& arguments) {
  const std::string& name = arguments.text("isa");
  return jit::select_isa(name == "auto" ? "" : name);
}

std::size_t chosen_threads(const Arguments& arguments, std::size_t instances) {
  return threads_of_each(arguments.given("threads") ? arguments.number("threads") : 0, instances);
}

Recipe chosen_recipe(const Arguments& arguments) {
  return engine::chosen_recipe(precision_choice(arguments));
}

Recipe chosen_recipe(const Arguments& arguments, const ModelFiles& files) {
  return engine::chosen_recipe(precision_choice(arguments), files);
}

std::string precision_label(const Arguments& arguments) {
  return engine::precision_label(precision_choice(arguments));
}

std::string precision_label(const Arguments& arguments, const ModelFiles& files) {
  return engine::precision_label(precision_choice(arguments), files);
}

std::size_t token_limit(const Arguments& arguments, const ModelFiles& files,
                        std::size_t otherwise) {
  if (!arguments.given("max-seq-length")) {
    return otherwise == 0 ? files.max_tokens : std::min(otherwise, files.max_tokens);
  }
  const std::size_t asked = arguments.number("max-seq-length");
  if (asked > files.config.positions) {
    throw Error(ErrorKind::input,
                fmt::format("{}: --max-seq-length: expected at most the {} positions of the model, "
                            "got {}",
                            files.name, files.config.positions, asked));
  }
  return asked;
}

}  // namespace bertq::engine::cli
