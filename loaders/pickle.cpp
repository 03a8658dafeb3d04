#include "loaders/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "loaders/little_endian.h"
#include "loaders/pickle_stack.h"
#include "loaders/printable.h"
#include "loaders/utf8.h"

namespace bertq::loaders {
namespace {

constexpr std::size_t first_window = 512, window_growth = 8;
constexpr std::size_t memory_base = std::size_t{7} << 20U;
constexpr std::size_t longest_line = 1'000;

// The pickle goes on behind the bytes that were read.
struct Incomplete {};

std::string hexadecimal(unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  return {'0', 'x', digits[byte >> 4U], digits[byte & 0xFU]};
}

class Machine {
 public:
  // `whole`: nothing of the source lies behind `bytes`.
  Machine(std::vector<std::byte> bytes, bool whole, const PickleNames& names,
          const PicklePlace& place)
      : memory_limit_(bytes.size() / 2 + memory_base),
        values_(std::move(bytes), memory_limit_),
        stack_(values_),
        whole_(whole),
        names_(names),
        place_(place) {}

  Pickle run() {
    try {
      proto();
      while (!root_) step();
    } catch (const PickleFault& fault) {
      fail(fault.what);
    } catch (const std::length_error&) {
      fail("expected values of at most " + std::to_string(memory_limit_) + " bytes, got more");
    }
    return {std::move(values_), *root_, at_};
  }

 private:
  using Handler = void (Machine::*)();
  struct Opcode {
    unsigned char code;
    Handler handler;
  };
  static const std::array<Opcode, 38> opcodes;
  static std::array<Handler, 256> make_handlers() {
    std::array<Handler, 256> handlers{};
    for (const Opcode& opcode : opcodes) handlers[opcode.code] = opcode.handler;
    return handlers;
  }

  // Messages name the opcode's own offset.
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(place_.file + ": byte " + std::to_string(place_.offset + opcode_at_) + ": " +
                      what);
  }

  void step() {
    static const std::array<Handler, 256> handlers = make_handlers();
    opcode_at_ = at_;
    const auto code = number<unsigned char>();
    const Handler handler = handlers[code];
    if (handler == nullptr) {
      fail("expected an opcode that stores tensors, got " + hexadecimal(code));
    }
    (this->*handler)();
  }

  // The pickle's bytes.
  std::size_t take(std::uint64_t count) {
    const std::size_t left = values_.bytes().size() - at_;
    if (count > left) {
      if (!whole_) throw Incomplete();
      fail("expected " + std::to_string(count) + " more bytes, got " + std::to_string(left));
    }
    return std::exchange(at_, at_ + static_cast<std::size_t>(count));
  }
  template <typename T>
  T number() {
    return load_little_endian<T>(values_.bytes(), take(sizeof(T)));
  }
  std::string_view line() {
    const auto left = values_.bytes().subspan(at_);
    const std::string_view text(reinterpret_cast<const char*>(left.data()),
                                std::min(left.size(), longest_line));
    const std::size_t length = text.find('\n');
    if (length == std::string_view::npos) {
      if (!whole_ && text.size() < longest_line) throw Incomplete();
      fail("expected a name, got no end of its line");
    }
    take(length + 1);
    return text.substr(0, length);
  }

  // Structure.
  void proto() {
    constexpr unsigned char proto_code = 0x80, oldest = 2, newest = 5;
    const auto code = number<unsigned char>(), version = number<unsigned char>();
    if (code == proto_code && version >= oldest && version <= newest) return;
    fail("expected a pickle of protocol 2 to 5, got " + hexadecimal(code) + " " +
         hexadecimal(version));
  }
  void frame() {
    const auto length = number<std::uint64_t>();
    const std::size_t left = values_.bytes().size() - at_;
    if (whole_ && length > left) {
      fail("expected a frame of at most " + std::to_string(left) + " bytes, got " +
           std::to_string(length));
    }
  }
  void stop() {
    const PickleIndex root = stack_.pop();
    if (!stack_.is_empty()) fail("expected one value at the end, got more");
    root_ = root;
  }
  void mark() { stack_.mark(); }

