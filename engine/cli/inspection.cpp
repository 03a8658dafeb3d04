#include "engine/cli/inspection.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/cli/failure.h"
#include "engine/model/embeddings.h"
#include "engine/model/hub_cache.h"
#include "engine/model/tensor_names.h"
#include "engine/quantized/canonical_tensors.h"

namespace bertq::engine::cli {
namespace {

constexpr std::string_view ignored = "ignored";
constexpr std::size_t slice_floats = std::size_t{1} << 18U;

void open_files(const std::string& model, Inspection& result) {
  if (model.empty()) {
    result.files = open_embedded_model({});
    return;
  }
  const std::filesystem::path path = find_model(model);
  try {
    result.files = open_model(path, {});
  } catch (const std::exception& error) {
    const Failure failure = describe(error);
    if (failure.kind != ErrorKind::input) throw;
    result.problem.emplace(failure.kind, failure.message);
    result.files.name = path.string();
    try {
      result.files.checkpoint = loaders::open_checkpoint(path);
    } catch (const loaders::FormatError&) {
      throw *result.problem;
    }
  }
}

ValueSummary summarize(const loaders::Tensor& tensor) {
  ValueSummary summary;
  const std::uint64_t elements = tensor.elements;
  std::vector<float> slice(
      static_cast<std::size_t>(std::min<std::uint64_t>(elements, slice_floats)));
  for (std::uint64_t first = 0; first < elements; first += slice.size()) {
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(slice.size(), elements - first));
    loaders::read_f32(tensor, first, std::span(slice).first(count));
    for (const float value : std::span(slice).first(count)) {
      if (std::isfinite(value)) {
        summary.least = std::min(summary.least.value_or(value), value);
        summary.greatest = std::max(summary.greatest.value_or(value), value);
      } else {
        ++(std::isnan(value) ? summary.nans : summary.infinities);
      }
    }
  }
  return summary;
}

// Canonical names of the tensors that the engine reads, and what it does with them.
std::map<std::string, std::string_view, std::less<>> uses_of(const Inspection& inspection) {
  std::map<std::string, std::string_view, std::less<>> uses;
  for (const ExpectedTensor& tensor : expected_tensors(inspection.files.config)) {
    const bool used = tensor.part != Part::classifier || inspection.files.heads.classifier;
    const std::string_view module = module_of(tensor.name);
    const bool quantized =
        inspection.quantization.has_arithmetic()
            ? tensor.role != Role::vector && inspection.quantization.is_int8(module)
            : tensor.role == Role::linear || module == word_embeddings_module;
    uses.emplace(tensor.name, !used ? ignored : quantized ? "int8" : "fp32");
  }
  return uses;
}

// Refused only when it is run in its own arithmetic, so it is not part of opening.
void add_quantization(Inspection& result) {
  if (result.problem || result.files.packed) return;
  try {
    result.quantization = stored_quantization(result.files.checkpoint, result.files.config);
  } catch (const Error& error) {
    result.problem = error;
  }
}

void add_tensors(Inspection& result, bool with_values) {
  const loaders::Checkpoint& checkpoint = result.files.checkpoint;
  const auto uses = result.problem ? decltype(uses_of(result)){} : uses_of(result);
  for (std::size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const loaders::Tensor& info = checkpoint.tensors[i];
    const std::string canonical = canonical_name(checkpoint, info);
    const std::optional<Part> part = part_of(canonical);
    TensorReport& tensor = result.tensors.emplace_back();
    tensor.index = i;
    tensor.part = part ? part_name(*part) : is_ignored(canonical) ? ignored : "unknown";
    const auto use = uses.find(plain_name(canonical));
    if (tensor.part == ignored) {
      tensor.use = ignored;
    } else if (result.files.packed) {  // as it is, since it is what will be used
      const bool bf16 = info.dtype == loaders::DType::bf16;
      tensor.use = info.dtype == loaders::DType::i8 ? "int8" : bf16 ? "bf16" : "fp32";
    } else if (use != uses.end()) {
      tensor.use = use->second;
    } else if (!result.problem && result.quantization.quantizer != Quantizer::none) {
      tensor.use = "range";
    }
    if (with_values && info.is_real()) tensor.values = summarize(info);
  }
}

Share& share_named(std::vector<Share>& shares, std::string_view name) {
  const auto found = std::find_if(shares.begin(), shares.end(),
                                  [&](const Share& share) { return share.name == name; });
  if (found != shares.end()) return *found;
  return shares.emplace_back(Share{name});
}

void add_to(Share& share, const loaders::Tensor& info, const TensorReport& tensor) {
  ++share.tensors;
  share.parameters += info.elements;
  share.bytes += info.elements * loaders::dtype_bytes(info.dtype);
  if (tensor.use == "int8") share.quantized += info.elements;
}

void add_shares(Inspection& result) {
  for (const Part part : all_parts()) share_named(result.parts, part_name(part));
  for (const TensorReport& tensor : result.tensors) {
    const loaders::Tensor& info = result.files.checkpoint.tensors[tensor.index];
    add_to(share_named(result.parts, tensor.part), info, tensor);
    add_to(share_named(result.dtypes, loaders::dtype_name(info.dtype)), info, tensor);
  }
  std::erase_if(result.parts, [](const Share& share) { return share.tensors == 0; });
  std::stable_sort(result.dtypes.begin(), result.dtypes.end(),
                   [](const Share& a, const Share& b) { return a.bytes > b.bytes; });
}

}  // namespace

Inspection inspect_model(const std::string& model, bool with_values) {
  Inspection result;
  open_files(model, result);
  add_quantization(result);
  add_tensors(result, with_values);
  add_shares(result);
  return result;
}

}  // namespace bertq::engine::cli
