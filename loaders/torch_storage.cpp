#include "loaders/torch_storage.h"

#include <utility>

#include "loaders/torch_names.h"

namespace bertq::loaders {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& what) {
  throw FormatError(place + ": " + what);
}

// The strides that row-major order would have.
bool is_row_major(const std::vector<std::uint64_t>& shape,
                  const std::vector<std::uint64_t>& strides) {
  std::uint64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    if (__builtin_mul_overflow(expected, shape[i], &expected)) return false;
  }
  return true;
}

}  // namespace

std::uint64_t natural(const PickleValues& values, PickleIndex value, const std::string& place,
                      std::string_view what) {
  const bool is_integer = values.is(value, PickleKind::integer);
  if (is_integer && values.integer(value) >= 0) {
    return static_cast<std::uint64_t>(values.integer(value));
  }
  fail(place, std::string(what) + ": expected an integer of 0 or more, got " +
                  (is_integer ? std::to_string(values.integer(value)) : "another value"));
}

std::uint64_t TorchStorageId::bytes(const std::string& place) const {
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(elements, width(), &bytes)) {
    fail(place, "expected a storage of fewer than 2^64 bytes, got " + std::to_string(elements) +
                    " elements");
  }
  return bytes;
}

TorchStorageId read_storage_id(const PickleValues& values, PickleIndex identity,
                               const std::string& place) {
  constexpr std::size_t parts = 5, parts_with_view = 6;
  const std::size_t count =
      values.is(identity, PickleKind::tuple) ? values.size(identity) : std::size_t{0};
  if (count != parts && count != parts_with_view) {
    fail(place, "expected a storage's id of 5 or 6 parts, got another value");
  }
  const auto part = [&](std::size_t i) { return values.item(identity, i); };
  if (!values.is(part(0), PickleKind::text) || values.text(part(0)) != "storage") {
    fail(place, "expected the id of a storage, got that of something else");
  }
  if (!values.is(part(1), PickleKind::global)) fail(place, "expected a storage class, got none");
  const TorchMeaning& meaning = torch_meaning(values.global(part(1)));
  if (meaning.kind != TorchName::storage && meaning.kind != TorchName::untyped_storage) {
    fail(place, "expected a storage class, got " + torch_name_text(values.global(part(1))));
  }
  if (!values.is(part(2), PickleKind::text)) fail(place, "expected a storage's key, got none");
  TorchStorageId id{meaning.dtype, meaning.quantized, values.text(part(2)),
                    natural(values, part(4), place, "elements of the storage"), std::nullopt};
  if (count == parts || values.is_none(part(5))) return id;
  if (!values.is(part(5), PickleKind::tuple) || values.size(part(5)) != 3) {
    fail(place, "expected a view of a storage as key, offset and elements, got another value");
  }
  id.view = {natural(values, values.item(part(5), 1), place, "offset of the view"),
             natural(values, values.item(part(5), 2), place, "elements of the view")};
  return id;
}

Tensor tensor_in_storage(const ByteSource& source, const TorchStorage& storage, DType dtype,
                         std::uint64_t offset, std::vector<std::uint64_t> shape,
                         std::vector<std::uint64_t> strides, const std::string& place) {
  if (shape.size() > rank_limit || shape.size() != strides.size()) {
    fail(place, "expected at most " + std::to_string(rank_limit) +
                    " dimensions, each with a stride, got " + std::to_string(shape.size()) +
                    " and " + std::to_string(strides.size()) + " strides");
  }
  const std::optional<std::uint64_t> elements = element_count(shape);
  if (!elements) fail(place, "expected fewer than 2^64 elements, got more");
  if (is_row_major(shape, strides)) strides.clear();
  const std::optional<std::uint64_t> extent = element_extent(shape, strides);
  const std::uint64_t width = dtype_bytes(dtype), there = storage.bytes / width;
  if (!extent || *extent > there || offset > there - *extent) {
    fail(place, "expected to end within the " + std::to_string(there) +
                    " elements of its storage, got " + (extent ? std::to_string(*extent) : "2^64") +
                    " from element " + std::to_string(offset));
  }
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.strides = std::move(strides);
  tensor.elements = *elements;
  tensor.source = &source;
  tensor.offset = storage.offset + offset * width;
  tensor.checksum = storage.checksum;
  return tensor;
}

}  // namespace bertq::loaders
