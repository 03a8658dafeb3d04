#include "loaders/pickle.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/allocation_peak.h"
#include "support/pickle_bytes.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using namespace testing::pickle;
using testing::u32_bytes;

constexpr std::array<PickleName, 4> known{{
    {"collections", "OrderedDict", PickleRole::dict},
    {"torch", "qint8", PickleRole::constant},
    {"torch", "Size", PickleRole::first_argument},
    {"torch", "rebuild", PickleRole::call},
}};
const PickleNames names{known, "__torch__"};

Pickle read(const std::string& bytes) {
  const auto source = open_memory(std::as_bytes(std::span(bytes)), "p");
  return read_pickle(*source, 0, bytes.size(), names, {"p", 0});
}

std::string complaint(const std::string& bytes) {
  return testing::thrown_message<FormatError>([&] { read(bytes); });
}

// A pickle's value in the notation of Python, to a bounded depth.
std::string shown(const PickleValues& values, PickleIndex value, int depth = 8) {
  if (depth == 0) return "...";
  const auto inner = [&](const std::string& open, const std::string& close) {
    std::string all = open;
    PickleValues::Cursor cursor = values.begin(value);
    while (const auto item = values.next(cursor)) {
      if (all.size() > open.size()) all += ",";
      all += shown(values, *item, depth - 1);
    }
    return all + close;
  };
  const auto state = [&] {
    const auto given = values.state(value);
    return given ? "|" + shown(values, *given, depth - 1) : std::string();
  };
  switch (values.kind(value)) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return values.boolean(value) ? "True" : "False";
    case PickleKind::integer:
      return std::to_string(values.integer(value));
    case PickleKind::long_integer:
      return "long of " + std::to_string(values.long_integer(value).size());
    case PickleKind::real:
      return std::to_string(values.real(value));
    case PickleKind::text:
      return "'" + std::string(values.text(value)) + "'";
    case PickleKind::tuple:
      return inner("(", ")");
    case PickleKind::list:
      return inner("[", "]");
    case PickleKind::dict:
      return inner("{", "}") + state();
    case PickleKind::global:
      return "global " + std::to_string(values.global(value));
    case PickleKind::call:
      return shown(values, values.callee(value), depth - 1) +
             shown(values, values.arguments(value), depth - 1);
    case PickleKind::object:
      return "object" + state();
    case PickleKind::persistent:
      return "id" + shown(values, values.identity(value), depth - 1);
  }
  return "?";
}

