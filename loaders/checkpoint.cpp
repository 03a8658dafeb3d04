#include "loaders/checkpoint.h"

#include <algorithm>
#include <array>
#include <span>
#include <system_error>
#include <utility>

#include "loaders/bertq_file.h"
#include "loaders/bertq_header.h"
#include "loaders/checkpoint_folder.h"
#include "loaders/safetensors.h"
#include "loaders/sharded_index.h"
#include "loaders/tar_archive.h"
#include "loaders/tensorflow_files.h"
#include "loaders/torch_checkpoint.h"
#include "loaders/zip_folder.h"

namespace bertq::loaders {
namespace {

bool has_at(const ByteSource& source, std::uint64_t offset, std::string_view mark) {
  if (source.size() < offset + mark.size()) return false;
  std::string found(mark.size(), '\0');
  source.read(offset, std::as_writable_bytes(std::span(found)));
  return found == mark;
}

// A safetensors file: the length of its header, below 2^32 as any is, and the header's brace. No
// other format has that.
bool is_safetensors(const ByteSource& source) {
  constexpr std::string_view upper_half("\0\0\0\0{", 5);
  return has_at(source, 4, upper_half);
}

Checkpoint open_zip(std::unique_ptr<const ByteSource> source) {
  const ZipArchive archive(*source);
  if (is_torch_archive(archive)) return open_torch_zip(std::move(source), archive);
  if (is_tensorflow_archive(archive)) return open_tensorflow_zip(std::move(source), archive);
  throw FormatError(source->name() +
                    ": expected PyTorch's data.pkl or TensorFlow's *.index in the archive, found "
                    "neither");
}

// What tells formats apart: bytes at some offset. The first row that fits; of what none fits
// safetensors' reader says what is wrong.
struct Format {
  std::uint64_t offset;
  std::string_view mark;
  Checkpoint (*open)(std::unique_ptr<const ByteSource>);
};
constexpr std::array<Format, 6> formats{{
    {0, "PK\x03\x04", open_zip},
    {tar_mark_offset, "ustar", open_torch_tar},
    // PROTO, and the protocols that torch.save has used.
    {0, "\x80\x02", open_torch_legacy},
    {0, "\x80\x03", open_torch_legacy},
    {0, "\x80\x04", open_torch_legacy},
    {0, "\x80\x05", open_torch_legacy},
}};

}  // namespace

const Tensor* Checkpoint::find(std::string_view tensor) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const Tensor& known) { return known.name == tensor; });
  return found == tensors.end() ? nullptr : &*found;
}

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  std::error_code ignored;
  FolderChoice choice{path, {}};
  if (std::filesystem::is_directory(path, ignored)) choice = checkpoint_in(path);
  Checkpoint checkpoint;
  if (is_shard_index(choice.file)) {
    checkpoint = open_shards(choice.file);
  } else if (const auto prefix = find_tensorflow_prefix(choice.file)) {
    checkpoint = open_tensorflow_files(*prefix);
  } else {
    checkpoint = open_checkpoint_file(open_file(choice.file));
  }
  if (!choice.remark.empty()) checkpoint.remarks.push_back(choice.remark);
  return checkpoint;
}

Checkpoint open_checkpoint_file(std::unique_ptr<const ByteSource> source) {
  if (is_bertq(*source)) return open_bertq(std::move(source)).checkpoint;
  if (is_safetensors(*source)) return open_safetensors(std::move(source));
  const auto format = std::find_if(formats.begin(), formats.end(), [&](const Format& known) {
    return has_at(*source, known.offset, known.mark);
  });
  return (format == formats.end() ? open_safetensors : format->open)(std::move(source));
}

}  // namespace bertq::loaders
