#include "loaders/torch_tensors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "loaders/printable.h"
#include "loaders/torch_names.h"

namespace bertq::loaders {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& what) {
  throw FormatError(place + ": " + what);
}

}  // namespace

// One tensor, for the messages about it.
class TorchTensors::Maker {
 public:
  Maker(TorchTensors& tensors, std::string place)
      : tensors_(tensors), values_(tensors.values_), place_(std::move(place)) {}

  // Unwraps parameters, a few at most, and makes what they hold.
  Tensor make(PickleIndex value) {
    constexpr int most_wrappers = 4;
    for (int i = 0; i < most_wrappers; ++i) {
      if (!values_.is(value, PickleKind::call)) break;
      const PickleIndex arguments = values_.arguments(value);
      switch (kind(values_.callee(value))) {
        case TorchName::rebuild_wrapped:
          value = argument(arguments, 0);
          continue;
        case TorchName::rebuild_of_type: {
          const PickleIndex function = argument(arguments, 0);
          if (kind(function) == TorchName::rebuild_wrapped) {
            value = argument(tuple(argument(arguments, 2)), 0);
            continue;
          }
          return call(kind(function), tuple(argument(arguments, 2)));
        }
        default:
          return call(kind(values_.callee(value)), arguments);
      }
    }
    fail(place_, "expected a tensor, got another value");
  }

 private:
  TorchName kind(PickleIndex name) const {
    if (!values_.is(name, PickleKind::global)) return TorchName::other;
    return torch_meaning(values_.global(name)).kind;
  }
  PickleIndex argument(PickleIndex arguments, std::size_t which) const {
    if (which < values_.size(arguments)) return values_.item(arguments, which);
    fail(place_, "expected more than " + std::to_string(which) + " arguments, got " +
                     std::to_string(values_.size(arguments)));
  }
  PickleIndex tuple(PickleIndex value) const {
    if (values_.is(value, PickleKind::tuple)) return value;
    fail(place_, "expected a tuple, got another value");
  }

  Tensor call(TorchName function, PickleIndex arguments) {
    switch (function) {
      case TorchName::rebuild_tensor:
        return plain(arguments);
      case TorchName::rebuild_tensor_typed:
        return typed(arguments);
      case TorchName::rebuild_quantized:
        return quantized(arguments);
      default:
        fail(place_, "expected a tensor, got another value");
    }
  }

  TorchStorage storage(PickleIndex arguments) {
    const PickleIndex value = argument(arguments, 0);
    if (!values_.is(value, PickleKind::persistent)) {
      fail(place_, "expected a storage, got another value");
    }
    return tensors_.storages_.find(values_, values_.identity(value), place_);
  }

  std::vector<std::uint64_t> naturals(PickleIndex value, std::string_view what) const {
    if (!values_.is(value, PickleKind::tuple) && !values_.is(value, PickleKind::list)) {
      fail(place_, std::string(what) + ": expected a tuple, got another value");
    }
    std::vector<std::uint64_t> numbers;
    PickleValues::Cursor cursor = values_.begin(value);
    while (const std::optional<PickleIndex> item = values_.next(cursor)) {
      if (numbers.size() == rank_limit) {
        fail(place_, std::string(what) + ": expected at most " + std::to_string(rank_limit) +
                         " dimensions, got more");
      }
      numbers.push_back(natural(values_, *item, place_, what));
    }
    return numbers;
  }

  // (storage, offset, size, stride, ...)
  Tensor view(PickleIndex arguments, const TorchStorage& storage, DType dtype) {
    const std::uint64_t offset = natural(values_, argument(arguments, 1), place_, "offset");
    std::vector<std::uint64_t> shape = naturals(argument(arguments, 2), "shape");
    std::vector<std::uint64_t> strides = naturals(argument(arguments, 3), "strides");
    return tensor_in_storage(tensors_.source_, storage, dtype, offset, std::move(shape),
                             std::move(strides), place_);
  }

  Tensor plain(PickleIndex arguments) {
    const TorchStorage found = storage(arguments);
    if (!found.dtype || found.quantized) {
      fail(place_, "expected a storage of plain numbers, got another kind");
    }
    return view(arguments, found, *found.dtype);
  }

  // (storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
  Tensor typed(PickleIndex arguments) {
    const TorchStorage found = storage(arguments);
    const PickleIndex name = argument(arguments, 6);
    if (kind(name) != TorchName::dtype) fail(place_, "expected a dtype, got another value");
    const std::optional<DType> dtype = torch_meaning(values_.global(name)).dtype;
    if (!dtype) {
      fail(place_,
           "expected a dtype of plain numbers, got " + torch_name_text(values_.global(name)));
    }
    return view(arguments, found, *dtype);
  }

