// The two forms of PyTorch's files that are no zip: what is wrong with them is said by offset.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "loaders/checkpoint.h"
#include "support/pickle_bytes.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using namespace testing::pickle;
using testing::little_endian;

std::vector<float> values(const Tensor& tensor) {
  std::vector<float> out(tensor.elements);
  read_f32(tensor, 0, out);
  return out;
}

// `bytes` outlives it.
Checkpoint opened(const std::string& bytes) {
  return open_checkpoint_file(open_memory(std::as_bytes(std::span(bytes)), "m.bin"));
}
std::string complaint(const std::string& bytes) {
  return testing::thrown_message<FormatError>([&] { opened(bytes); });
}

const std::string floats = [] {
  const std::array<float, 6> six{0, 1, 2, 3, 4, 5};
  return std::string(reinterpret_cast<const char*>(six.data()), sizeof six);
}();
std::string counted(std::uint64_t elements, const std::string& bytes) {
  return little_endian(elements) + bytes;
}

// The parts of a legacy file, each to be replaced.
struct Legacy {
  std::string magic = proto + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19" + stop;
  std::string protocol = proto + integer(1001) + stop;
  std::string machine = dict_of(text("little_endian") + yes);
  std::string object = dict_of(text("w") + tensor(id("0", 6, none), 0, {6}, {1}));
  std::string keys = proto + empty_list + text("0") + append + stop;
  std::string storages = counted(6, floats);

  static std::string id(const std::string& key, std::int32_t elements, const std::string& view) {
    return mark + text("storage") + global("torch", "FloatStorage") + text(key) + text("cpu") +
           integer(elements) + view + tuple + persistent;
  }
  std::string bytes() const { return magic + protocol + machine + object + keys + storages; }
  std::string at(std::size_t parts, std::size_t more = 0) const {
    const std::array<const std::string*, 5> all{&magic, &protocol, &machine, &object, &keys};
    std::size_t offset = more;
    for (std::size_t i = 0; i < parts; ++i) offset += all[i]->size();
    return "byte " + std::to_string(offset) + ": ";
  }
};

std::string view(std::int32_t offset, std::int32_t elements) {
  return text("1") + integer(offset) + integer(elements) + tuple3;
}

