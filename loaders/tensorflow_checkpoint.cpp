#include "loaders/tensorflow_checkpoint.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include "loaders/leveldb_table.h"
#include "loaders/printable.h"
#include "loaders/sharded_index.h"
#include "loaders/tensor_bundle_proto.h"

namespace bertq::loaders {
namespace {

// The version of the format that this reader is of; a header may ask for a newer one.
constexpr std::uint64_t bundle_version = 1;

struct TypeRow {
  std::uint64_t number;
  std::string_view name;
  std::optional<DType> dtype;  // empty: not numbers that can be read
};
// types.proto
constexpr std::array<TypeRow, 25> types{{
    {1, "float", DType::f32},
    {2, "double", DType::f64},
    {3, "int32", DType::i32},
    {4, "uint8", DType::u8},
    {5, "int16", DType::i16},
    {6, "int8", DType::i8},
    {7, "string", std::nullopt},
    {8, "complex64", std::nullopt},
    {9, "int64", DType::i64},
    {10, "bool", DType::boolean},
    {11, "qint8", std::nullopt},
    {12, "quint8", std::nullopt},
    {13, "qint32", std::nullopt},
    {14, "bfloat16", DType::bf16},
    {15, "qint16", std::nullopt},
    {16, "quint16", std::nullopt},
    {17, "uint16", DType::u16},
    {18, "complex128", std::nullopt},
    {19, "half", DType::f16},
    {20, "resource", std::nullopt},
    {21, "variant", std::nullopt},
    {22, "uint32", DType::u32},
    {23, "uint64", DType::u64},
    {24, "float8_e5m2", DType::f8_e5m2},
    {25, "float8_e4m3fn", DType::f8_e4m3},
}};

std::string text(std::uint64_t number) {
  return std::to_string(number);
}

std::string shard_suffix(std::uint64_t shard, std::uint64_t count) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), ".data-%05llu-of-%05llu",
                static_cast<unsigned long long>(shard), static_cast<unsigned long long>(count));
  return buffer.data();
}

class Bundle {
 public:
  Bundle(const ByteSource& index, const OpenShard& open_shard)
      : index_(index), open_shard_(open_shard) {
    checkpoint_.name = index.name();
    checkpoint_.format = tensorflow_format;
    checkpoint_.file_bytes = index.size();
  }

  Checkpoint open() {
    walk_table(index_, [&](std::string_view key, std::span<const std::byte> value) {
      // The empty key is below all others.
      if (checkpoint_.sources.empty()) {
        if (!key.empty())
          fail("expected the header under an empty key first, got " + printable(key));
        open_shards(parse_bundle_header(value, index_.name() + ": header"));
      } else {
        add(std::string(key), value);
      }
    });
    if (checkpoint_.sources.empty()) fail("expected a header under an empty key, got no entry");
    remark_on_left_out();
    return std::move(checkpoint_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(index_.name() + ": " + what);
  }

  void open_shards(const BundleHeader& header) {
    if (header.endianness != 0) {
      fail("header: expected little-endian tensors (0), got endianness " + text(header.endianness));
    }
    if (header.min_consumer > bundle_version) {
      fail("header: expected a bundle that version " + text(bundle_version) +
           " can read, got one that needs version " + text(header.min_consumer));
    }
    if (header.shards == 0 || header.shards > shard_limit) {
      fail("header: expected 1 to " + text(shard_limit) + " shards, got " + text(header.shards));
    }
    for (std::uint64_t shard = 0; shard < header.shards; ++shard) {
      checkpoint_.sources.push_back(open_shard_(shard_suffix(shard, header.shards)));
      checkpoint_.file_bytes += checkpoint_.sources.back()->size();
    }
  }

  void add(std::string name, std::span<const std::byte> value) {
    const std::string place = index_.name() + ": tensor " + printable(name);
    const auto refuse = [&](const std::string& what) { throw FormatError(place + ": " + what); };
    if (checkpoint_.tensors.size() + left_out_ == bundle_tensor_limit) {
      fail("expected at most " + text(bundle_tensor_limit) + " tensors, got more");
    }
    name_bytes_ += name.size();
    if (name_bytes_ > bundle_name_bytes_limit) {
      fail("expected at most " + text(bundle_name_bytes_limit) + " bytes of names, got more");
    }
    BundleEntry entry = parse_bundle_entry(value, place);
    const auto type = std::find_if(types.begin(), types.end(), [&](const TypeRow& known) {
      return known.number == entry.dtype;
    });
    if (type == types.end()) refuse("expected a known type, got number " + text(entry.dtype));
    if (!type->dtype) return leave_out(name, type->name);
    if (entry.slices != 0) {
      refuse("expected it whole, got a partitioned variable of " + text(entry.slices) + " slices");
    }
    if (entry.shard >= checkpoint_.sources.size()) {
      refuse("expected a shard below " + text(checkpoint_.sources.size()) + ", got " +
             text(entry.shard));
    }
    check_size(entry, *type->dtype, refuse);
    append(std::move(name), std::move(entry), *type->dtype);
  }

  template <typename Refuse>
  void check_size(const BundleEntry& entry, DType dtype, const Refuse& refuse) const {
    const auto elements = element_count(entry.shape);
    std::uint64_t bytes = 0, end = 0;
    if (!elements || __builtin_mul_overflow(*elements, dtype_bytes(dtype), &bytes)) {
      refuse("expected a size below 2^64 bytes, got dimensions whose product is larger");
    }
    if (bytes != entry.bytes) {
      refuse("expected " + text(bytes) + " bytes for its shape and type " +
             std::string(dtype_name(dtype)) + ", got " + text(entry.bytes));
    }
    const ByteSource& shard = *checkpoint_.sources[static_cast<std::size_t>(entry.shard)];
    if (__builtin_add_overflow(entry.offset, entry.bytes, &end) || end > shard.size()) {
      refuse("expected it within the " + text(shard.size()) + " bytes of " + shard.name() +
             ", got " + text(entry.bytes) + " at " + text(entry.offset));
    }
  }

  void append(std::string name, BundleEntry entry, DType dtype) {
    Tensor& tensor = checkpoint_.tensors.emplace_back();
    tensor.name = std::move(name);
    tensor.dtype = dtype;
    tensor.elements = *element_count(entry.shape);
    tensor.shape = std::move(entry.shape);
    tensor.source = checkpoint_.sources[static_cast<std::size_t>(entry.shard)].get();
    tensor.offset = entry.offset;
    tensor.checksum = std::make_shared<const Checksum>(
        Checksum{ChecksumKind::masked_crc32c, entry.crc, entry.offset, entry.bytes});
  }

  void leave_out(const std::string& name, std::string_view type) {
    if (left_out_++ == 0) first_left_out_ = printable(name) + " (" + std::string(type) + ")";
  }

  void remark_on_left_out() {
    if (left_out_ == 0) return;
    checkpoint_.remarks.push_back(
        index_.name() + ": " +
        (left_out_ == 1 ? "1 tensor that is" : text(left_out_) + " tensors that are") +
        " no numbers left out: " + first_left_out_ + (left_out_ == 1 ? "" : " and others"));
  }

  const ByteSource& index_;
  const OpenShard& open_shard_;
  Checkpoint checkpoint_;
  std::size_t name_bytes_ = 0;
  std::size_t left_out_ = 0;
  std::string first_left_out_;
};

}  // namespace

Checkpoint open_tensorflow_checkpoint(const ByteSource& index, const OpenShard& open_shard) {
  return Bundle(index, open_shard).open();
}

}  // namespace bertq::loaders
