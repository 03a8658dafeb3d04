#include "engine/cli/inspect_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <span>

#include "engine/cli/table.h"
#include "engine/model/tensor_names.h"
#include "loaders/printable.h"

namespace bertq::engine::cli {
namespace {

using loaders::DType;
using loaders::Tensor;

constexpr std::size_t slice_elements = std::size_t{1} << 18U;

// Elements as double, which holds every type but the largest 64-bit integers exactly.
using Read = void (*)(const Tensor&, std::uint64_t, std::span<double>);

template <typename T, void (*read)(const Tensor&, std::uint64_t, std::span<T>)>
void read_as(const Tensor& tensor, std::uint64_t first, std::span<double> out) {
  std::vector<T> values(out.size());
  read(tensor, first, values);
  std::copy(values.begin(), values.end(), out.begin());
}

Read reader_of(const Tensor& tensor) {
  if (tensor.dtype == DType::f64 && !tensor.affine) return loaders::read_f64;
  if (tensor.is_real()) return read_as<float, loaders::read_f32>;
  if (tensor.dtype == DType::i8) return read_as<std::int8_t, loaders::read_i8>;
  if (tensor.dtype == DType::i32) return read_as<std::int32_t, loaders::read_i32>;
  if (tensor.dtype == DType::i64) return read_as<std::int64_t, loaders::read_i64>;
  return nullptr;
}

double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0.0;
  const double difference = std::fabs(a - b);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

void compare_values(const Tensor& a, const Tensor& b, TensorDiff& diff) {
  const Read read_a = reader_of(a), read_b = reader_of(b);
  diff.compared = read_a != nullptr && read_b != nullptr;
  if (!diff.compared) return;
  std::vector<double> left, right;
  for (std::uint64_t first = 0; first < a.elements; first += slice_elements) {
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(slice_elements, a.elements - first));
    left.resize(count);
    right.resize(count);
    read_a(a, first, left);
    read_b(b, first, right);
    for (std::size_t i = 0; i < count; ++i) {
      const double away = distance(left[i], right[i]);
      if (away == 0.0) continue;
      if (++diff.differing > 1 && away <= diff.largest) continue;
      diff.largest = away;
      diff.index = first + i;
      diff.value_a = left[i];
      diff.value_b = right[i];
    }
  }
}

std::string type_of(const Tensor& tensor) {
  return std::string(loaders::dtype_name(tensor.dtype)) + (tensor.affine ? ", quantised" : "");
}

std::map<std::string, Tensor> by_name(const loaders::Checkpoint& checkpoint) {
  std::map<std::string, Tensor> tensors;
  for (NamedTensor& named : named_tensors(checkpoint)) {
    tensors.insert_or_assign(std::move(named.name), std::move(named.tensor));
  }
  return tensors;
}

// null for what JSON has no number for.
Json finite_or_text(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0.0 ? "inf" : "-inf";
}

std::string difference_text(const TensorDiff& diff) {
  if (diff.shape_a != diff.shape_b) {
    return fmt::format("shape {} against {}", shape_text(diff.shape_a), shape_text(diff.shape_b));
  }
  if (!diff.compared) return fmt::format("not compared: {} against {}", diff.type_a, diff.type_b);
  return fmt::format("{} elements, at most by {:.4g}, at {}: {:.9g} against {:.9g}", diff.differing,
                     diff.largest, diff.index, diff.value_a, diff.value_b);
}

}  // namespace

bool CheckpointDiff::identical() const {
  return only_a.empty() && only_b.empty() &&
         std::all_of(common.begin(), common.end(), std::mem_fn(&TensorDiff::equal));
}

CheckpointDiff diff_checkpoints(const loaders::Checkpoint& a, const loaders::Checkpoint& b) {
  const auto left = by_name(a), right = by_name(b);
  CheckpointDiff result;
  result.a = a.name;
  result.b = b.name;
  for (const auto& [name, tensor] : left) {
    const auto other = right.find(name);
    if (other == right.end()) {
      result.only_a.push_back(name);
      continue;
    }
    TensorDiff& diff = result.common.emplace_back();
    diff.name = name;
    diff.shape_a = tensor.shape;
    diff.shape_b = other->second.shape;
    diff.type_a = type_of(tensor);
    diff.type_b = type_of(other->second);
    if (diff.shape_a == diff.shape_b) compare_values(tensor, other->second, diff);
  }
  for (const auto& [name, tensor] : right) {
    if (!left.contains(name)) result.only_b.push_back(name);
  }
  return result;
}

Json diff_json(const CheckpointDiff& diff) {
  Json json = {{"schema_version", 1},
               {"version", BERTQ_VERSION},
               {"a", diff.a},
               {"b", diff.b},
               {"identical", diff.identical()},
               {"equal", std::count_if(diff.common.begin(), diff.common.end(),
                                       std::mem_fn(&TensorDiff::equal))},
               {"only_in_a", diff.only_a},
               {"only_in_b", diff.only_b},
               {"different", Json::array()}};
  for (const TensorDiff& tensor : diff.common) {
    if (tensor.equal()) continue;
    Json entry = {{"name", tensor.name},       {"shape_a", tensor.shape_a},
                  {"shape_b", tensor.shape_b}, {"type_a", tensor.type_a},
                  {"type_b", tensor.type_b},   {"compared", tensor.compared}};
    if (tensor.compared) {
      entry["differing"] = tensor.differing;
      entry["largest_difference"] = finite_or_text(tensor.largest);
      entry["index"] = tensor.index;
      entry["value_a"] = finite_or_text(tensor.value_a);
      entry["value_b"] = finite_or_text(tensor.value_b);
    }
    json["different"].push_back(std::move(entry));
  }
  return json;
}

std::string diff_text(const CheckpointDiff& diff) {
  Table table({"tensor", "difference"});
  std::size_t equal = 0, differing = 0;
  for (const TensorDiff& tensor : diff.common) {
    (tensor.equal() ? equal : differing) += 1;
    if (!tensor.equal()) table.add({loaders::printable(tensor.name), difference_text(tensor)});
  }
  for (const std::string& name : diff.only_a) table.add({loaders::printable(name), "only in A"});
  for (const std::string& name : diff.only_b) table.add({loaders::printable(name), "only in B"});
  std::string text = fmt::format(
      "A           {}\nB           {}\ntensors     {} equal, {} different, {} only in A, {} only "
      "in B\n",
      diff.a, diff.b, equal, differing, diff.only_a.size(), diff.only_b.size());
  if (!diff.identical()) text += '\n' + table.text("table");
  return text;
}

}  // namespace bertq::engine::cli
