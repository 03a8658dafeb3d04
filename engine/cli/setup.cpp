#include "engine/cli/setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "bertq/error.h"
#include "engine/cli/hub_cache.h"
#include "engine/cli/mapping_guard.h"
#include "engine/model/packed_facts.h"
#include "engine/runtime/cpu_count.h"
#include "loaders/byte_source.h"

namespace bertq::engine::cli {
namespace {

constexpr std::string_view torch_dynamic = "torch-dynamic";

void check_precision(const Arguments& arguments) {
  const std::string& precision = arguments.text("precision");
  if (arguments.given("recipe") && precision != "auto") {
    throw Error(ErrorKind::usage,
                fmt::format("--recipe and --precision {} contradict each other", precision));
  }
  if (arguments.given("reduce-range") && precision != torch_dynamic) {
    throw Error(ErrorKind::usage, "--reduce-range belongs to --precision torch-dynamic");
  }
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

namespace {

ModelFiles open_files(const Arguments& arguments, const Console& console, WeightAccess access,
                      EmbeddedModel sample) {
  const auto overrides = tokenizer_overrides(arguments);
  ModelFiles files = arguments.given("model")
                         ? open_model(find_model(arguments.text("model")), overrides, access)
                         : open_embedded_model(overrides, sample);
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

const tokenizer::Tokenizer& tokenizer_of(const ModelFiles& files) {
  if (!files.tokenizer) {
    throw Error(ErrorKind::input, files.name + ": expected vocab.txt or tokenizer.json, got none");
  }
  return *files.tokenizer;
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
  require_made_for(recipe, files);
  ModelConfig config = files.config;
  apply_activation(arguments, config);
  return Model::load(files.checkpoint, config, recipe, isa, arithmetic);
}

ArithmeticChoice chosen_arithmetic(const Arguments& arguments) {
  check_precision(arguments);
  const std::string& precision = arguments.text("precision");
  ArithmeticChoice choice;
  if (precision == torch_dynamic) {
    choice.kind = ArithmeticChoice::Kind::torch_dynamic;
    if (arguments.given("reduce-range")) {
      choice.reduced_range = arguments.text("reduce-range") == "yes";
    }
  } else if (precision != "fp32" && !arguments.given("recipe")) {
    choice.kind = ArithmeticChoice::Kind::stored;
  }
  return choice;
}

std::size_t apply_batching(const Arguments& arguments, Session& session) {
  if (session.model().pads_batches()) {
    if (arguments.given("pad-to")) session.pad_to(arguments.number("pad-to"));
    return arguments.number("batch");
  }
  for (const char* flag : {"batch", "pad-to"}) {
    if (arguments.text("precision") == torch_dynamic || !arguments.given(flag)) continue;
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

std::size_t chosen_threads(const Arguments& arguments) {
  return arguments.given("threads") ? arguments.number("threads") : usable_cpus();
}

Recipe chosen_recipe(const Arguments& arguments) {
  check_precision(arguments);
  if (arguments.given("recipe")) return read_recipe(arguments.text("recipe"));
  return Recipe::uniform(arguments.text("precision") == "fp32" ? Precision::fp32 : Precision::int8);
}

Recipe chosen_recipe(const Arguments& arguments, const ModelFiles& files) {
  if (!files.packed) return chosen_recipe(arguments);
  const Recipe& stored = files.packed->recipe;
  const bool asks = arguments.given("recipe") || arguments.text("precision") != "auto";
  const std::string& asked = arguments.text("precision");
  const bool same_ranges =
      asked == "auto" || (asked == torch_dynamic) == files.packed->form.needs_padding();
  if (!asks || (same_ranges && same_choices(chosen_recipe(arguments), stored))) return stored;
  throw Error(ErrorKind::usage,
              fmt::format("{}: holds weights of its own recipe ({}) alone; for another, quantise "
                          "the checkpoint again (bertq quantize)",
                          files.name, precision_label(arguments, files)));
}

std::string precision_label(const Arguments& arguments) {
  check_precision(arguments);
  if (arguments.given("recipe")) return "tuned";
  const std::string& precision = arguments.text("precision");
  return precision == "auto" ? "int8" : precision;
}

std::string precision_label(const Arguments& arguments, const ModelFiles& files) {
  if (!files.packed) return precision_label(arguments);
  if (files.packed->form.needs_padding()) return std::string(torch_dynamic);
  const Recipe& stored = files.packed->recipe;
  return std::string(stored.entries().empty() ? precision_name(stored.fallback().precision)
                                              : "tuned");
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