TEST_CASE("every opcode makes its value") {
  const auto long1 = [](const std::string& bytes) {
    return "\x8a" + std::string(1, static_cast<char>(bytes.size())) + bytes;
  };
  struct Row {
    std::string bytes, value;
  };
  const std::vector<Row> rows{
      {none, "None"},
      {yes, "True"},
      {no, "False"},
      {integer(-2), "-2"},
      {integer(255), "255"},
      {integer(256), "256"},
      {"K\xFF", "255"},
      {std::string("M\x01\x80", 3), "32769"},
      {long1(""), "0"},
      {long1("\xFF"), "-1"},
      {long1(std::string("\xFF\0", 2)), "255"},
      {long1(std::string(7, '\0') + "\x80"), "-9223372036854775808"},
      {long1(std::string(9, '\1')), "long of 9"},
      {std::string("G\x3f\xe8\0\0\0\0\0\0", 9), "0.750000"},
      {text("abc"), "'abc'"},
      {"\x8c\x03"
       "abc",
       "'abc'"},
      {"U\x03"
       "abc",
       "'abc'"},
      {"T" + u32_bytes(3) + "abc", "'abc'"},
      {"\x8d" + testing::little_endian(std::uint64_t{3}) + "abc", "'abc'"},
      {empty_tuple, "()"},
      {mark + none + yes + tuple, "(None,True)"},
      {none + tuple1, "(None)"},
      {none + yes + tuple2, "(None,True)"},
      {none + yes + no + tuple3, "(None,True,False)"},
      {empty_list, "[]"},
      {empty_list + none + append + mark + yes + no + appends, "[None,True,False]"},
      {empty_dict + text("a") + none + setitem + mark + text("b") + yes + setitems,
       "{'a',None,'b',True}"},
      {empty_list + put(0) + get(0) + tuple2, "([],[])"},
      {empty_list + "r" + u32_bytes(0) + "j" + u32_bytes(0) + tuple2, "([],[])"},
      {empty_list + put(0) + empty_tuple + get(0) + none + append + tuple3.substr(0, 0) + tuple3,
       "([None],(),[None])"},
      {text("a") + memoize + get(0) + tuple2, "('a','a')"},
      {"\x95" + testing::little_endian(std::uint64_t{2}) + none, "None"},
      {global("torch", "qint8"), "global 1"},
      {text("torch") + text("qint8") + stack_global, "global 1"},
      {global("torch", "Size") + integers({2, 3}) + tuple1 + reduce, "(2,3)"},
      {global("torch", "rebuild") + none + tuple1 + reduce, "global 3(None)"},
      {ordered_dict, "{}"},
      // As Python 2 has it.
      {global("collections", "OrderedDict") + empty_list + mark + empty_list + mark + text("a") +
           none + appends + text("b") + yes + tuple2 + appends + tuple1 + reduce,
       "{'a',None,'b',True}"},
      {ordered_dict + empty_dict + text("_metadata") + none + setitem + build,
       "{}|{'_metadata',None}"},
      {global("__torch__.a.b", "C") + empty_tuple + newobj + none + tuple1 + build,
       "object|(None)"},
      {text("key") + persistent, "id'key'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    std::string bytes = proto + row.bytes + stop;
    const Pickle pickle = read(bytes);
    CHECK(shown(pickle.values, pickle.root) == row.value);
    CHECK(pickle.size == bytes.size());
    // Whatever follows is not the pickle's.
    bytes += "behind it";
    CHECK(read(bytes).size == bytes.size() - 9);
  }
  for (const std::string version : {"\x80\x03", "\x80\x04", "\x80\x05"}) {
    CHECK(complaint(version + none + stop) == "(nothing thrown)");
  }
}

TEST_CASE("a list may hold itself, and is a value all the same") {
  const Pickle pickle = read(proto + empty_list + put(0) + get(0) + append + stop);
  CHECK(shown(pickle.values, pickle.root, 4) == "[[[[...]]]]");
}

TEST_CASE("bad pickles") {
  const std::string expected_more = "byte 2: expected ";
  struct Row {
    std::string bytes, complaint;  // behind proto
  };
  const std::vector<Row> rows{
      {"", "byte 2: expected 1 more bytes, got 0"},
      {none, "byte 3: expected 1 more bytes, got 0"},
      {stop, "byte 2: expected a value on the stack, found none"},
      {none + none + stop, "byte 4: expected one value at the end, got more"},
      {none + mark + stop, "byte 4: expected a value on the stack, found none"},
      {proto + none + stop, "byte 2: expected an opcode that stores tensors, got 0x80"},
      {"\x95" + std::string(8, '\x7F') + none + stop,
       "byte 2: expected a frame of at most 2 bytes, got 9187201950435737471"},

      {"X" + u32_bytes(100) + "short", "byte 2: expected 100 more bytes, got 5"},
      {"X" + u32_bytes(0xFFFF'FFFF), "byte 2: expected 4294967295 more bytes, got 0"},
      {"\x8d" + std::string(8, '\xFF'), "byte 2: expected 18446744073709551615 more bytes, got 0"},
      {"T" + u32_bytes(0xFFFF'FFFF), "byte 2: expected a length, got a negative one"},
      {text("\xC0\x80") + stop, "byte 2: expected text in UTF-8, got other bytes"},
      {text("\xED\xA0\x80") + stop, "byte 2: expected text in UTF-8, got other bytes"},
      {"\x8a\x09zzz", "byte 2: expected 9 more bytes, got 3"},
      {"J\x01", "byte 2: expected 4 more bytes, got 1"},

      {tuple, "byte 2: expected a mark on the stack, found none"},
      {none + tuple2, "byte 3: expected a value on the stack, found none"},
      {none + mark + tuple1, "byte 4: expected a value on the stack, found none"},
      {none + append, "byte 3: expected a value on the stack, found none"},
      {none + none + append, "byte 4: expected a list to append to, got another value"},
      {empty_dict + mark + none + appends,
       "byte 5: expected a list to append to, got another value"},
      {empty_list + text("a") + none + setitem,
       "byte 10: expected a dict to set items of, got another value"},
      {empty_tuple + mark + none + none + setitems,
       "byte 6: expected a dict to set items of, got another value"},
      {empty_dict + mark + none + setitems, "byte 5: expected a value for each key, got one fewer"},

      {get(0), "byte 2: expected a number that the memo holds, got 0"},
      {none + put(1) + get(0), "byte 5: expected a number that the memo holds, got 0"},
      {"j" + u32_bytes(0xFFFF'FFFF),
       "byte 2: expected a number that the memo holds, got 4294967295"},
      {put(0), "byte 2: expected a value on the stack, found none"},
      {none + "r" + u32_bytes(0xFFFF'FFFF),
       "byte 3: expected values of at most 7340036 bytes, got more"},
      {none + put(0) + memoize, "byte 5: expected BINPUT as before, got MEMOIZE"},
      {none + memoize + put(1), "byte 4: expected MEMOIZE as before, got BINPUT"},

      {global("os", "system") + text("true") + tuple1 + reduce + stop,
       "byte 2: expected a name that stores tensors, got os.system, which bertq does not call"},
      {text("posix") + text("system") + stack_global,
       "byte 23: expected a name that stores tensors, got posix.system, which bertq does not "
       "call"},
      {global("builtins", "eval"),
       "byte 2: expected a name that stores tensors, got builtins.eval, which bertq does not "
       "call"},
      {global("__torch__evil", "C"),
       "byte 2: expected a name that stores tensors, got __torch__evil.C, which bertq does not "
       "call"},
      {global("torch", "Size\x1b[2J"),
       "byte 2: expected a name that stores tensors, got torch.Size\\x1b[2J, which bertq does "
       "not call"},
      {global("transformers.models.bert.modeling_bert", "BertModel") + put(0) + empty_tuple +
           newobj,
       "byte 2: expected tensors by name, got a whole object of class "
       "transformers.models.bert.modeling_bert.BertModel: save its state_dict() instead"},
      {mark + text("module") + global("__main__", "Net"),
       "byte 14: expected tensors by name, got a whole object of class __main__.Net: save its "
       "state_dict() instead"},
      {"cno end of line", "byte 2: expected a name, got no end of its line"},
      {"c" + std::string(2'000, 'a') + "\n", "byte 2: expected a name, got no end of its line"},
      {none + none + stack_global, "byte 4: expected a name, got another value"},

      {none + empty_tuple + reduce, "byte 4: expected a name to call, got another value"},
      {global("torch", "qint8") + empty_tuple + reduce,
       "byte 16: expected a name to call, got one that is not to be called"},
      {global("__torch__", "C") + empty_tuple + reduce,
       "byte 16: expected a name to call, got one that is not to be called"},
      {global("torch", "rebuild") + none + reduce,
       "byte 18: expected a tuple of arguments, got another value"},
      {global("torch", "Size") + empty_tuple + reduce, "byte 15: expected an argument, got none"},
      {global("collections", "OrderedDict") + none + tuple1 + reduce,
       "byte 29: expected a list of pairs, got another value"},
      {global("collections", "OrderedDict") + none + tuple1 + tuple1 + reduce,
       "byte 30: expected a pair, got another value"},
      {global("collections", "OrderedDict") + none + tuple1 + tuple1 + tuple1 + reduce,
       "byte 31: expected a pair, got another number of values"},
      {global("torch", "rebuild") + empty_tuple + newobj,
       "byte 18: expected a class, got another name"},
      {global("__torch__", "C") + none + tuple1 + newobj,
       "byte 17: expected no arguments of a class, got some"},
      {empty_list + none + build,
       "byte 4: expected an object or a dict to give a state to, got another value"},
      {empty_dict + none + build + none + build,
       "byte 6: expected one state of an object, got two"},
      {none + build, "byte 3: expected a value on the stack, found none"},
      {persistent, "byte 2: expected a value on the stack, found none"},
  };
  for (const Row& row : rows) CHECK(complaint(proto + row.bytes) == "p: " + row.complaint);
  CHECK(complaint("") == "p: byte 0: expected 1 more bytes, got 0");
  CHECK(complaint(none + stop) == "p: byte 0: expected a pickle of protocol 2 to 5, got 0x4e 0x2e");
  CHECK(complaint("\x80\x06" + none + stop) ==
        "p: byte 0: expected a pickle of protocol 2 to 5, got 0x80 0x06");
}

TEST_CASE("opcodes off the list are refused by number, all of them") {
  const std::string allowed =
      "\x95.(N\x88\x89JKM\x8aGUT\x8cX\x8d)t\x85\x86\x87]ae}suqr\x94hjc\x93R\x81"
      "bQ";
  for (int code = 0; code < 256; ++code) {
    const char opcode = static_cast<char>(code);
    if (allowed.find(opcode) != std::string::npos) continue;
    CAPTURE(code);
    CHECK(complaint(proto + opcode + std::string(32, 'N'))
              .starts_with("p: byte 2: expected an opcode that stores tensors, got 0x"));
  }
}

TEST_CASE("nothing that a pickle names is done") {
  const testing::TemporaryFolder folder;
  const std::string file = (folder / "done").string();
  for (const std::string module : {"os", "posix", "nt"}) {
    const std::string call = global(module, "system") + text("touch " + file) + tuple1 + reduce;
    CHECK(complaint(proto + call + stop).find(module + ".system") != std::string::npos);
  }
  CHECK(!std::filesystem::exists(file));
}

TEST_CASE("depth costs no stack, and size no more than memory allows") {
  constexpr std::size_t million = 1'000'000;
  const std::size_t allowance = std::size_t{16} << 20U;
  const auto repeated = [](std::size_t count, const std::string& opcodes) {
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) bytes += opcodes;
    return bytes;
  };
  const std::vector<std::string> pickles{
      proto + repeated(million, mark),
      proto + repeated(million, empty_list) + repeated(million - 1, append) + stop,
      proto + none + repeated(million, tuple1) + stop,
      proto + repeated(4 * million, none),
      proto + repeated(4 * million, empty_dict),
      proto + empty_list + put(0) + repeated(million, get(0) + append) + stop,
      proto + none + repeated(million, memoize) + stop,
      proto + repeated(300'000, "r" + u32_bytes(1'000'000)),
      proto + none + "r" + u32_bytes(1'000'000) + stop,
      // Dicts from one long list, again and again.
      proto + global("collections", "OrderedDict") + put(0) + empty_list +
          repeated(10'000, none + none + tuple2 + append) + tuple1 + put(1) +
          repeated(100'000, get(0) + get(1) + reduce),
  };
  for (const std::string& bytes : pickles) {
    CAPTURE(bytes.substr(0, 30));
    const auto source = open_memory(std::as_bytes(std::span(bytes)), "p");
    const testing::AllocationPeak peak;
    try {
      read_pickle(*source, 0, bytes.size(), names, {"p", 0});
    } catch (const FormatError& error) {
      CHECK(std::string_view(error.what()).starts_with("p: byte "));
    }
    CHECK(peak.bytes() <= 2 * bytes.size() + allowance);
  }
}

TEST_CASE("a pickle is read from the middle of a large source, and only as far as it goes") {
  const std::string pickle = proto + text(std::string(100'000, 'x')) + stop;
  const std::string bytes = "before" + pickle + std::string(20'000'000, '\0');
  const auto source = open_memory(std::as_bytes(std::span(bytes)), "p");
  const testing::AllocationPeak peak;
  const Pickle read = read_pickle(*source, 6, bytes.size() - 6, names, {"p", 6});
  CHECK(read.size == pickle.size());
  CHECK(read.values.text(read.root).size() == 100'000);
  CHECK(peak.bytes() < 2'000'000);
  CHECK(testing::thrown_message<FormatError>([&] {
          read_pickle(*source, 6, 50'000, names, {"p", 6});
        }) == "p: byte 8: expected 100000 more bytes, got 49993");
}

}  // namespace
}  // namespace bertq::loaders
