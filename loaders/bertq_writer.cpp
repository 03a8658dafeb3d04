#include "loaders/bertq_writer.h"

#include <zlib.h>

#include <array>
#include <new>
#include <set>
#include <stdexcept>
#include <utility>

#include "loaders/checksum.h"
#include "loaders/xxh3.h"

namespace bertq::loaders {
namespace {

void check(std::span<const BertqContent> contents) {
  std::set<std::pair<SectionKind, std::string_view>> names;
  for (const BertqContent& content : contents) {
    const bool bad_name = content.name.empty() || content.name.size() > bertq_name_limit;
    const bool bad_size = content.kind == SectionKind::array
                              ? content.bytes.size() % dtype_bytes(content.dtype) != 0
                              : content.bytes.size() > bertq_text_limit;
    if (bad_name || bad_size || !names.emplace(content.kind, content.name).second) {
      throw std::invalid_argument("no section of a .bertq file: " + content.name);
    }
  }
}

// Empty if it would not be shorter.
std::vector<std::byte> deflated(std::span<const std::byte> bytes) {
  uLongf size = compressBound(bytes.size());
  std::vector<std::byte> packed(size);
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(),
                Z_BEST_COMPRESSION) != Z_OK) {
    throw std::bad_alloc();
  }
  packed.resize(size < bytes.size() ? size : 0);
  return packed;
}

// Counts and hashes what passes through.
class HashedStream {
 public:
  explicit HashedStream(const std::function<void(std::span<const std::byte>)>& write)
      : write_(write) {}

  void put(std::span<const std::byte> bytes) {
    hash_.update(bytes);
    write_(bytes);
    at_ += bytes.size();
  }
  void pad_to(std::uint64_t offset) {
    constexpr std::array<std::byte, bertq_alignment> zeros{};
    put(std::span(zeros).first(static_cast<std::size_t>(offset - at_)));
  }
  Xxh3::Digest digest() const { return hash_.digest(); }

 private:
  const std::function<void(std::span<const std::byte>)>& write_;
  Xxh3 hash_;
  std::uint64_t at_ = 0;
};

}  // namespace

BertqWritten write_bertq(std::span<const BertqContent> contents,
                         const std::function<void(std::span<const std::byte>)>& write) {
  check(contents);
  std::vector<BertqSection> sections;
  std::vector<std::vector<std::byte>> packed(contents.size());
  std::vector<std::span<const std::byte>> stored;
  for (const BertqContent& content : contents) {
    std::vector<std::byte>& shorter = packed[sections.size()];
    if (content.kind != SectionKind::array) shorter = deflated(content.bytes);
    stored.push_back(shorter.empty() ? content.bytes : std::span<const std::byte>(shorter));
    sections.push_back({content.kind, content.name, content.dtype, 0, stored.back().size(),
                        content.bytes.size(), crc32c(stored.back())});
  }
  std::uint64_t end = bertq_header_size(sections);
  for (BertqSection& section : sections) {
    align_bertq(end);
    section.offset = end;
    end += section.bytes;
  }
  align_bertq(end);

  HashedStream stream(write);
  stream.put(bertq_header_bytes(sections, end + bertq_hash_bytes));
  for (std::size_t i = 0; i < sections.size(); ++i) {
    stream.pad_to(sections[i].offset);
    stream.put(stored[i]);
  }
  stream.pad_to(end);
  const Xxh3::Digest digest = stream.digest();
  write(digest);
  return {end + bertq_hash_bytes, hex(digest)};
}

}  // namespace bertq::loaders
