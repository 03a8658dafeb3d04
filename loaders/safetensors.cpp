#include "loaders/safetensors.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "loaders/safetensors_header.h"

namespace bertq::loaders {
namespace {

struct KnownFile {
  std::string_view beginning, kind;
};
// What people hand over instead, by its first bytes.
constexpr std::array<KnownFile, 6> other_files{{
    {"version https://git-lfs", "a Git LFS pointer (the file itself was not downloaded)"},
    {"\x89HDF", "an HDF5 file (a Keras checkpoint?), which bertq does not read"},
    {"GGUF", "a GGUF file, which bertq does not read"},
    {"{", "JSON"},
    {"<!", "an HTML page (a download that failed?)"},
    {"<html", "an HTML page (a download that failed?)"},
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
    throw FormatError(source.name() + ": expected a checkpoint, got " + std::string(known.kind));
  }
  // Only a file that claims to be safetensors is told what is wrong with its length.
  if (source.name().ends_with(".safetensors") || beginning.size() < 8) return;
  throw FormatError(source.name() + ": expected a checkpoint, got no format that bertq knows");
}

}  // namespace

Checkpoint open_safetensors(std::unique_ptr<const ByteSource> source) {
  refuse_other_files(*source);
  Checkpoint checkpoint;
  checkpoint.name = source->name();
  checkpoint.format = "safetensors";
  checkpoint.file_bytes = source->size();
  checkpoint.tensors = read_safetensors_header(*source);
  checkpoint.sources.push_back(std::move(source));
  return checkpoint;
}

}  // namespace bertq::loaders
