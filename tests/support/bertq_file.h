// A .bertq file put together by hand from its description (loaders/bertq_header.h), so that a test
// can lie in any field; the checksums are right unless it lies there.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/checksum.h"

namespace bertq::testing {

struct RawSection {
  std::uint8_t kind = 0;
  std::string name;
  std::string dtype;  // up to 8 characters
  std::string content;
  // As the content is, unless given.
  std::optional<std::uint64_t> offset = {}, bytes = {}, unpacked = {};
  std::optional<std::uint32_t> crc32c = {};
  std::uint8_t reserved = 0;
};

struct RawBertq {
  std::string magic =
      "\x89"
      "BERTQ\r\n";
  std::uint32_t version = 1;
  std::optional<std::uint64_t> header_bytes = {}, file_bytes = {};
  std::optional<std::uint32_t> sections_count = {}, crc32c = {};
  std::string zeros = std::string(28, '\0');
  std::vector<RawSection> sections;
  std::string behind_table;  // part of the header
  std::string hash = std::string(16, 'h');

  std::string bytes() const;
};

inline std::uint32_t crc_of(std::string_view bytes) {
  return loaders::crc32c_portable(std::as_bytes(std::span(bytes)));
}

template <typename T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline std::string RawBertq::bytes() const {
  constexpr std::uint64_t alignment = 64;
  const auto aligned = [](std::uint64_t at) {
    return (at + alignment - 1) / alignment * alignment;
  };
  std::uint64_t header_size = 64 + behind_table.size();
  for (const RawSection& section : sections) header_size += 40 + section.name.size();
  std::string table, data;
  std::uint64_t end = header_size;
  for (const RawSection& section : sections) {
    const std::uint64_t begin = aligned(end);
    data += std::string(begin - end, '\0') + section.content;
    end = begin + section.content.size();
    std::string dtype = section.dtype;
    dtype.resize(8, '\0');
    table += little_endian(section.offset.value_or(begin));
    table += little_endian(section.bytes.value_or(section.content.size()));
    table += little_endian(section.unpacked.value_or(section.content.size()));
    table += little_endian(section.crc32c.value_or(crc_of(section.content)));
    table += static_cast<char>(section.kind);
    table += static_cast<char>(section.reserved);
    table += little_endian(static_cast<std::uint16_t>(section.name.size()));
    table += dtype;
    table += section.name;
  }
  data += std::string(aligned(end) - end, '\0') + hash;
  const std::uint64_t size = header_size + data.size();
  std::string header = magic;
  header += little_endian(version);
  header += little_endian(std::uint32_t{0});
  header += little_endian(header_bytes.value_or(header_size));
  header += little_endian(file_bytes.value_or(size));
  header += little_endian(sections_count.value_or(static_cast<std::uint32_t>(sections.size())));
  header += zeros;
  header += table;
  header += behind_table;
  header.replace(12, 4, little_endian(crc32c.value_or(crc_of(header))));
  return header + data;
}

}  // namespace bertq::testing
