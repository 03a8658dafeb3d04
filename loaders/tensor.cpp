#include "loaders/tensor.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "loaders/checksum.h"
#include "loaders/float_conversion.h"
#include "loaders/printable.h"

namespace bertq::loaders {
namespace {

// Elements that lie side by side are read in pieces, so that widening costs no second copy.
constexpr std::size_t piece_bytes = 16'384;
// Runs of a transposed matrix are brought into order in blocks that stay in the cache.
constexpr std::size_t block_runs = 16;

std::string place(const Tensor& tensor) {
  return tensor.file() + ": tensor " + printable(tensor.name);
}

bool is_row_major(const Tensor& tensor) {
  if (tensor.strides.empty()) return true;
  std::uint64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// Whole rows of a matrix whose columns lie side by side: each column is one run of the file.
bool is_rows_of_transposed(const Tensor& tensor, std::uint64_t first, std::uint64_t count) {
  return tensor.shape.size() == 2 && tensor.strides[0] == 1 && first % tensor.shape[1] == 0 &&
         count % tensor.shape[1] == 0;
}

void read_transposed_rows(const Tensor& tensor, std::uint64_t first_row, std::size_t rows,
                          std::span<std::byte> out) {
  const std::size_t width = dtype_bytes(tensor.dtype);
  const auto columns = static_cast<std::size_t>(tensor.shape[1]);
  const std::size_t run = rows * width;
  std::vector<std::byte> runs(std::min(block_runs, columns) * run);
  for (std::size_t column = 0; column < columns; column += block_runs) {
    const std::size_t count = std::min(block_runs, columns - column);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t element = (column + i) * tensor.strides[1] + first_row;
      tensor.source->read(tensor.offset + element * width, std::span(runs).subspan(i * run, run));
    }
    for (std::size_t row = 0; row < rows; ++row) {
      std::byte* to = out.data() + (row * columns + column) * width;
      for (std::size_t i = 0; i < count; ++i) {
        std::copy_n(runs.data() + i * run + row * width, width, to + i * width);
      }
    }
  }
}

// Any strides, an element at a time: only for views that no published BERT has.
void read_scattered(const Tensor& tensor, std::uint64_t first, std::span<std::byte> out) {
  const std::size_t width = dtype_bytes(tensor.dtype);
  for (std::size_t i = 0; i * width < out.size(); ++i) {
    std::uint64_t rest = first + i, element = 0;
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
      element += rest % tensor.shape[d] * tensor.strides[d];
      rest /= tensor.shape[d];
    }
    tensor.source->read(tensor.offset + element * width, out.subspan(i * width, width));
  }
}

void check_range(const Tensor& tensor, std::uint64_t first, std::uint64_t count) {
  if (first <= tensor.elements && count <= tensor.elements - first) return;
  throw std::out_of_range(place(tensor) + ": elements beyond its " +
                          std::to_string(tensor.elements));
}

// The elements as they are stored, in row-major order.
void read_raw(const Tensor& tensor, std::uint64_t first, std::span<std::byte> out) {
  const std::size_t width = dtype_bytes(tensor.dtype);
  const std::uint64_t count = out.size() / width;
  if (count == 0) return;
  if (is_row_major(tensor)) return tensor.source->read(tensor.offset + first * width, out);
  if (!is_rows_of_transposed(tensor, first, count)) return read_scattered(tensor, first, out);
  read_transposed_rows(tensor, first / tensor.shape[1],
                       static_cast<std::size_t>(count / tensor.shape[1]), out);
}

// Calls use(bytes, position) with successive stored elements, until `count` are read. A view with
// strides comes in one piece, since its rows would be torn otherwise.
template <typename Use>
void for_each_piece(const Tensor& tensor, std::uint64_t first, std::size_t count, Use use) {
  const std::size_t width = dtype_bytes(tensor.dtype);
  const std::size_t step =
      is_row_major(tensor) ? piece_bytes / width : std::max<std::size_t>(count, 1);
  std::vector<std::byte> piece(std::min(step, count) * width);
  for (std::size_t done = 0; done < count; done += step) {
    const auto bytes = std::span(piece).first(std::min(step, count - done) * width);
    read_raw(tensor, first + done, bytes);
    use(bytes, done);
  }
}

[[noreturn]] void refuse_type(const Tensor& tensor, std::string_view expected) {
  throw FormatError(place(tensor) + ": expected " + std::string(expected) + ", got " +
                    std::string(dtype_name(tensor.dtype)));
}

template <typename Stored, typename T>
void copy_as(std::span<const std::byte> bytes, std::span<T> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored value;
    std::copy_n(bytes.data() + i * sizeof value, sizeof value,
                reinterpret_cast<std::byte*>(&value));
    out[i] = static_cast<T>(value);
  }
}

template <typename Stored, typename T>
void read_exact(const Tensor& tensor, DType dtype, std::uint64_t first, std::span<T> out) {
  if (tensor.dtype != dtype) refuse_type(tensor, dtype_name(dtype));
  check_range(tensor, first, out.size());
  for_each_piece(tensor, first, out.size(), [&](std::span<const std::byte> bytes, std::size_t at) {
    copy_as<Stored>(bytes, out.subspan(at, bytes.size() / sizeof(Stored)));
  });
}

