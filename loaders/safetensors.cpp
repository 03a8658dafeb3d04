#include "loaders/safetensors.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "loaders/float_conversion.h"
#include "loaders/printable.h"

namespace bertq::loaders {
namespace {

// Read in pieces, so that widening costs no second copy of a tensor.
constexpr std::size_t piece_bytes = 16'384;

struct KnownFile {
  std::string_view beginning, kind;
};
// What people hand over instead, by its first bytes.
constexpr std::array<KnownFile, 6> other_files{{
    {"version https://git-lfs", "a Git LFS pointer (the file itself was not downloaded)"},
    {"PK\x03\x04", "a zip archive (a PyTorch .bin?), which bertq does not read yet"},
    {"\x80\x02", "a Python pickle (an old PyTorch .bin?), which bertq does not read"},
    {"\x89HDF", "an HDF5 file (a Keras checkpoint?), which bertq does not read"},
    {"GGUF", "a GGUF file, which bertq does not read"},
    {"{", "JSON"},
}};

void refuse_other_files(const ByteSource& source) {
  std::array<char, 32> bytes{};
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), source.size()));
  source.read(0, std::as_writable_bytes(std::span(bytes).first(taken)));
  const std::string_view beginning(bytes.data(), taken);
  // Of a length below 2^32, as any header's is. No other format has four zeros there.
  constexpr std::string_view upper_half("\0\0\0\0", 4);
  if (beginning.size() >= 8 && beginning.substr(4, 4) == upper_half) return;
  for (const KnownFile& known : other_files) {
    if (!beginning.starts_with(known.beginning)) continue;
    throw FormatError(source.name() + ": expected a safetensors file, got " +
                      std::string(known.kind));
  }
}

}  // namespace

Safetensors::Safetensors(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
  refuse_other_files(*source_);
  header_ = read_safetensors_header(*source_);
}

void Safetensors::read_f32(std::size_t index, std::uint64_t first, std::span<float> out) const {
  const TensorInfo& info = header_.tensors.at(index);
  const std::string place = info.file + ": tensor " + printable(info.name);
  if (!is_float(info.dtype)) {
    throw FormatError(place + ": expected a float type, got " +
                      std::string(dtype_name(info.dtype)));
  }
  if (first > info.elements || out.size() > info.elements - first) {
    throw std::out_of_range(place + ": elements beyond its " + std::to_string(info.elements));
  }
  const std::size_t width = dtype_bytes(info.dtype);
  std::uint64_t offset = header_.offsets[index] + first * width;
  std::array<std::byte, piece_bytes> piece;
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), piece_bytes / width);
    const auto bytes = std::span(piece).first(count * width);
    source_->read(offset, bytes);
    widen(info.dtype, bytes, out.first(count));
    out = out.subspan(count);
    offset += bytes.size();
  }
}

std::unique_ptr<Checkpoint> open_safetensors(std::unique_ptr<ByteSource> source) {
  return std::make_unique<Safetensors>(std::move(source));
}

}  // namespace bertq::loaders
