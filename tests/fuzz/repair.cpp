#include "fuzz/repair.h"

#include <zlib.h>

#include <cstring>
#include <optional>

#include "fuzz/open_and_read.h"
#include "loaders/bertq_header.h"
#include "loaders/checksum.h"
#include "loaders/varint.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace bertq::fuzz {
namespace {

using Bytes = std::span<std::uint8_t>;

template <typename T>
T get(Bytes bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <typename T>
void put(Bytes bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
bool fits(Bytes bytes, std::uint64_t at, std::uint64_t count) {
  return at <= bytes.size() && count <= bytes.size() - at;
}

void repair_member(Bytes file, std::size_t directory) {
  const std::uint64_t local = get<std::uint32_t>(file, directory + 42);
  const std::uint64_t size = get<std::uint32_t>(file, directory + 20);
  if (!fits(file, local, 30)) return;
  const std::uint64_t begin =
      local + 30 + get<std::uint16_t>(file, local + 26) + get<std::uint16_t>(file, local + 28);
  if (get<std::uint16_t>(file, directory + 10) != 0 || !fits(file, begin, size)) return;
  const auto crc = static_cast<std::uint32_t>(crc32_z(0, file.data() + begin, size));
  put(file, directory + 16, crc);
  put(file, local + 14, crc);
}

struct Block {
  std::uint64_t offset = 0, size = 0;
};

std::optional<Block> take_handle(std::span<const std::byte>& bytes) {
  const auto offset = loaders::take_varint(bytes);
  const auto size = offset ? loaders::take_varint(bytes) : std::nullopt;
  if (!size) return std::nullopt;
  return Block{*offset, *size};
}

// Type and checksum stand behind the block.
bool repair_block(Bytes file, const Block& block) {
  constexpr std::uint64_t trailer = 5;
  if (block.size > file.size() || !fits(file, block.offset, block.size + trailer)) return false;
  const auto covered = std::as_bytes(file.subspan(block.offset, block.size + 1));
  put(file, block.offset + block.size + 1, loaders::masked(loaders::crc32c(covered)));
  return true;
}

}  // namespace

void repair_zip(Bytes file) {
  constexpr std::uint32_t directory_signature = 0x02014b50;
  constexpr std::size_t record = 46;
  for (std::size_t at = 0; at + record <= file.size(); ++at) {
    if (get<std::uint32_t>(file, at) == directory_signature) repair_member(file, at);
  }
}

void repair_tensorflow(Bytes input) {
  constexpr std::size_t footer = 48;
  const Bytes file = input.first(tensorflow_index_size(std::as_bytes(input)));
  if (file.size() < footer) return;
  auto handles = std::as_bytes(file.last(footer));
  const auto metaindex = take_handle(handles);
  const auto index = metaindex ? take_handle(handles) : std::nullopt;
  if (!index || !repair_block(file, *metaindex) || !repair_block(file, *index)) return;
  // An entry: shared, unshared and value lengths, the key's tail, the value. Restarts that follow
  // are read as entries too, which harms nothing here.
  auto entries = std::as_bytes(file.subspan(index->offset, index->size));
  while (!entries.empty()) {
    const auto shared = loaders::take_varint(entries);
    const auto tail = shared ? loaders::take_varint(entries) : std::nullopt;
    const auto value = tail ? loaders::take_varint(entries) : std::nullopt;
    if (!value || *tail > entries.size() || *value > entries.size() - *tail) return;
    auto handle = entries.subspan(*tail, *value);
    if (const auto block = take_handle(handle)) repair_block(file, *block);
    entries = entries.subspan(*tail + *value);
  }
}

void repair_bertq(Bytes file) {
  constexpr std::size_t crc_at = 12, size_at = 16, file_size_at = 24, count_at = 32;
  constexpr std::size_t section_crc_at = 24, name_bytes_at = 30;
  if (file.size() < loaders::bertq_prefix_bytes + loaders::bertq_hash_bytes) return;
  put(file, file_size_at, std::uint64_t{file.size()});
  std::uint64_t at = loaders::bertq_prefix_bytes;
  for (std::uint32_t i = 0; i < get<std::uint32_t>(file, count_at); ++i) {
    if (!fits(file, at, loaders::bertq_record_bytes)) return;
    const auto offset = get<std::uint64_t>(file, at), bytes = get<std::uint64_t>(file, at + 8);
    if (fits(file, offset, bytes)) {
      put(file, at + section_crc_at, loaders::crc32c(std::as_bytes(file.subspan(offset, bytes))));
    }
    at += loaders::bertq_record_bytes + get<std::uint16_t>(file, at + name_bytes_at);
  }
  const auto header = get<std::uint64_t>(file, size_at);
  if (!fits(file, 0, header)) return;
  put(file, crc_at, std::uint32_t{0});
  put(file, crc_at, loaders::crc32c(std::as_bytes(file.first(header))));
}

void repair_journal(Bytes file) {
  constexpr std::size_t magic = 16, header = 16;
  std::uint64_t at = magic;
  for (std::uint32_t sequence = 0; fits(file, at, header); ++sequence) {
    const std::uint64_t length = get<std::uint32_t>(file, at);
    put(file, at + 4, sequence);
    put(file, at + 8, loaders::crc32c(std::as_bytes(file.subspan(at, 8))));
    at += header;
    if (!fits(file, at, length)) return;
    put(file, at - 4, loaders::crc32c(std::as_bytes(file.subspan(at, length))));
    at += length;
  }
}

std::size_t mutate_and_repair(std::uint8_t* data, std::size_t size, std::size_t max_size,
                              unsigned seed, void (*repair)(Bytes)) {
  const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 4 != 0) repair(Bytes(data, mutated));
  return mutated;
}

}  // namespace bertq::fuzz
