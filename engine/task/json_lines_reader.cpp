#include "engine/task/json_lines_reader.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "bertq/error.h"
#include "engine/task/line_reader.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::json;

constexpr int deepest_nesting = 64;  // of objects and arrays in a line

Json parse_object(std::string_view line, const LineReader& lines) {
  const auto shallow = [&](int depth, Json::parse_event_t, const Json&) {
    if (depth <= deepest_nesting) return true;
    lines.refuse("expected objects and arrays at most " + std::to_string(deepest_nesting) +
                 " deep, got more");
  };
  try {
    Json json = Json::parse(line, shallow);
    if (json.is_object()) return json;
    lines.refuse(std::string("expected a JSON object, got ") + json.type_name());
  } catch (const Json::parse_error& error) {
    lines.refuse("expected JSON, got something else at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {  // a number beyond double
    lines.refuse("expected JSON, got a number out of range");
  }
}

std::string text_at(const Json& object, const std::string& key, const LineReader& lines) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) return found->get<std::string>();
  lines.refuse("key \"" + loaders::printable(key) + "\": expected a string, got " +
               (found == object.end() ? "none" : found->type_name()));
}

// As it would stand in a table. Empty: neither a string nor a number.
std::string label_text(const Json& label) {
  if (label.is_string()) return label.get<std::string>();
  return label.is_number() ? label.dump() : "";
}

Example read_object(const JsonLinesForm& form, const Json& object, bool labelled,
                    const LineReader& lines) {
  Example example;
  example.text = text_at(object, form.text, lines);
  if (!form.pair.empty()) example.pair = text_at(object, form.pair, lines);
  if (!labelled) return example;
  const auto found = object.find(form.label);
  const std::string label = found == object.end() ? "" : label_text(*found);
  if (label.empty() || !take_label(form.label_form, label, example)) {
    lines.refuse("key \"" + loaders::printable(form.label) + "\": expected " +
                 expected_label(form.label_form) + ", got " +
                 (found == object.end() ? "none" : loaders::printable(found->dump(-1, ' ', true))));
  }
  return example;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

ExampleSet read_json_lines(const JsonLinesForm& form, const loaders::ByteSource& source) {
  LineReader lines(source);
  ExampleSet set;
  set.name = source.name();
  std::string_view line;
  while (lines.next(line)) {
    if (is_blank(line)) continue;
    const Json object = parse_object(line, lines);
    if (set.examples.empty()) {
      set.labelled = form.label_is_required || (!form.label.empty() && object.contains(form.label));
    }
    set.examples.push_back(read_object(form, object, set.labelled, lines));
  }
  if (set.examples.empty()) {
    throw Error(ErrorKind::input, source.name() + ": expected lines of JSON, got none");
  }
  return set;
}

}  // namespace bertq::engine
