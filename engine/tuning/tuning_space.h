// What a search may choose: for each module, the ways in which it can run.
//
// Lists of values, a product of them and the user's restrictions work as in LPOT v1.3 (conf/
// config.py, adaptor/*.yaml): restrictions are cut with the capability list by list, in the user's
// order, and an empty cut leaves the capability as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/model.h"
#include "engine/precision/recipe.h"

namespace bertq::engine {

enum class ModuleKind : std::uint8_t { linear, head, attention, embedding };
// As reports count them: "Linear", "Attention", "Embedding". Heads are linear layers.
std::string_view type_name(ModuleKind kind);

// One way to run a module. Of fp32 and bf16, the rest has its defaults; of dynamic ranges, scheme
// and algorithm.
struct LayerOption {
  Precision precision = Precision::int8;
  Granularity weights = Granularity::per_channel;
  Ranges activations = Ranges::dynamic;
  Scheme scheme = Scheme::asymmetric;
  RangeAlgorithm algorithm = RangeAlgorithm::minmax;

  bool quantized() const { return precision == Precision::int8; }
  friend bool operator==(const LayerOption&, const LayerOption&) = default;
};
// "int8 static asymmetric kl, per_channel weights".
std::string option_text(const LayerOption& option);
// The same as a recipe says it; static ranges are still to be calibrated.
LayerChoice choice_of(const LayerOption& option);

// Values by LPOT's names, each list in the order in which a search goes through it.
struct ValueLists {
  std::vector<std::string> dtype, scheme, granularity, algorithm;
};
struct OperationLists {
  ValueLists weight, activation;
};
// What the user allows. Empty lists allow everything.
struct Restriction {
  std::string pattern;  // of operations; empty: of all
  std::size_t line = 0;
  OperationLists lists;
};
void restrict_lists(const OperationLists& user, OperationLists& capability);
// Whose operations and whose capabilities: bertq's own, or what LPOT found in a framework.
enum class Dialect : std::uint8_t { bertq, pytorch, tensorflow };
enum class Approach : std::uint8_t { any, static_ranges, dynamic_ranges };
OperationLists capability(Dialect dialect, Approach approach, ModuleKind kind);

// The product, the last list fastest, activations within weights; without mixtures of INT8, BF16
// and FP32, and each option once.
std::vector<LayerOption> expand(const OperationLists& lists, Dialect dialect);

struct TunableModule {
  std::string name;  // as recipes spell it
  ModuleKind kind = ModuleKind::linear;
  double work = 0.0;  // multiplications a token; of attention, those of 128 tokens' sequences
  std::vector<LayerOption> options;
};

// In the order of the forward pass.
struct TuningSpace {
  std::vector<TunableModule> modules;
  // Of each type of module, its options without op-wise restrictions: what model-wise trials share.
  std::vector<LayerOption> linear, attention, embedding;
  std::vector<std::size_t> sampling_sizes = {
      500};                         // samples to calibrate with: at least one choice
  bool methods = true;              // whether a search may switch on accuracy methods
  std::uint32_t fixed_methods = 0;  // and those that are on in every trial

  const std::vector<LayerOption>& model_wise(ModuleKind kind) const;
  std::size_t index_of(std::string_view module) const;  // modules.size(): none
};

struct SpaceRequest {
  Dialect dialect = Dialect::bertq;
  Approach approach = Approach::any;
  Restriction model_wise;
  std::vector<Restriction> op_wise;
  std::vector<std::size_t> sampling_sizes = {500};
  std::string source;  // of the restrictions, for messages
  // Whether BF16 is a choice in bertq's own dialect: where it is faster than FP32, which it can be
  // no better than. Restrictions that name it get it anywhere.
  bool bf16 = false;
};
// Throws Error (input), naming source and line, for a pattern that no module has a name for.
TuningSpace make_space(const ModelConfig& config, const Heads& heads, const SpaceRequest& request);

// A point of the space.
struct Configuration {
  std::vector<std::uint16_t> options;  // of each module
  std::uint16_t sampling = 0;          // index into sampling_sizes
  std::uint32_t methods = 0;           // bits of accuracy methods, see methods.h

  friend auto operator<=>(const Configuration&, const Configuration&) = default;
};
// Equal for equal configurations alone: "3.0.1.…/0/5".
std::string configuration_key(const Configuration& configuration);
// The module's first option in this precision; its very first where it has none.
std::size_t option_in(const TunableModule& module, Precision precision);
bool has_option(const TunableModule& module, Precision precision);
inline std::size_t fp32_option(const TunableModule& module) {
  return option_in(module, Precision::fp32);
}
inline std::size_t int8_option(const TunableModule& module) {
  return option_in(module, Precision::int8);
}
inline bool has_fp32(const TunableModule& module) {
  return has_option(module, Precision::fp32);
}
inline bool has_int8(const TunableModule& module) {
  return has_option(module, Precision::int8);
}
inline bool has_bf16(const TunableModule& module) {
  return has_option(module, Precision::bf16);
}

// Precisions and the like as a recipe, static ranges still without scales.
Recipe uncalibrated_recipe(const TuningSpace& space, const Configuration& configuration);

}  // namespace bertq::engine