  // Plain values.
  void none() { stack_.push(values_.add_none()); }
  void newtrue() { stack_.push(values_.add_boolean(true)); }
  void newfalse() { stack_.push(values_.add_boolean(false)); }
  template <typename T>
  void integer() {
    stack_.push(values_.add_integer(number<T>()));
  }
  void long1() {
    const std::size_t length = number<unsigned char>();
    const std::size_t begin = take(length);
    if (length > sizeof(std::int64_t)) {
      return stack_.push(values_.add_slice(PickleKind::long_integer, begin, length));
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; ++i) {
      value |= std::to_integer<std::uint64_t>(values_.bytes()[begin + i]) << (8 * i);
    }
    const bool negative = length > 0 && (value >> (8 * length - 1)) != 0;
    if (negative && length < sizeof value) value |= ~std::uint64_t{0} << (8 * length);
    stack_.push(values_.add_integer(std::bit_cast<std::int64_t>(value)));
  }
  void binfloat() {
    stack_.push(
        values_.add_real(std::bit_cast<double>(__builtin_bswap64(number<std::uint64_t>()))));
  }
  template <typename Length>
  void string() {
    const auto length = number<Length>();
    if (std::is_signed_v<Length> && length < 0) fail("expected a length, got a negative one");
    const std::size_t begin = take(static_cast<std::uint64_t>(length));
    const PickleIndex text = values_.add_slice(PickleKind::text, begin, at_ - begin);
    if (!is_utf8(values_.text(text))) fail("expected text in UTF-8, got other bytes");
    stack_.push(text);
  }

  // Containers.
  void empty_tuple() { stack_.push(values_.add_tuple(std::array<PickleIndex, 0>{})); }
  void tuple() { stack_.push(values_.add_tuple(stack_.pop_marked())); }
  template <std::size_t count>
  void short_tuple() {
    std::array<PickleIndex, count> items{};
    for (std::size_t i = count; i-- > 0;) items[i] = stack_.pop();
    stack_.push(values_.add_tuple(items));
  }
  void empty_list() { stack_.push(values_.add_container(PickleKind::list)); }
  void empty_dict() { stack_.push(values_.add_container(PickleKind::dict)); }
  void append() {
    const PickleIndex item = stack_.pop();
    values_.append(stack_.top_kind(PickleKind::list, "a list to append to"), item);
  }
  void appends() {
    const std::vector<PickleIndex> items = stack_.pop_marked();
    const PickleIndex list = stack_.top_kind(PickleKind::list, "a list to append to");
    for (const PickleIndex item : items) values_.append(list, item);
  }
  void setitem() {
    const PickleIndex value = stack_.pop(), key = stack_.pop();
    const PickleIndex dict = stack_.top_kind(PickleKind::dict, "a dict to set items of");
    values_.append(dict, key);
    values_.append(dict, value);
  }
  void setitems() {
    const std::vector<PickleIndex> items = stack_.pop_marked();
    if (items.size() % 2 != 0) fail("expected a value for each key, got one fewer");
    const PickleIndex dict = stack_.top_kind(PickleKind::dict, "a dict to set items of");
    for (const PickleIndex item : items) values_.append(dict, item);
  }

  // The memo.
  void memoize() { stack_.memoize(); }
  template <typename T>
  void binput() {
    stack_.put(number<T>());
  }
  template <typename T>
  void binget() {
    stack_.push(stack_.get(number<T>()));
  }