TEST_CASE("a legacy file") {
  Legacy file;
  CHECK(values(opened(file.bytes()).tensors.at(0)) == std::vector<float>{0, 1, 2, 3, 4, 5});
  file.object = dict_of(text("w") + tensor(Legacy::id("0", 6, view(2, 3)), 1, {2}, {1}) +
                        text("all") + tensor(Legacy::id("0", 6, none), 0, {2, 3}, {3, 1}));
  const std::string bytes = file.bytes();
  const Checkpoint checkpoint = opened(bytes);
  CHECK(checkpoint.format == "PyTorch legacy");
  CHECK(values(checkpoint.tensors.at(0)) == std::vector<float>{3, 4});
  CHECK(values(checkpoint.tensors.at(1)) == std::vector<float>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("bad legacy files") {
  const Legacy good;
  const auto with = [](std::string Legacy::*part, const std::string& value) {
    Legacy file;
    file.*part = value;
    return file.bytes();
  };
  const auto object = [&](const std::string& tensors) {
    return with(&Legacy::object, dict_of(tensors));
  };
  const std::string w = text("w"), keys_of_two = proto + empty_list + text("0") + append +
                                                 text("0") + append + stop;
  struct Row {
    std::string bytes, complaint;
  };
  const std::vector<Row> rows{
      {proto + integer(7) + stop, "byte 0: expected PyTorch's magic number, got something else"},
      {"\x80\x02\x8a\x0azzzzzzzzzz.",
       "byte 0: expected PyTorch's magic number, got something else"},
      {with(&Legacy::protocol, proto + integer(1002) + stop),
       good.at(1) + "expected protocol 1001, got something else"},
      {with(&Legacy::machine, proto + none + stop),
       good.at(2) + "expected facts about a machine, got something else"},
      {with(&Legacy::machine, dict_of(text("little_endian") + no)),
       good.at(2) + "expected a file of a little-endian machine, got something else"},
      {with(&Legacy::machine, dict_of(text("type_sizes") + none)),
       good.at(2) + "expected a file of a little-endian machine, got something else"},
      {object(global("os", "system") + text("true") + tuple1 + reduce),
       good.at(3, 4) +
           "expected a name that stores tensors, got os.system, which bertq does not call"},
      {with(&Legacy::keys, proto + none + stop), "expected a list of storages, got another value"},
      {with(&Legacy::keys, proto + empty_list + text("1") + append + stop),
       "expected storages that tensors use, got another key"},
      {with(&Legacy::keys, proto + empty_list + none + append + stop),
       "expected storages that tensors use, got another key"},
      {with(&Legacy::keys, keys_of_two) + floats, "storage 0: expected once, got twice"},
      {with(&Legacy::keys, proto + empty_list + stop),
       "byte " + std::to_string(good.bytes().size() - 32 - 7) +
           ": expected the end of the file, got 32 more bytes"},
      {with(&Legacy::storages, counted(5, floats)),
       good.at(5) + "storage 0: expected 6 elements, got 5"},
      {with(&Legacy::storages, counted(~std::uint64_t{0}, floats)),
       good.at(5) + "storage 0: expected 6 elements, got 18446744073709551615"},
      {with(&Legacy::storages, counted(6, floats.substr(1))),
       good.at(5, 8) + "storage 0: expected 6 elements, the file ends"},
      {with(&Legacy::storages, counted(6, floats + "more")),
       good.at(5, 32) + "expected the end of the file, got 4 more bytes"},
      {with(&Legacy::storages, "123"), good.at(5, 3) + "expected 5 more bytes, the data end"},
      {object(w + tensor(Legacy::id("0", 6, view(4, 3)), 0, {3}, {1})),
       "tensor w: expected a view within 6 elements, got 3 from 4"},
      {object(w + tensor(Legacy::id("0", 6, view(2, 3)), 1, {3}, {1})),
       "tensor w: expected to end within the 3 elements of its storage, got 3 from element 1"},
      {object(w + tensor(Legacy::id("0", 6, text("x")), 0, {6}, {1})),
       "expected a view of a storage as key, offset and elements, got another value"},
      {object(w + tensor(Legacy::id("0", 6, none), 0, {6}, {1}) + text("v") +
              tensor(Legacy::id("0", 7, none), 0, {6}, {1})),
       "storage 0: expected one size and type, got two"},
  };
  for (const Row& row : rows) CHECK(complaint(row.bytes) == "m.bin: " + row.complaint);
}

// A tar archive as Python writes it.
class Tar {
 public:
  Tar& add(const std::string& name, const std::string& bytes, char kind = '0') {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, const std::string& field) {
      header.replace(at, field.size(), field);
    };
    put(0, name);
    put(100, "0000644");
    put(124, octal(bytes.size(), 11));
    put(148, "        ");
    put(156, std::string(1, kind));
    put(257, std::string("ustar\0"
                         "00",
                         8));
    unsigned sum = 0;
    for (const char byte : header) sum += static_cast<unsigned char>(byte);
    put(148, octal(sum, 6) + std::string("\0 ", 2));
    bytes_ += header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
    return *this;
  }
  std::string bytes() const { return bytes_ + std::string(1'024, '\0'); }

 private:
  static std::string octal(std::size_t value, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%0*zo", digits, value);
    return text.data();
  }
  std::string bytes_;
};

std::string number(std::int32_t value) {
  return proto + integer(value) + stop;
}
std::string triple(std::int32_t key, const std::string& second, const std::string& type) {
  return proto + integer(key) + second + global("torch", type) + tuple3 + stop;
}

struct Old {
  std::string storages = number(1) + triple(10, text("cpu"), "FloatStorage") + counted(6, floats);
  std::string views = proto + empty_list + stop;
  std::string count = number(1);
  std::string entry = triple(20, integer(10), "FloatTensor");
  std::string numbers = little_endian(std::uint64_t{2}) + little_endian(std::int64_t{2}) +
                        little_endian(std::int64_t{3}) + little_endian(std::int64_t{3}) +
                        little_endian(std::int64_t{1}) + little_endian(std::int64_t{0});
  std::string object = dict_of(text("w") + text("20") + persistent);

  std::string bytes() const {
    return Tar()
        .add("storages", storages + views)
        .add("tensors", count + entry + numbers)
        .add("pickle", object)
        .bytes();
  }
};

TEST_CASE("a tar file") {
  Old file;
  std::string bytes = file.bytes();
  CHECK(opened(bytes).format == "PyTorch tar");
  CHECK(values(opened(bytes).tensors.at(0)) == std::vector<float>{0, 1, 2, 3, 4, 5});
  // A view of the storage, and a number in place of text.
  file.views = proto + empty_list + integers({11, 10, 3, 2}) + append + stop;
  file.entry = triple(20, integer(11), "FloatTensor");
  file.numbers = little_endian(std::uint64_t{1}) + little_endian(std::int64_t{2}) +
                 little_endian(std::int64_t{1}) + little_endian(std::int64_t{0});
  file.object = dict_of(text("w") + integer(20) + persistent);
  bytes = file.bytes();
  CHECK(values(opened(bytes).tensors.at(0)) == std::vector<float>{3, 4});
}

TEST_CASE("bad tar files") {
  const auto with = [](std::string Old::*part, const std::string& value) {
    Old file;
    file.*part = value;
    return file.bytes();
  };
  const Old good;
  const std::size_t tensors = 512 + 512 + 512;  // where the second member's bytes begin
  const auto in_tensors = [&](std::size_t more) {
    return "byte " + std::to_string(tensors + more) + ": ";
  };
  const std::size_t entry = good.count.size(), numbers = entry + good.entry.size();
  std::string damaged = good.bytes();
  damaged[3] = 'X';
  struct Row {
    std::string bytes, complaint;
  };
  const std::vector<Row> rows{
      {damaged, "byte 0: expected a tar header, got a damaged one"},
      {Tar().add("storages", "").add("storages", "").bytes(),
       "member storages: expected one of this name, got two"},
      {Tar().add("storages", "", '2').bytes(),
       "byte 0: expected plain files with short names, got storages of kind '2'"},
      {Tar().add("storages", good.storages + good.views).bytes(),
       "expected a member tensors as in PyTorch's old files, found none"},
      {Tar().add("pickle", good.object).bytes(),
       "expected a member storages as in PyTorch's old files, found none"},
      {good.bytes().substr(0, 550), "byte 0: member storages: expected at most 38 bytes, got more"},
      {with(&Old::storages, number(-1)),
       "byte 512: expected an integer of 0 or more, got another value"},
      {with(&Old::storages, number(100'001)), "byte 512: expected at most 100000, got 100001"},
      {with(&Old::storages,
            number(1) + triple(10, text("cpu"), "FloatTensor") + counted(6, floats)),
       "byte 520: expected a storage class, got another value"},
      {with(&Old::storages, number(1) + triple(10, text("cpu"), "FloatStorage") +
                                counted(std::uint64_t{1} << 62U, floats)),
       "byte 557: expected fewer than 2^64 bytes, got another value"},
      {with(&Old::storages,
            number(1) + triple(10, text("cpu"), "FloatStorage") + counted(1'000, floats)),
       "byte 557: expected 4000 more bytes, got fewer"},
      {with(&Old::views, proto + empty_list + integers({11, 9, 0, 1}) + append + stop),
       "byte 589: expected a view of a storage in the file, got another value"},
      {with(&Old::views, proto + empty_list + integers({11, 10, 5, 2}) + append + stop),
       "byte 589: expected a view within its storage, got another value"},
      {with(&Old::views, proto + empty_list + integers({10, 10, 0, 1}) + append + stop),
       "byte 589: expected each storage once, got another value"},
      {with(&Old::views, good.views + "x"),
       "byte 593: expected the end of the member, got more bytes"},
      {with(&Old::entry, triple(20, integer(9), "FloatTensor")),
       in_tensors(entry) + "expected a storage in the file, got another value"},
      {with(&Old::numbers, little_endian(std::uint64_t{9})),
       in_tensors(numbers) + "expected at most 8 dimensions, got 9"},
      {with(&Old::numbers, little_endian(std::uint64_t{1}) + little_endian(std::int64_t{7}) +
                               little_endian(std::int64_t{1}) + little_endian(std::int64_t{0})),
       in_tensors(numbers + 24) +
           "expected to end within the 6 elements of its storage, got 7 from element 0"},
      {with(&Old::numbers, little_endian(std::uint64_t{1}) + little_endian(std::int64_t{2}) +
                               little_endian(std::int64_t{-1}) + little_endian(std::int64_t{1})),
       in_tensors(numbers + 24) +
           "expected to end within the 6 elements of its storage, got 2^64 from element 1"},
      {with(&Old::object, dict_of(text("w") + text("21") + persistent)),
       "tensor w: expected a tensor of the file, found no such key"},
      {with(&Old::object, dict_of(text("w") + text("20 ") + persistent)),
       "tensor w: expected a tensor of the file, found no such key"},
      {with(&Old::object, dict_of(text("w") + none + persistent)),
       "tensor w: expected a tensor of the file, found no such key"},
      {with(&Old::object, dict_of(text("w") + none)),
       "expected tensor 20 to be used, found nothing that does"},
      {with(&Old::views, proto + empty_list + integers({11, 10, 0, 1}) + append + stop),
       "expected storage 11 to be used, found nothing that does"},
  };
  for (const Row& row : rows) CHECK(complaint(row.bytes) == "m.bin: " + row.complaint);
}

}  // namespace
}  // namespace bertq::loaders
