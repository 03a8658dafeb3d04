#include "loaders/tensor_bundle_proto.h"

#include <cstring>
#include <limits>

#include "loaders/tensor.h"
#include "loaders/varint.h"

namespace bertq::loaders {
namespace {

using Bytes = std::span<const std::byte>;

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };

[[noreturn]] void fail(const std::string& place, const std::string& what) {
  throw FormatError(place + ": " + what);
}

// A field as it is met; of the two contents the one that its wire type has.
struct Field {
  std::uint64_t number = 0;
  Wire wire = Wire::varint;
  std::uint64_t value = 0;
  Bytes bytes;
};

// The fields of a message, one after another.
class Fields {
 public:
  Fields(Bytes message, const std::string& place) : rest_(message), place_(place) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint("a field's tag");
    field.number = tag >> 3U;
    if (field.number == 0 || field.number > greatest_number) {
      fail(place_, "expected a field number in 1.." + std::to_string(greatest_number) + ", got " +
                       std::to_string(field.number));
    }
    field.wire = static_cast<Wire>(tag & 7U);
    switch (field.wire) {
      case Wire::varint:
        field.value = varint("field " + std::to_string(field.number));
        return true;
      case Wire::fixed64:
        field.value = fixed<std::uint64_t>(field.number);
        return true;
      case Wire::fixed32:
        field.value = fixed<std::uint32_t>(field.number);
        return true;
      case Wire::length:
        field.bytes = take(field.number, varint("field " + std::to_string(field.number)));
        return true;
    }
    fail(place_, "field " + std::to_string(field.number) +
                     ": expected a number or bytes, got wire type " + std::to_string(tag & 7U));
  }

  // Refuses a known field of another wire type.
  void expect(const Field& field, Wire wire) const {
    if (field.wire == wire) return;
    fail(place_, "field " + std::to_string(field.number) + ": expected wire type " +
                     std::to_string(static_cast<int>(wire)) + ", got " +
                     std::to_string(static_cast<int>(field.wire)));
  }

 private:
  static constexpr std::uint64_t greatest_number = (1U << 29U) - 1;

  std::uint64_t varint(const std::string& what) {
    const auto value = take_varint(rest_);
    if (!value) fail(place_, what + ": expected a varint, got " + left());
    return *value;
  }

  template <typename T>
  std::uint64_t fixed(std::uint64_t number) {
    T value;
    std::memcpy(&value, take(number, sizeof value).data(), sizeof value);
    return value;
  }

  Bytes take(std::uint64_t number, std::uint64_t count) {
    if (count > rest_.size()) {
      fail(place_, "field " + std::to_string(number) + ": expected " + std::to_string(count) +
                       " bytes, got " + left());
    }
    const Bytes taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::string left() const {
    return "the last " + std::to_string(rest_.size()) + " of the message";
  }

  Bytes rest_;
  const std::string& place_;
};

// int32 and int64 write a negative number as 64 bits with the top one set.
std::uint64_t natural(std::uint64_t value, const char* what, const std::string& place) {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return value;
  fail(place, std::string(what) + ": expected 0 or more, got " +
                  std::to_string(static_cast<std::int64_t>(value)));
}

// The one field of a message that matters here; 0 where it is left out.
std::uint64_t natural_field(Bytes message, std::uint64_t number, const char* what,
                            const std::string& place) {
  std::uint64_t value = 0;
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    if (field.number != number) continue;
    fields.expect(field, Wire::varint);
    value = natural(field.value, what, place);
  }
  return value;
}

void parse_shape(Bytes message, const std::string& place, std::vector<std::uint64_t>& shape) {
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    if (field.number == 2) {
      fields.expect(field, Wire::length);
      if (shape.size() == rank_limit) {
        fail(place, "expected at most " + std::to_string(rank_limit) + " dimensions, got more");
      }
      shape.push_back(natural_field(field.bytes, 1, "dimension", place));
    } else if (field.number == 3) {
      fields.expect(field, Wire::varint);
      if (field.value != 0) fail(place, "expected a shape, got one of unknown rank");
    }
  }
}

}  // namespace

BundleHeader parse_bundle_header(Bytes message, const std::string& place) {
  BundleHeader header;
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    switch (field.number) {
      case 1:
        fields.expect(field, Wire::varint);
        header.shards = natural(field.value, "num_shards", place);
        break;
      case 2:
        fields.expect(field, Wire::varint);
        header.endianness = field.value;
        break;
      case 3:
        fields.expect(field, Wire::length);
        header.min_consumer = natural_field(field.bytes, 2, "min_consumer", place);
        break;
      default:
        break;
    }
  }
  return header;
}

BundleEntry parse_bundle_entry(Bytes message, const std::string& place) {
  BundleEntry entry;
  Fields fields(message, place);
  for (Field field; fields.next(field);) {
    switch (field.number) {
      case 1:
        fields.expect(field, Wire::varint);
        entry.dtype = field.value;
        break;
      case 2:
        fields.expect(field, Wire::length);
        parse_shape(field.bytes, place, entry.shape);
        break;
      case 3:
        fields.expect(field, Wire::varint);
        entry.shard = natural(field.value, "shard_id", place);
        break;
      case 4:
        fields.expect(field, Wire::varint);
        entry.offset = natural(field.value, "offset", place);
        break;
      case 5:
        fields.expect(field, Wire::varint);
        entry.bytes = natural(field.value, "size", place);
        break;
      case 6:
        fields.expect(field, Wire::fixed32);
        entry.crc = static_cast<std::uint32_t>(field.value);
        break;
      case 7:
        fields.expect(field, Wire::length);
        ++entry.slices;
        break;
      default:
        break;
    }
  }
  return entry;
}

}  // namespace bertq::loaders
