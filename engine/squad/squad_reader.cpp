#include "engine/squad/squad_reader.h"

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "bertq/error.h"
#include "loaders/json_walk.h"
#include "loaders/printable.h"
#include "tokenizer/utf8.h"

namespace bertq::engine {
namespace {

using loaders::JsonKind;
using loaders::JsonValue;

constexpr std::uint64_t longest_file = 256U << 20U;         // bytes; v2.0's train set has 42e6
constexpr loaders::JsonLimits json_limits{32, 16U << 20U};  // extra keys may be nested deeper

// The arrays of objects that are in one another, from the root.
enum Level : std::size_t { article, paragraph, question, answer, levels };
constexpr std::array<std::string_view, levels> arrays{"data", "paragraphs", "qas", "answers"};

struct Answer {
  std::optional<std::string> text;
  std::optional<std::uint64_t> start;  // code points
};

struct Question {
  std::optional<std::string> id, text;
  std::optional<bool> impossible;
  std::optional<std::vector<Answer>> answers;
};

struct Paragraph {
  std::optional<std::string> context;
  std::optional<std::vector<Question>> questions;
};

// Where each code point of a text begins, and where the last one ends.
std::vector<std::uint32_t> code_point_offsets(std::string_view text) {
  std::vector<std::uint32_t> offsets;
  for (std::size_t at = 0; at < text.size(); at += tokenizer::decode_utf8(text, at).length) {
    offsets.push_back(static_cast<std::uint32_t>(at));
  }
  offsets.push_back(static_cast<std::uint32_t>(text.size()));
  return offsets;
}

std::string in_quotes(std::string_view text) {
  return std::string("'").append(loaders::printable(text)).append("'");
}

// Collects one paragraph at a time: its context may come after its questions.
class SquadVisitor final : public loaders::JsonVisitor {
 public:
  SquadVisitor(SquadVersion version, const std::string& file) : version_(version) {
    examples_.name = file;
  }

  void value(std::span<const std::string> path, bool in_array, const JsonValue& value) override {
    if (open_.empty()) check(value, JsonKind::object, "an object with \"data\"");
    const Opened level = in_known_place(path) ? take(path, in_array, value) : Opened::other;
    if (value.kind == JsonKind::object || value.kind == JsonKind::array) open_.push_back(level);
  }

  void end(std::span<const std::string> path) override {
    const Opened ended = open_.back();
    open_.pop_back();
    if (ended == Opened::root && !has_data_) refuse_absent("\"data\"");
    if (ended != Opened::element) return;
    level_ = path.size() - 1;
    if (level_ == article && !has_paragraphs_) refuse_absent("\"paragraphs\"");
    if (level_ == paragraph) finish_paragraph();
  }

  SquadExamples finish() {
    if (examples_.questions.empty()) {
      throw Error(ErrorKind::input, examples_.name + ": expected questions, got none");
    }
    examples_.labelled = labelled_.value_or(false);
    return std::move(examples_);
  }

 private:
  enum class Opened : std::uint8_t { root, array, element, other };

  // Whether all arrays on the way are those of the format.
  static bool in_known_place(std::span<const std::string> path) {
    if (path.size() > levels + 1) return false;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
      if (path[i] != arrays[i]) return false;
    }
    return true;
  }

  Opened take(std::span<const std::string> path, bool in_array, const JsonValue& value) {
    if (path.empty()) return in_array ? Opened::other : Opened::root;
    const std::size_t level = path.size() - 1;
    key_ = path.back();
    if (level < levels && key_ == arrays[level]) {
      level_ = level;
      if (!in_array) return open_array(value);
      ++index_[level];
      key_ = {};
      check(value, JsonKind::object, "an object");
      begin_element();
      return Opened::element;
    }
    if (level > 0 && !in_array) take_member(static_cast<Level>(level - 1), value);
    return Opened::other;
  }

  Opened open_array(const JsonValue& value) {
    // The place of an array is that of the element which it is a member of.
    index_[level_] = 0;
    check(value, JsonKind::array, "an array");
    switch (level_) {
      case article:
        once(has_data_);
        break;
      case paragraph:
        once(has_paragraphs_);
        break;
      case question:
        set(paragraph_.questions, {});
        break;
      default:
        set(current_question().answers, {});
    }
    return Opened::array;
  }

  void begin_element() {
    if (level_ == article) has_paragraphs_ = false;
    if (level_ == paragraph) paragraph_ = {};
    if (level_ == question) paragraph_.questions->emplace_back();
    if (level_ == answer) current_question().answers->emplace_back();
  }

  void take_member(Level of, const JsonValue& value) {
    level_ = of;
    if (of == paragraph && key_ == "context") set(paragraph_.context, string(value));
    if (of == question && key_ == "id") set(current_question().id, string(value));
    if (of == question && key_ == "question") set(current_question().text, string(value));
    if (of == question && key_ == "is_impossible") {
      set(current_question().impossible, boolean(value));
    }
    if (of != answer) return;
    Answer& current = current_question().answers->back();
    if (key_ == "text") set(current.text, string(value));
    if (key_ == "answer_start") {
      check(value, JsonKind::natural, "a whole number of code points");
      set(current.start, value.natural);
    }
  }

  void finish_paragraph() {
    index_[question] = 0;
    if (!paragraph_.context) refuse_absent("\"context\"");
    if (!paragraph_.questions) refuse_absent("\"qas\"");
    const auto offsets = code_point_offsets(*paragraph_.context);
    for (Question& asked : *paragraph_.questions) {
      level_ = question;
      ++index_[question];
      finish_question(asked, offsets);
    }
    examples_.contexts.push_back(std::move(*paragraph_.context));
  }