  // Names, and what a pickle would like to do with them.
  void global() {
    const std::string_view module = line();
    const std::string_view name = line();
    push_global(module, name);
  }
  void stack_global() {
    const PickleIndex name = stack_.pop_kind(PickleKind::text, "a name");
    const PickleIndex module = stack_.pop_kind(PickleKind::text, "a module's name");
    push_global(values_.text(module), values_.text(name));
  }
  void push_global(std::string_view module, std::string_view name) {
    const auto known = std::find_if(
        names_.known.begin(), names_.known.end(),
        [&](const PickleName& row) { return row.module == module && row.name == name; });
    if (known == names_.known.end() && !is_class(module)) refuse_name(module, name);
    stack_.push(values_.add_global(static_cast<std::size_t>(known - names_.known.begin())));
  }
  bool is_class(std::string_view module) const {
    const std::string_view root = names_.class_root;
    return !root.empty() && module.starts_with(root) &&
           (module.size() == root.size() || module[root.size()] == '.');
  }
  [[noreturn]] void refuse_name(std::string_view module, std::string_view name) {
    const std::string full = printable(module) + "." + printable(name);
    if (begins_object()) {
      fail("expected tensors by name, got a whole object of class " + full +
           ": save its state_dict() instead");
    }
    fail("expected a name that stores tensors, got " + full + ", which bertq does not call");
  }
  // Whether the name at hand is that of the class whose object all of the pickle is: nothing but it
  // so far, then perhaps a memo, no arguments, NEWOBJ. Before torch 1.6 it came with its source.
  bool begins_object() const {
    if (!stack_.is_empty()) return stack_.has_on_top("module");
    auto rest = values_.bytes().subspan(at_);
    constexpr std::byte put{'q'}, memoize_code{0x94}, no_arguments{')'}, newobj_code{0x81};
    if (!rest.empty() && rest[0] == memoize_code) rest = rest.subspan(1);
    if (rest.size() > 1 && rest[0] == put) rest = rest.subspan(2);
    return rest.size() > 1 && rest[0] == no_arguments && rest[1] == newobj_code;
  }

  void reduce() {
    const PickleIndex arguments = stack_.pop_kind(PickleKind::tuple, "a tuple of arguments");
    const PickleIndex callee = stack_.pop_kind(PickleKind::global, "a name to call");
    const std::size_t name = values_.global(callee);
    const PickleRole role =
        name < names_.known.size() ? names_.known[name].role : PickleRole::constant;
    switch (role) {
      case PickleRole::constant:
        fail("expected a name to call, got one that is not to be called");
      case PickleRole::call:
        return stack_.push(values_.add_call(callee, arguments));
      case PickleRole::dict:
        return stack_.push(dict_of(arguments));
      case PickleRole::first_argument:
        if (values_.size(arguments) == 0) fail("expected an argument, got none");
        return stack_.push(values_.item(arguments, 0));
    }
  }
  // OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it.
  PickleIndex dict_of(PickleIndex arguments) {
    const PickleIndex dict = values_.add_container(PickleKind::dict);
    if (values_.size(arguments) == 0) return dict;
    const PickleIndex pairs = values_.item(arguments, 0);
    if (!is_sequence(pairs)) fail("expected a list of pairs, got another value");
    PickleValues::Cursor cursor = values_.begin(pairs);
    while (const std::optional<PickleIndex> pair = values_.next(cursor)) {
      if (!is_sequence(*pair)) fail("expected a pair, got another value");
      PickleValues::Cursor parts = values_.begin(*pair);
      const std::optional<PickleIndex> key = values_.next(parts), value = values_.next(parts);
      if (!key || !value || values_.next(parts))
        fail("expected a pair, got another number of values");
      values_.append(dict, *key);
      values_.append(dict, *value);
    }
    return dict;
  }
  bool is_sequence(PickleIndex value) const {
    return values_.is(value, PickleKind::list) || values_.is(value, PickleKind::tuple);
  }

