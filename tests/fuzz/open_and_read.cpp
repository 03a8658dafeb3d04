#include "fuzz/open_and_read.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/checkpoint.h"
#include "loaders/tensorflow_checkpoint.h"
#include "loaders/zip_archive.h"

namespace bertq::fuzz {
namespace {

// An expanded view may have any number of elements; the first ones and the last ones are enough.
constexpr std::uint64_t most_elements = 4'096;

void read_ends(const loaders::Tensor& tensor) {
  std::vector<float> values(
      static_cast<std::size_t>(std::min<std::uint64_t>(tensor.elements, most_elements)));
  loaders::read_f32(tensor, 0, values);
  loaders::read_f32(tensor, tensor.elements - values.size(), values);
}

void unless_refused(const std::function<void()>& action) {
  try {
    action();
  } catch (const loaders::FormatError&) {
  }
}

void read_all(const loaders::Checkpoint& checkpoint) {
  for (const loaders::Tensor& tensor : checkpoint.tensors) {
    unless_refused([&] { loaders::verify_checksum(tensor); });
    unless_refused([&] { read_ends(tensor); });
    if (tensor.shape.size() == 2) unless_refused([&] { read_ends(loaders::transposed(tensor)); });
  }
}

}  // namespace

void open_file(std::span<const std::byte> bytes) {
  unless_refused(
      [&] { read_all(loaders::open_checkpoint_file(loaders::open_memory(bytes, "m"))); });
}

void open_tensorflow(std::span<const std::byte> bytes) {
  const std::size_t split = tensorflow_index_size(bytes);
  const auto index = loaders::open_memory(bytes.first(split), "m.index");
  unless_refused([&] {
    read_all(loaders::open_tensorflow_checkpoint(*index, [&](const std::string& suffix) {
      return loaders::open_memory(bytes.subspan(split), "m" + suffix);
    }));
  });
}

std::size_t tensorflow_index_size(std::span<const std::byte> bytes) {
  constexpr std::string_view magic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t found = all.find(magic);
  return found == std::string_view::npos ? bytes.size() : found + magic.size();
}

void open_zip(std::span<const std::byte> bytes) {
  const auto source = loaders::open_memory(bytes, "m");
  unless_refused([&] {
    const loaders::ZipArchive archive(*source);
    for (const loaders::ZipEntry& entry : archive.entries()) {
      unless_refused([&] { loaders::open_member(archive, entry); });
    }
  });
}

}  // namespace bertq::fuzz
