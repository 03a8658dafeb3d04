// The bytes of a member: open_member of zip_archive.h.
#include <zlib.h>

#include <algorithm>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "loaders/checksum.h"
#include "loaders/printable.h"
#include "loaders/temporary_file.h"
#include "loaders/zip_archive.h"

namespace bertq::loaders {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 18U;

// A stored member inside the archive.
class Window final : public ByteSource {
 public:
  Window(const ByteSource& archive, const ZipEntry& entry, std::string name)
      : archive_(archive), offset_(entry.offset), size_(entry.size), name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::uint64_t left = offset < size_ ? size_ - offset : 0;
    if (out.size() > left) {
      throw FormatError(name_ + ": byte " + std::to_string(size_) + ": expected " +
                        std::to_string(out.size() - left) + " more bytes, the member ends");
    }
    if (!out.empty()) archive_.read(offset_ + offset, out);
  }

 private:
  const ByteSource& archive_;
  std::uint64_t offset_, size_;
  std::string name_;
};

// zlib's state, freed in any case.
class Inflater {
 public:
  Inflater() {
    constexpr int raw_deflate = -15;  // no zlib header, the largest window
    if (inflateInit2(&stream_, raw_deflate) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void give(std::span<std::byte> input) {
    stream_.next_in = reinterpret_cast<Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(input.size());
  }
  bool is_hungry() const { return stream_.avail_in == 0; }
  bool is_done() const { return done_; }

  // Bytes written to `out`; fewer than it holds if there is no input left, or no more to come.
  // Empty if the input is no deflated data.
  std::optional<std::size_t> take(std::span<std::byte> out) {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    done_ = result == Z_STREAM_END;
    if (!done_ && result != Z_OK && result != Z_BUF_ERROR) return std::nullopt;
    return out.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool done_ = false;
};

[[noreturn]] void fail(const std::string& name, const std::string& expected,
                       const std::string& got) {
  throw FormatError(name + ": expected " + expected + ", got " + got);
}

void check_crc(const std::string& name, const ZipEntry& entry, std::uint32_t got) {
  if (got == entry.crc32) return;
  fail(name, "the checksum " + std::to_string(entry.crc32),
       std::to_string(got) + ": the file is damaged");
}

// Feeds the member's deflated bytes piece by piece and hands what comes out to `use`.
template <typename Use>
void inflate_member(const ByteSource& archive, const ZipEntry& entry, const std::string& name,
                    Use use) {
  Inflater inflater;
  std::vector<std::byte> input(piece_bytes), output(piece_bytes);
  std::uint64_t taken = 0, written = 0;
  while (!inflater.is_done()) {
    if (inflater.is_hungry() && taken < entry.compressed) {
      const auto piece = std::span(input).first(static_cast<std::size_t>(
          std::min<std::uint64_t>(input.size(), entry.compressed - taken)));
      archive.read(entry.offset + taken, piece);
      taken += piece.size();
      inflater.give(piece);
    }
    const std::optional<std::size_t> count = inflater.take(output);
    if (!count) fail(name, "deflated data", "something else");
    if (*count == 0 && !inflater.is_done() && inflater.is_hungry() && taken == entry.compressed) {
      fail(name, std::to_string(entry.size) + " bytes", std::to_string(written));
    }
    if (*count > entry.size - written) fail(name, std::to_string(entry.size) + " bytes", "more");
    written += *count;
    use(std::span(std::as_const(output)).first(*count));
  }
  if (written != entry.size) {
    fail(name, std::to_string(entry.size) + " bytes", std::to_string(written));
  }
  if (taken != entry.compressed || !inflater.is_hungry()) {
    fail(name, std::to_string(entry.compressed) + " deflated bytes", "fewer");
  }
}

std::unique_ptr<const ByteSource> inflated(const ZipArchive& archive, const ZipEntry& entry,
                                           const std::string& name) {
  TemporaryFile file(name);
  std::uint32_t crc = 0;
  inflate_member(archive.source(), entry, name, [&](std::span<const std::byte> bytes) {
    crc = static_cast<std::uint32_t>(
        crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
    file.append(bytes);
  });
  if (archive.has_checksums()) check_crc(name, entry, crc);
  return std::move(file).source();
}

}  // namespace

std::unique_ptr<const ByteSource> open_member(const ZipArchive& archive, const ZipEntry& entry) {
  const std::string name = archive.source().name() + ": " + printable(entry.name);
  if (entry.method == ZipMethod::deflated) return inflated(archive, entry, name);
  if (archive.has_checksums()) {
    check_crc(name, entry,
              checksum_of(ChecksumKind::crc32, archive.source(), entry.offset, entry.size));
  }
  return std::make_unique<Window>(archive.source(), entry, name);
}

}  // namespace bertq::loaders