  // (storage, offset, size, stride, parameters, requires_grad, hooks)
  Tensor quantized(PickleIndex arguments) {
    const TorchStorage found = storage(arguments);
    if (!found.dtype || !found.quantized) {
      fail(place_, "expected a storage of quantised numbers, got another kind");
    }
    Tensor tensor = view(arguments, found, *found.dtype);
    const PickleIndex parameters = tuple(argument(arguments, 4));
    Affine affine;
    bool is_table = false;
    switch (kind(argument(parameters, 0))) {
      case TorchName::scheme_tensor:
        affine.scales = {real(argument(parameters, 1))};
        affine.zero_points = {static_cast<double>(zero_point(argument(parameters, 2)))};
        break;
      case TorchName::scheme_channel: {
        affine.axis = axis(tensor, argument(parameters, 3));
        const std::uint64_t channels = tensor.shape[affine.axis];
        spend_scales(channels);
        affine.scales = numbers(argument(parameters, 1), channels, "scales");
        affine.zero_points = numbers(argument(parameters, 2), channels, "zero points");
        is_table = tensor.dtype == DType::u8;  // of embeddings: float_qparams, by any name
        break;
      }
      default:
        fail(place_, "expected a quantisation per tensor or per channel, got another");
    }
    check(affine, tensor.dtype, is_table);
    tensor.affine = std::make_shared<const Affine>(std::move(affine));
    return tensor;
  }

  double real(PickleIndex value) const {
    if (values_.is(value, PickleKind::real)) return values_.real(value);
    if (values_.is(value, PickleKind::integer)) return static_cast<double>(values_.integer(value));
    fail(place_, "expected a number as its scale, got another value");
  }
  std::int64_t zero_point(PickleIndex value) const {
    if (values_.is(value, PickleKind::integer)) return values_.integer(value);
    fail(place_, "expected an integer as its zero point, got another value");
  }
  std::size_t axis(const Tensor& tensor, PickleIndex value) const {
    const std::uint64_t which = natural(values_, value, place_, "axis");
    if (which < tensor.shape.size()) return static_cast<std::size_t>(which);
    fail(place_, "axis: expected one of " + std::to_string(tensor.shape.size()) +
                     " dimensions, got " + std::to_string(which));
  }
  void spend_scales(std::uint64_t count) {
    if (count > tensors_.scales_left_) {
      fail(place_,
           "expected no more scales than the file holds, got " + std::to_string(count) + " more");
    }
    tensors_.scales_left_ -= count;
  }

  // A tensor's elements, or the items of a list.
  std::vector<double> numbers(PickleIndex value, std::uint64_t count, std::string_view what) {
    std::vector<double> found =
        tensors_.is_tensor(value) ? elements(value, count) : items(value, count);
    if (found.size() == count) return found;
    fail(place_, std::string(what) + ": expected " + std::to_string(count) + ", got " +
                     std::to_string(found.size()));
  }
  // No more than one too many.
  std::vector<double> items(PickleIndex value, std::uint64_t count) const {
    std::vector<double> found;
    if (!values_.is(value, PickleKind::list) && !values_.is(value, PickleKind::tuple)) return found;
    PickleValues::Cursor cursor = values_.begin(value);
    while (found.size() <= count) {
      const std::optional<PickleIndex> item = values_.next(cursor);
      if (!item) break;
      found.push_back(real(*item));
    }
    return found;
  }
  std::vector<double> elements(PickleIndex value, std::uint64_t count) {
    if (std::exchange(is_of_scales_, true))
      fail(place_, "expected plain scales, got quantised ones");
    Tensor tensor = make(value);
    is_of_scales_ = false;
    if (tensor.affine) fail(place_, "expected plain scales, got quantised ones");
    if (tensor.elements != count) return {};
    tensors_.verifier_.verify(tensor);
    std::vector<double> found(static_cast<std::size_t>(count));
    switch (tensor.dtype) {
      case DType::f64:
        read_f64(tensor, 0, found);
        break;
      case DType::i64:
        read_as<std::int64_t>(read_i64, tensor, found);
        break;
      case DType::i32:
        read_as<std::int32_t>(read_i32, tensor, found);
        break;
      default:
        read_as<float>(read_f32, tensor, found);
    }
    return found;
  }
  template <typename T>
  static void read_as(void (*read)(const Tensor&, std::uint64_t, std::span<T>),
                      const Tensor& tensor, std::vector<double>& out) {
    std::vector<T> values(out.size());
    read(tensor, 0, values);
    std::copy(values.begin(), values.end(), out.begin());
  }

  // `fractions`: zero points may be any numbers.
  void check(const Affine& affine, DType dtype, bool fractions) const {
    for (const double scale : affine.scales) {
      if (!(scale > 0) || !std::isfinite(scale)) {
        fail(place_, "expected a scale above 0, got " + std::to_string(scale));
      }
    }
    const auto [low, high] = range(fractions ? DType::i32 : dtype);
    for (const double zero : affine.zero_points) {
      if (!std::isfinite(zero) || (!fractions && zero != std::floor(zero))) {
        fail(place_, "expected whole zero points, got " + std::to_string(zero));
      }
      if (zero < static_cast<double>(low) || zero > static_cast<double>(high)) {
        fail(place_, "expected a zero point of " + std::to_string(low) + " to " +
                         std::to_string(high) + ", got " +
                         std::to_string(static_cast<std::int64_t>(std::clamp(zero, -1e18, 1e18))));
      }
    }
  }
  static std::pair<std::int64_t, std::int64_t> range(DType dtype) {
    if (dtype == DType::i8) return {-128, 127};
    if (dtype == DType::u8) return {0, 255};
    return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  }

  TorchTensors& tensors_;
  const PickleValues& values_;
  std::string place_;
  bool is_of_scales_ = false;
};

Tensor TorchTensors::make(PickleIndex value, const std::string& name) {
  Tensor tensor = Maker(*this, source_.name() + ": tensor " + printable(name)).make(value);
  tensor.name = name;
  return tensor;
}

}  // namespace bertq::loaders
