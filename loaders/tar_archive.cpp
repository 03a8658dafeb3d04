#include "loaders/tar_archive.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "loaders/printable.h"

namespace bertq::loaders {
namespace {

constexpr std::uint64_t block_bytes = 512;
using Block = std::array<char, block_bytes>;

struct Field {
  std::size_t at, bytes;
};
constexpr Field name_field{0, 100}, size_field{124, 12}, checksum_field{148, 8}, kind_field{156, 1},
    prefix_field{345, 155};

std::string_view text(const Block& block, Field field) {
  const std::string_view all(block.data() + field.at, field.bytes);
  return all.substr(0, all.find('\0'));
}

// Octal digits, spaces around them.
std::optional<std::uint64_t> octal(const Block& block, Field field) {
  std::string_view digits = text(block, field);
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  while (digits.ends_with(' ')) digits.remove_suffix(1);
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;  // 12 digits of 3 bits fit
  for (const char digit : digits) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value << 3U | static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

// The sum of all bytes, those of the sum itself taken for spaces.
std::uint64_t sum(const Block& block) {
  std::uint64_t total = checksum_field.bytes * ' ';
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= checksum_field.at && i < checksum_field.at + checksum_field.bytes;
    if (!own) total += static_cast<unsigned char>(block[i]);
  }
  return total;
}

TarMember read_header(const ByteSource& source, const Block& block, std::uint64_t at) {
  const auto fail = [&](const std::string& what) {
    throw FormatError(source.name() + ": byte " + std::to_string(at) + ": " + what);
  };
  if (octal(block, checksum_field) != sum(block)) fail("expected a tar header, got a damaged one");
  const char kind = block[kind_field.at];
  const std::string_view name = text(block, name_field);
  if ((kind != '0' && kind != '\0') || !text(block, prefix_field).empty() || name.empty()) {
    fail("expected plain files with short names, got " + printable(name) + " of kind '" +
         printable(std::string_view(&kind, 1)) + "'");
  }
  const std::optional<std::uint64_t> size = octal(block, size_field);
  const std::uint64_t data = at + block_bytes;
  if (!size || *size > source.size() - data) {
    fail("member " + printable(name) + ": expected at most " +
         std::to_string(source.size() - data) + " bytes, got more");
  }
  return {std::string(name), data, *size};
}

}  // namespace

std::vector<TarMember> read_tar(const ByteSource& source) {
  std::vector<TarMember> members;
  std::uint64_t at = 0;
  while (source.size() - at >= block_bytes) {
    Block block{};
    source.read(at, std::as_writable_bytes(std::span(block)));
    if (std::all_of(block.begin(), block.end(), [](char byte) { return byte == '\0'; })) break;
    TarMember member = read_header(source, block, at);
    const bool twice = std::any_of(members.begin(), members.end(), [&](const TarMember& known) {
      return known.name == member.name;
    });
    if (twice || members.size() == tar_member_limit) {
      throw FormatError(source.name() + ": member " + printable(member.name) +
                        (twice ? ": expected one of this name, got two"
                               : ": expected at most " + std::to_string(tar_member_limit) +
                                     " members, got more"));
    }
    const std::uint64_t end =
        member.offset + (member.size + block_bytes - 1) / block_bytes * block_bytes;
    members.push_back(std::move(member));
    at = std::min(end, source.size());
  }
  return members;
}

}  // namespace bertq::loaders