  void newobj() {
    const PickleIndex arguments = stack_.pop_kind(PickleKind::tuple, "a tuple of arguments");
    const PickleIndex callee = stack_.pop_kind(PickleKind::global, "a class");
    if (values_.global(callee) < names_.known.size()) fail("expected a class, got another name");
    if (values_.size(arguments) != 0) fail("expected no arguments of a class, got some");
    stack_.push(values_.add_object());
  }
  void build() {
    const PickleIndex state = stack_.pop(), value = stack_.top();
    if (!values_.is(value, PickleKind::dict) && !values_.is(value, PickleKind::object)) {
      fail("expected an object or a dict to give a state to, got another value");
    }
    if (!values_.set_state(value, state)) fail("expected one state of an object, got two");
  }
  void binpersid() { stack_.push(values_.add_persistent(stack_.pop())); }

  std::size_t memory_limit_;
  PickleValues values_;
  PickleStack stack_;
  bool whole_;
  const PickleNames& names_;
  const PicklePlace& place_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::optional<PickleIndex> root_;
};

// Those of pickletools' list that store tensors. PROTO is only a pickle's beginning.
const std::array<Machine::Opcode, 38> Machine::opcodes{{
    {0x95, &Machine::frame},
    {'.', &Machine::stop},
    {'(', &Machine::mark},
    {'N', &Machine::none},
    {0x88, &Machine::newtrue},
    {0x89, &Machine::newfalse},
    {'J', &Machine::integer<std::int32_t>},   // BININT
    {'K', &Machine::integer<std::uint8_t>},   // BININT1
    {'M', &Machine::integer<std::uint16_t>},  // BININT2
    {0x8a, &Machine::long1},
    {'G', &Machine::binfloat},
    {'U', &Machine::string<std::uint8_t>},    // SHORT_BINSTRING
    {'T', &Machine::string<std::int32_t>},    // BINSTRING
    {0x8c, &Machine::string<std::uint8_t>},   // SHORT_BINUNICODE
    {'X', &Machine::string<std::uint32_t>},   // BINUNICODE
    {0x8d, &Machine::string<std::uint64_t>},  // BINUNICODE8
    {')', &Machine::empty_tuple},
    {'t', &Machine::tuple},
    {0x85, &Machine::short_tuple<1>},
    {0x86, &Machine::short_tuple<2>},
    {0x87, &Machine::short_tuple<3>},
    {']', &Machine::empty_list},
    {'a', &Machine::append},
    {'e', &Machine::appends},
    {'}', &Machine::empty_dict},
    {'s', &Machine::setitem},
    {'u', &Machine::setitems},
    {'q', &Machine::binput<std::uint8_t>},
    {'r', &Machine::binput<std::uint32_t>},  // LONG_BINPUT
    {0x94, &Machine::memoize},
    {'h', &Machine::binget<std::uint8_t>},
    {'j', &Machine::binget<std::uint32_t>},  // LONG_BINGET
    {'c', &Machine::global},
    {0x93, &Machine::stack_global},
    {'R', &Machine::reduce},
    {0x81, &Machine::newobj},
    {'b', &Machine::build},
    {'Q', &Machine::binpersid},
}};

}  // namespace

Pickle read_pickle(const ByteSource& source, std::uint64_t offset, std::uint64_t limit,
                   const PickleNames& names, const PicklePlace& place) {
  const std::uint64_t in_file = offset < source.size() ? source.size() - offset : 0;
  const std::uint64_t rest = std::min(in_file, limit);
  const std::uint64_t most = std::min(rest, pickle_bytes_limit);
  std::uint64_t window = std::min<std::uint64_t>(most, first_window);
  while (true) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(window));
    source.read(offset, bytes);
    try {
      return Machine(std::move(bytes), window == rest, names, place).run();
    } catch (const Incomplete&) {
      if (window == most) break;
      window = std::min(most, window * window_growth);
    }
  }
  throw FormatError(place.file + ": byte " + std::to_string(place.offset) +
                    ": expected a pickle of at most " + std::to_string(pickle_bytes_limit) +
                    " bytes, got a longer one");
}

}  // namespace bertq::loaders
