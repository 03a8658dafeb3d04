#include "engine/cli/text_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "bertq/error.h"
#include "engine/task/evaluate.h"

namespace bertq::cli {
namespace {

constexpr std::size_t batch_items = 256;
constexpr int deepest_nesting = 64;  // of objects and arrays in a line

// Why a line cannot be used.
struct BadLine {
  std::string why;
};

Json parse_object(std::string_view line) {
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > deepest_nesting) {
      throw BadLine{fmt::format("nested more than {} deep", deepest_nesting)};
    }
    return true;
  };
  try {
    Json json = Json::parse(line, shallow);
    if (!json.is_object()) {
      throw BadLine{fmt::format("expected a JSON object, got {}", json.type_name())};
    }
    return json;
  } catch (const Json::parse_error& error) {
    throw BadLine{fmt::format("expected JSON, got something else at byte {}", error.byte)};
  } catch (const Json::exception&) {  // a number beyond double
    throw BadLine{"expected JSON, got a number out of range"};
  }
}

const std::string* string_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  if (found->is_string()) return found->get_ptr<const std::string*>();
  throw BadLine{fmt::format("expected a string in \"{}\", got {}", key, found->type_name())};
}

tokenizer::Encoding encode(const Json& object, const tokenizer::Tokenizer& tokenizer,
                           const TextItemReader::Limits& limits) {
  const std::string* const text = string_member(object, "text");
  if (text == nullptr) throw BadLine{"expected a string in \"text\", got none"};
  const std::string* const pair = string_member(object, "text_pair");
  const auto second = pair == nullptr ? std::nullopt : std::optional<std::string_view>(*pair);
  auto encoding = tokenizer.encode(*text, second, limits.truncate ? limits.max_tokens : 0);
  if (encoding.size() > limits.max_tokens) {
    throw BadLine{fmt::format("expected at most {} tokens, got {} (--truncate cuts them)",
                              limits.max_tokens, encoding.size())};
  }
  return encoding;
}

}  // namespace

TextItemReader::TextItemReader(LineSource& lines, const tokenizer::Tokenizer& tokenizer,
                               const Limits& limits)
    : lines_(lines), tokenizer_(tokenizer), limits_(limits) {}

std::vector<TextItem> TextItemReader::next_batch() {
  std::vector<TextItem> items;
  std::size_t tokens = 0;
  do {
    std::string_view line;
    const auto kind = lines_.next(line);
    if (kind == LineSource::Next::end) break;
    items.push_back(read_item(kind, line));
    tokens += items.back().encoding.size();
  } while (!is_full(items, tokens));
  return items;
}

bool TextItemReader::is_full(const std::vector<TextItem>& items, std::size_t tokens) {
  if (limits_.batch == 0) {
    return items.size() >= batch_items || tokens >= batch_tokens || !lines_.ready();
  }
  const auto good =
      std::count_if(items.begin(), items.end(), [](const TextItem& item) { return item.good(); });
  return static_cast<std::size_t>(good) >= limits_.batch;
}

TextItem TextItemReader::read_item(LineSource::Next kind, std::string_view line) {
  TextItem item;
  try {
    if (kind == LineSource::Next::too_long) {
      throw BadLine{fmt::format("expected at most {} bytes, got more", longest_line)};
    }
    item.object = parse_object(line);
    item.encoding = encode(item.object, tokenizer_, limits_);
  } catch (const BadLine& bad) {
    item.error = bad.why;
  } catch (const tokenizer::TokenizerError& bad) {
    item.error = bad.what();
  }
  if (!item.good()) {
    item.error = fmt::format("{}: line {}: {}", lines_.name(), lines_.line_number(), item.error);
    if (bad_++ == 0) first_error_ = item.error;
  }
  return item;
}

void TextItemReader::check_all_good() const {
  if (bad_ == 0) return;
  throw Error(
      ErrorKind::input,
      bad_ == 1 ? first_error_ : fmt::format("{} (and {} more lines)", first_error_, bad_ - 1));
}

Json error_object(const TextItem& item) {
  Json object = item.object;
  object["error"] = item.error;
  return object;
}

}  // namespace bertq::cli
