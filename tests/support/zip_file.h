// The bytes of zip archives, good ones and liars, written without bertq's own reader.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bertq::testing {

template <typename T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
inline std::string u16_bytes(std::uint64_t value) {
  return little_endian(static_cast<std::uint16_t>(value));
}
inline std::string u32_bytes(std::uint64_t value) {
  return little_endian(static_cast<std::uint32_t>(value));
}

inline std::uint32_t crc32_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

inline std::string deflated(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

// One member. All that is not set is told truthfully, in both headers.
struct ZipMember {
  std::string name, bytes;
  std::uint16_t method = 0, flags = 0, disk = 0;
  std::optional<std::string> stored = std::nullopt;  // what the archive holds in place of `bytes`
  std::optional<std::uint32_t> crc = std::nullopt;
  std::optional<std::uint64_t> size = std::nullopt, compressed = std::nullopt,
                               header = std::nullopt;
  std::string extra = {};       // of the directory
  std::string descriptor = {};  // behind the data
  // Of the local header alone.
  std::string local_extra = {};
  std::optional<std::string> local_name = std::nullopt;
  std::optional<std::uint16_t> local_flags = std::nullopt, local_method = std::nullopt;
  std::optional<std::uint32_t> local_crc = std::nullopt;
  std::optional<std::uint64_t> local_size = std::nullopt, local_compressed = std::nullopt;

  const std::string& data() const { return stored ? *stored : bytes; }
  std::uint32_t checksum() const { return crc.value_or(crc32_of(bytes)); }
};

inline ZipMember deflated_member(const std::string& name, const std::string& bytes) {
  return {.name = name, .bytes = bytes, .method = 8, .stored = deflated(bytes)};
}
// As PyTorch and streaming writers have it: what the local header does not know yet is zero.
inline ZipMember described_member(const std::string& name, const std::string& bytes,
                                  const std::string& descriptor) {
  return {.name = name,
          .bytes = bytes,
          .flags = 8,
          .descriptor = descriptor,
          .local_crc = 0,
          .local_size = 0,
          .local_compressed = 0};
}

struct ZipEnd {
  std::optional<std::uint64_t> entries = std::nullopt, disk_entries = std::nullopt,
                               bytes = std::nullopt, begin = std::nullopt;
  std::uint16_t disk = 0;
  std::string comment = {};
  std::optional<std::uint64_t> comment_length = std::nullopt;
  std::string before = {};  // between the directory and its end
};

class ZipFile {
 public:
  ZipFile& add(const ZipMember& member) {
    const std::string& name = member.local_name.value_or(member.name);
    headers_.push_back(bytes_.size());
    bytes_ += "PK\x03\x04" + u16_bytes(20) + u16_bytes(member.local_flags.value_or(member.flags)) +
              u16_bytes(member.local_method.value_or(member.method)) + u32_bytes(0) +
              u32_bytes(member.local_crc.value_or(member.checksum())) +
              u32_bytes(member.local_compressed.value_or(compressed(member))) +
              u32_bytes(member.local_size.value_or(size(member))) + u16_bytes(name.size()) +
              u16_bytes(member.local_extra.size()) + name + member.local_extra;
    bytes_ += member.data() + member.descriptor;
    members_.push_back(member);
    return *this;
  }
  ZipFile& add(const std::string& name, const std::string& bytes) {
    return add({.name = name, .bytes = bytes});
  }

  std::uint64_t directory_begin() const { return bytes_.size(); }
  std::string directory() const {
    std::string bytes;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const ZipMember& member = members_[i];
      bytes += "PK\x01\x02" + u16_bytes(20) + u16_bytes(20) + u16_bytes(member.flags) +
               u16_bytes(member.method) + u32_bytes(0) + u32_bytes(member.checksum()) +
               u32_bytes(compressed(member)) + u32_bytes(size(member)) +
               u16_bytes(member.name.size()) + u16_bytes(member.extra.size()) + u16_bytes(0) +
               u16_bytes(member.disk) + u16_bytes(0) + u32_bytes(0) +
               u32_bytes(member.header.value_or(headers_[i])) + member.name + member.extra;
    }
    return bytes;
  }
  std::string bytes(const ZipEnd& end = {}) const {
    const std::string directory = this->directory();
    return bytes_ + directory + end.before + "PK\x05\x06" + u16_bytes(end.disk) + u16_bytes(0) +
           u16_bytes(end.disk_entries.value_or(end.entries.value_or(members_.size()))) +
           u16_bytes(end.entries.value_or(members_.size())) +
           u32_bytes(end.bytes.value_or(directory.size())) +
           u32_bytes(end.begin.value_or(bytes_.size())) +
           u16_bytes(end.comment_length.value_or(end.comment.size())) + end.comment;
  }
  // The zip64 end and its locator, for ZipEnd::before.
  std::string end64(std::uint64_t entries, std::uint64_t bytes, std::uint64_t begin) const {
    const std::uint64_t at = bytes_.size() + directory().size();
    return "PK\x06\x06" + little_endian(std::uint64_t{44}) + u16_bytes(45) + u16_bytes(45) +
           u32_bytes(0) + u32_bytes(0) + little_endian(entries) + little_endian(entries) +
           little_endian(bytes) + little_endian(begin) + "PK\x06\x07" + u32_bytes(0) +
           little_endian(at) + u32_bytes(1);
  }
  std::string end64() const { return end64(members_.size(), directory().size(), bytes_.size()); }

 private:
  static std::uint64_t compressed(const ZipMember& member) {
    return member.compressed.value_or(member.data().size());
  }
  static std::uint64_t size(const ZipMember& member) {
    return member.size.value_or(member.bytes.size());
  }

  std::string bytes_;
  std::vector<ZipMember> members_;
  std::vector<std::uint64_t> headers_;
};

}  // namespace bertq::testing
