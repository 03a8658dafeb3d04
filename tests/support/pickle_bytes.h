// Pickles written opcode by opcode, good ones and others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/zip_file.h"

namespace bertq::testing::pickle {

inline const std::string proto("\x80\x02"), stop("."), mark("("), none("N"), yes("\x88"),
    no("\x89"), empty_tuple(")"), tuple("t"), tuple1("\x85"), tuple2("\x86"), tuple3("\x87"),
    empty_list("]"), append("a"), appends("e"), empty_dict("}"), setitem("s"), setitems("u"),
    reduce("R"), newobj("\x81"), build("b"), persistent("Q"), memoize("\x94"), stack_global("\x93");

inline std::string text(std::string_view text) {
  return "X" + u32_bytes(text.size()) + std::string(text);
}
inline std::string integer(std::int32_t value) {
  return "J" + little_endian(value);
}
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string put(unsigned char index) {
  return "q" + std::string(1, static_cast<char>(index));
}
inline std::string get(unsigned char index) {
  return "h" + std::string(1, static_cast<char>(index));
}
inline std::string integers(const std::vector<std::int32_t>& values) {
  std::string bytes = mark;
  for (const std::int32_t value : values) bytes += integer(value);
  return bytes + tuple;
}
inline const std::string ordered_dict = global("collections", "OrderedDict") + empty_tuple + reduce;

// What stands for a storage: ('storage', class, key, location, elements).
inline std::string storage(std::string_view type, std::string_view key, std::int32_t elements) {
  return mark + text("storage") + global("torch", type) + text(key) + text("cuda:0") +
         integer(elements) + tuple + persistent;
}
// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())
inline std::string tensor(const std::string& storage, std::int32_t offset,
                          const std::vector<std::int32_t>& shape,
                          const std::vector<std::int32_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + mark + storage + integer(offset) +
         integers(shape) + integers(strides) + no + ordered_dict + tuple + reduce;
}
// A whole pickle of a dict.
inline std::string dict_of(const std::string& items) {
  return proto + empty_dict + mark + items + setitems + stop;
}

}  // namespace bertq::testing::pickle