  void finish_question(Question& asked, std::span<const std::uint32_t> offsets) {
    if (!asked.id) refuse_absent("\"id\"");
    if (!asked.text) refuse_absent("\"question\"");
    key_ = "id";
    if (!ids_.insert(*asked.id).second) {
      refuse("expected an id of its own, got " + in_quotes(*asked.id) + " once more");
    }
    key_ = "answers";
    if (asked.answers.has_value() != labelled_.value_or(asked.answers.has_value())) {
      refuse(std::string("expected ") + (*labelled_ ? "answers" : "no answers") +
             " as in the questions before, got " + (*labelled_ ? "none" : "some"));
    }
    labelled_ = asked.answers.has_value();
    SquadQuestion taken{
        std::move(*asked.id), std::move(*asked.text), examples_.contexts.size(), {}};
    if (asked.answers) {
      check_answerable(asked);
      index_[answer] = 0;
      for (Answer& given : *asked.answers) {
        level_ = answer;
        ++index_[answer];
        check_answer(given, offsets);
        taken.answers.push_back(std::move(*given.text));
      }
    }
    examples_.questions.push_back(std::move(taken));
  }

  void check_answerable(const Question& asked) const {
    const bool none = asked.answers->empty();
    if (version_ == SquadVersion::v1_1 && none) {
      refuse("expected an answer, got none (task squad_v2 has questions without)");
    }
    if (asked.impossible.value_or(false) && !none) {
      refuse("expected none as \"is_impossible\" is true, got " +
             std::to_string(asked.answers->size()));
    }
  }

  void check_answer(const Answer& given, std::span<const std::uint32_t> offsets) {
    key_ = {};
    if (!given.text) refuse_absent("\"text\"");
    if (!given.start) refuse_absent("\"answer_start\"");
    key_ = "text";
    if (given.text->empty()) refuse("expected words of the context, got an empty string");
    key_ = "answer_start";
    const std::size_t length = offsets.size() - 1;
    if (*given.start >= length) {
      refuse("expected less than the " + std::to_string(length) +
             " code points of the context, got " + std::to_string(*given.start));
    }
    const std::string_view rest =
        std::string_view(*paragraph_.context).substr(offsets[*given.start]);
    if (!rest.starts_with(*given.text)) {
      refuse("expected " + in_quotes(*given.text) + " at code point " +
             std::to_string(*given.start) + " of the context, got " +
             in_quotes(rest.substr(0, given.text->size())));
    }
  }

  Question& current_question() { return paragraph_.questions->back(); }

  std::string string(const JsonValue& value) const {
    check(value, JsonKind::string, "a string");
    return std::string(value.text);
  }
  bool boolean(const JsonValue& value) const {
    if (value.kind != JsonKind::other || (value.text != "true" && value.text != "false")) {
      refuse("expected true or false, got " + described(value));
    }
    return value.text == "true";
  }
  void check(const JsonValue& value, JsonKind kind, const std::string& expected) const {
    if (value.kind != kind) refuse("expected " + expected + ", got " + described(value));
  }

  template <typename T>
  void set(std::optional<T>& member, T value) const {
    if (member) refuse("expected this key once, got it twice");
    member = std::move(value);
  }
  void once(bool& seen) const {
    if (seen) refuse("expected this key once, got it twice");
    seen = true;
  }

  [[noreturn]] void refuse_absent(const std::string& key) const {
    refuse("expected " + key + ", got an object without it", false);
  }
  [[noreturn]] void refuse(const std::string& why, bool with_key = true) const {
    std::string place;
    const auto add = [&](std::string_view name) {
      if (!place.empty()) place += '.';
      place += name;
    };
    for (std::size_t level = 0; level <= level_ && index_[level] > 0; ++level) {
      add(arrays[level]);
      place += '[';
      place += std::to_string(index_[level] - 1);
      place += ']';
    }
    if (with_key && !key_.empty()) add(key_);
    if (!place.empty()) place += ": ";
    throw Error(ErrorKind::input, examples_.name + ": " + place + why);
  }

  SquadVersion version_;
  SquadExamples examples_;
  std::optional<bool> labelled_;
  std::unordered_set<std::string> ids_;
  Paragraph paragraph_;
  bool has_data_ = false, has_paragraphs_ = false;
  std::vector<Opened> open_;
  // The place in the file: up to `level_`, which element (from 1) of each array; and the key there.
  std::size_t level_ = article;
  std::array<std::size_t, levels> index_{};
  std::string_view key_;
};

}  // namespace

SquadExamples read_squad(SquadVersion version, const loaders::ByteSource& source) {
  std::string text = loaders::read_text(source, longest_file);
  std::string_view json = text;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  const bool marked = json.starts_with(byte_order_mark);
  if (marked) json.remove_prefix(byte_order_mark.size());
  SquadVisitor visitor(version, source.name());
  loaders::walk_json(json, {source.name(), marked ? byte_order_mark.size() : 0}, visitor,
                     json_limits);
  return visitor.finish();
}

SquadExamples read_squad(SquadVersion version, const std::filesystem::path& path) {
  std::error_code none;
  if (!std::filesystem::is_directory(path, none)) {
    return read_squad(version, *loaders::open_file(path));
  }
  const char* const name = version == SquadVersion::v1_1 ? "dev-v1.1.json" : "dev-v2.0.json";
  if (!std::filesystem::exists(path / name, none)) {
    throw Error(ErrorKind::input,
                path.string() + ": expected " + name + " in this folder, got none");
  }
  return read_squad(version, *loaders::open_file(path / name));
}

}  // namespace bertq::engine
