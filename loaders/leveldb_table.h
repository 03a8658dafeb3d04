// LevelDB's sorted table: the container of a TensorFlow checkpoint's ".index".
//
//   data blocks | metaindex block | index block | footer
//
// The footer is the last 48 bytes: the places of metaindex and index, zeros up to byte 40, a magic
// number. A block is followed by its compression (0 none, 1 snappy) and the masked CRC-32C of both.
// Within a block each key is what it shares with the one before and a tail of its own; the restarts
// behind the entries say which of them share nothing. The index names the data blocks in order.
//
// Source: LevelDB's doc/table_format.md, which TensorFlow's tables follow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "loaders/byte_source.h"

namespace bertq::loaders {

// What one block may hold uncompressed, and one key: many times what TensorFlow writes, and what
// keeps a table's cost in proportion to its file.
inline constexpr std::uint64_t table_block_limit = std::uint64_t{1} << 20U;
inline constexpr std::size_t table_key_limit = 4'096;

// Key and value hold during the call only.
using TableVisitor = std::function<void(std::string_view key, std::span<const std::byte> value)>;

// Calls `visit` with all entries, keys ascending. At most two blocks are in memory at once. Throws
// FormatError naming the byte of the file, or of the block, where the table is not what it should
// be; entries before that place have been visited by then.
void walk_table(const ByteSource& source, const TableVisitor& visit);

}  // namespace bertq::loaders