// The integers of a quantised tensor.
void copy_integers(const Tensor& tensor, std::span<const std::byte> bytes,
                   std::span<std::int32_t> out) {
  switch (tensor.dtype) {
    case DType::i8:
      return copy_as<std::int8_t>(bytes, out);
    case DType::u8:
      return copy_as<std::uint8_t>(bytes, out);
    case DType::i32:
      return copy_as<std::int32_t>(bytes, out);
    default:
      refuse_type(tensor, "I8, U8 or I32 of a quantised tensor");
  }
}

// Of the row-major element `index`: which scale it has.
std::size_t scale_index(const Tensor& tensor, std::uint64_t index) {
  if (tensor.affine->scales.size() == 1) return 0;
  std::uint64_t inner = 1;
  for (std::size_t d = tensor.affine->axis + 1; d < tensor.shape.size(); ++d) {
    inner *= tensor.shape[d];
  }
  return static_cast<std::size_t>(index / inner % tensor.shape[tensor.affine->axis]);
}

void dequantize(const Tensor& tensor, std::span<const std::byte> bytes, std::uint64_t first,
                std::span<float> out) {
  std::vector<std::int32_t> integers(out.size());
  copy_integers(tensor, bytes, integers);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t which = scale_index(tensor, first + i);
    const double centered = integers[i] - tensor.affine->zero_points[which];
    out[i] = static_cast<float>(centered) * static_cast<float>(tensor.affine->scales[which]);
  }
}

}  // namespace

std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t size : shape) {
    if (__builtin_mul_overflow(count, size, &count)) return std::nullopt;
  }
  return count;
}

std::optional<std::uint64_t> element_extent(std::span<const std::uint64_t> shape,
                                            std::span<const std::uint64_t> strides) {
  if (strides.empty()) return element_count(shape);
  if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return 0;
  std::uint64_t last = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    std::uint64_t reach = 0;
    if (__builtin_mul_overflow(shape[d] - 1, strides[d], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return std::nullopt;
    }
  }
  if (__builtin_add_overflow(last, 1, &last)) return std::nullopt;
  return last;
}

const Tensor* repeated_name(std::span<const Tensor> tensors) {
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return tensors[a].name < tensors[b].name; });
  const auto twice = std::adjacent_find(
      order.begin(), order.end(),
      [&](std::uint32_t a, std::uint32_t b) { return tensors[a].name == tensors[b].name; });
  return twice == order.end() ? nullptr : &tensors[*twice];
}

Tensor transposed(const Tensor& matrix) {
  if (matrix.shape.size() != 2) {
    throw FormatError(place(matrix) + ": expected 2 dimensions, got " +
                      std::to_string(matrix.shape.size()));
  }
  Tensor result = matrix;
  if (result.strides.empty()) result.strides = {matrix.shape[1], 1};
  std::swap(result.shape[0], result.shape[1]);
  std::swap(result.strides[0], result.strides[1]);
  if (matrix.affine && matrix.affine->scales.size() > 1) {
    Affine affine = *matrix.affine;
    affine.axis = 1 - affine.axis;
    result.affine = std::make_shared<const Affine>(std::move(affine));
  }
  return result;
}

void read_f32(const Tensor& tensor, std::uint64_t first, std::span<float> out) {
  if (!tensor.is_real()) refuse_type(tensor, "a float type");
  check_range(tensor, first, out.size());
  const std::size_t width = dtype_bytes(tensor.dtype);
  for_each_piece(tensor, first, out.size(), [&](std::span<const std::byte> bytes, std::size_t at) {
    const auto part = out.subspan(at, bytes.size() / width);
    if (tensor.affine) {
      dequantize(tensor, bytes, first + at, part);
    } else {
      widen(tensor.dtype, bytes, part);
    }
  });
}

void read_f64(const Tensor& tensor, std::uint64_t first, std::span<double> out) {
  read_exact<double>(tensor, DType::f64, first, out);
}
void read_i8(const Tensor& tensor, std::uint64_t first, std::span<std::int8_t> out) {
  read_exact<std::int8_t>(tensor, DType::i8, first, out);
}
void read_i32(const Tensor& tensor, std::uint64_t first, std::span<std::int32_t> out) {
  read_exact<std::int32_t>(tensor, DType::i32, first, out);
}
void read_i64(const Tensor& tensor, std::uint64_t first, std::span<std::int64_t> out) {
  read_exact<std::int64_t>(tensor, DType::i64, first, out);
}

void verify_checksum(const Tensor& tensor) {
  if (!tensor.checksum) return;
  const Checksum& checksum = *tensor.checksum;
  const std::uint32_t got =
      checksum_of(checksum.kind, *tensor.source, checksum.offset, checksum.bytes);
  if (got == checksum.value) return;
  throw FormatError(place(tensor) + ": expected the checksum " + std::to_string(checksum.value) +
                    ", got " + std::to_string(got) + ": the file is damaged");
}

void ChecksumVerifier::verify(const Tensor& tensor) {
  if (good_.contains(tensor.checksum.get())) return;
  verify_checksum(tensor);
  good_.insert(tensor.checksum.get());
}

}  // namespace bertq::loaders
