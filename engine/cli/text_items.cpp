#include "engine/cli/text_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/task/evaluate.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t batch_items = 256;

tokenizer::Encoding encode(const Json& object, const tokenizer::Tokenizer& tokenizer,
                           const TextItemReader::Limits& limits) {
  const std::string& text = required_string(object, "text");
  const std::string* const pair = string_member(object, "text_pair");
  const auto second = pair == nullptr ? std::nullopt : std::optional<std::string_view>(*pair);
  auto encoding = tokenizer.encode(text, second, limits.truncate ? limits.max_tokens : 0);
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
    item.object = parse_json_object(kind, line);
    item.encoding = encode(item.object, tokenizer_, limits_);
  } catch (const BadLine& bad) {
    item.error = bad_.add(lines_, bad.why);
  } catch (const tokenizer::TokenizerError& bad) {
    item.error = bad_.add(lines_, bad.what());
  }
  return item;
}

Json error_object(const TextItem& item) {
  Json object = item.object;
  object["error"] = item.error;
  return object;
}

}  // namespace bertq::engine::cli
