#include "loaders/bertq_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "loaders/bertq_header.h"
#include "loaders/checksum.h"
#include "loaders/printable.h"
#include "loaders/xxh3.h"

namespace bertq::loaders {
namespace {

Tensor as_tensor(const ByteSource& source, const BertqSection& section) {
  Tensor tensor;
  tensor.name = section.name;
  tensor.dtype = section.dtype;
  tensor.elements = section.bytes / dtype_bytes(section.dtype);
  tensor.shape = {tensor.elements};
  tensor.source = &source;
  tensor.offset = section.offset;
  tensor.checksum = std::make_shared<const Checksum>(
      Checksum{ChecksumKind::crc32c, section.crc32c, section.offset, section.bytes});
  return tensor;
}

std::string inflated(const std::string& packed, std::uint64_t bytes, const std::string& place) {
  std::string text(static_cast<std::size_t>(bytes), '\0');
  uLongf written = text.size();
  uLong taken = packed.size();
  const int result = uncompress2(reinterpret_cast<Bytef*>(text.data()), &written,
                                 reinterpret_cast<const Bytef*>(packed.data()), &taken);
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result != Z_OK || written != text.size() || taken != packed.size()) {
    throw FormatError(place + ": expected a zlib stream of " + std::to_string(bytes) +
                      " bytes, got something else");
  }
  return text;
}

std::string read_section_text(const ByteSource& source, const BertqSection& section) {
  const std::string place = source.name() + ": section " + printable(section.name);
  std::string text(static_cast<std::size_t>(section.bytes), '\0');
  const auto bytes = std::as_writable_bytes(std::span(text));
  source.read(section.offset, bytes);
  const std::uint32_t got = crc32c(bytes);
  if (got != section.crc32c) {
    throw FormatError(place + ": expected the checksum " + std::to_string(section.crc32c) +
                      ", got " + std::to_string(got) + ": the file is damaged");
  }
  return section.unpacked == section.bytes ? text : inflated(text, section.unpacked, place);
}

}  // namespace

BertqFile open_bertq(std::unique_ptr<const ByteSource> source) {
  BertqFile file;
  Checkpoint& checkpoint = file.checkpoint;
  checkpoint.name = source->name();
  checkpoint.format = bertq_format;
  checkpoint.file_bytes = source->size();
  for (const BertqSection& section : read_bertq_header(*source)) {
    switch (section.kind) {
      case SectionKind::array:
        checkpoint.tensors.push_back(as_tensor(*source, section));
        break;
      case SectionKind::file:
        file.files.emplace(section.name, read_section_text(*source, section));
        break;
      case SectionKind::note:
        checkpoint.attributes.emplace(section.name, read_section_text(*source, section));
        break;
    }
  }
  checkpoint.sources.push_back(std::move(source));
  return file;
}

BertqHashes hash_bertq(const ByteSource& source) {
  const std::uint64_t end = source.size() - std::min(source.size(), bertq_hash_bytes);
  Xxh3 hash;
  update(hash, source, 0, end);
  std::array<std::byte, bertq_hash_bytes> stored{};
  source.read(end, stored);
  return {hex(stored), hex(hash.digest())};
}

}  // namespace bertq::loaders
