#include "engine/cli/bench_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <random>
#include <string_view>
#include <utility>

#include "bertq/error.h"
#include "engine/cli/json_lines.h"
#include "engine/cli/line_source.h"
#include "engine/cli/task_data.h"
#include "engine/model/model_files.h"
#include "loaders/byte_source.h"

namespace bertq::engine::cli {
namespace {

constexpr std::size_t most_tokens = 1 << 18;  // of a shape
constexpr std::size_t most_texts = 1'000'000;
constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

[[noreturn]] void refuse_line(const LineSource& lines, std::string_view why) {
  throw Error(ErrorKind::input,
              fmt::format("{}: line {}: {}", lines.name(), lines.line_number(), why));
}

TextPair text_of_json(LineSource::Next kind, std::string_view line) {
  const Json object = parse_json_object(kind, line);
  TextPair text{required_string(object, "text"), std::nullopt};
  if (const std::string* const pair = string_member(object, "text_pair")) text.pair = *pair;
  return text;
}

TextPair text_of_line(LineSource::Next kind, std::string_view line) {
  if (kind == LineSource::Next::too_long) {
    throw BadLine{fmt::format("expected at most {} bytes, got more", longest_line)};
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return {std::string(line), std::nullopt};
  if (line.find('\t', tab + 1) != std::string_view::npos) {
    throw BadLine{"expected at most one tab, between the two texts of a pair, got more"};
  }
  return {std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))};
}

// A file whose first line begins with a brace is JSON Lines.
TextSet read_texts(const std::string& path) {
  LineSource lines(path);
  TextSet set{"texts", no_limit, {}};
  bool json = false;
  std::string_view line;
  for (auto kind = lines.next(line); kind != LineSource::Next::end; kind = lines.next(line)) {
    if (set.texts.empty()) json = kind == LineSource::Next::line && line.starts_with('{');
    if (set.texts.size() == most_texts) {
      refuse_line(lines, fmt::format("expected at most {} texts, got more", most_texts));
    }
    try {
      set.texts.push_back(json ? text_of_json(kind, line) : text_of_line(kind, line));
    } catch (const BadLine& bad) {
      refuse_line(lines, bad.why);
    }
  }
  if (set.texts.empty()) {
    throw Error(ErrorKind::input, lines.name() + ": expected a text a line, got none");
  }
  return set;
}

TextSet read_task_texts(const Arguments& arguments) {
  const Task& task = named_task(arguments.text("task"));
  TextSet set{std::string(task.name), task.max_tokens, {}};
  for (ExampleSet& examples : read_task_data(task, arguments)) {
    for (Example& example : examples.examples) {
      set.texts.push_back({std::move(example.text), std::move(example.pair)});
    }
  }
  return set;
}

struct Shape {
  std::size_t sequences = 0, shortest = 0, longest = 0;
};

// "8x128" or "8x16-128".
std::optional<Shape> parse_shape(std::string_view text) {
  Shape shape;
  const auto number = [&](std::size_t& value) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
    return parsed.ec == std::errc() && value != 0;
  };
  const auto skip = [&](char separator) {
    if (!text.starts_with(separator)) return false;
    text.remove_prefix(1);
    return true;
  };
  if (!number(shape.sequences) || !skip('x') || !number(shape.shortest)) return std::nullopt;
  shape.longest = shape.shortest;
  if (skip('-') && (!number(shape.longest) || shape.longest < shape.shortest)) return std::nullopt;
  if (!text.empty() || shape.sequences > most_tokens / shape.longest) return std::nullopt;
  return shape;
}

RequestSet random_requests(std::string_view text, const ModelConfig& config,
                           std::mt19937_64& random) {
  const auto shape = parse_shape(text);
  if (!shape) {
    throw Error(ErrorKind::usage,
                fmt::format("--shapes: expected batch x length as in 8x128 or 8x16-128, of at most "
                            "{} tokens, got '{}'",
                            most_tokens, text));
  }
  if (shape->longest > config.positions) {
    throw Error(ErrorKind::input,
                fmt::format("--shapes: expected at most the {} positions of the model, got {}",
                            config.positions, shape->longest));
  }
  RequestSet set;
  set.name = text;
  set.max_tokens = shape->longest;
  const std::size_t lengths = shape->longest - shape->shortest + 1;
  for (std::size_t i = 0; i < shape->sequences; ++i) {
    Request request;
    const std::size_t length = shape->shortest + (lengths == 1 ? 0 : random() % lengths);
    request.encoding.ids.resize(length);
    for (auto& id : request.encoding.ids) {
      id = static_cast<std::int32_t>(random() % config.vocabulary);
    }
    set.requests.push_back(std::move(request));
  }
  return set;
}

}  // namespace

std::vector<TextSet> read_text_sets(const Arguments& arguments) {
  std::vector<TextSet> sets;
  if (arguments.given("task")) sets.push_back(read_task_texts(arguments));
  if (arguments.given("texts")) sets.push_back(read_texts(arguments.text("texts")));
  if (arguments.given("max-seq-length")) {
    for (TextSet& set : sets) set.max_tokens = arguments.number("max-seq-length");
  }
  return sets;
}

std::size_t RequestSet::tokens() const {
  std::size_t sum = 0;
  for (const Request& request : requests) sum += request.encoding.size();
  return sum;
}

std::vector<tokenizer::Encoding> RequestSet::encodings() const {
  std::vector<tokenizer::Encoding> list;
  list.reserve(requests.size());
  for (const Request& request : requests) list.push_back(request.encoding);
  return list;
}

tokenizer::Encoding encode_text(const tokenizer::Tokenizer& tokenizer, const TextPair& text,
                                std::size_t max_tokens) {
  return tokenizer.encode(text.text, text.pair, max_tokens);
}

std::vector<RequestSet> encode_text_sets(std::span<const TextSet> sets,
                                         const tokenizer::Tokenizer* tokenizer,
                                         std::size_t max_tokens) {
  if (!sets.empty() && tokenizer == nullptr) {
    throw Error(ErrorKind::usage,
                "bench: --task and --texts need a tokenizer: --vocab, or -m of a model with one");
  }
  std::vector<RequestSet> list;
  for (const TextSet& texts : sets) {
    RequestSet set{texts.name, true, std::min(texts.max_tokens, max_tokens), 0, {}};
    set.requests.reserve(texts.texts.size());
    for (const TextPair& text : texts.texts) {
      set.requests.push_back({text, encode_text(*tokenizer, text, set.max_tokens)});
      set.cut += set.requests.back().encoding.truncated ? 1U : 0U;
    }
    list.push_back(std::move(set));
  }
  return list;
}

std::vector<RequestSet> random_request_sets(std::string_view shapes, const ModelConfig& config,
                                            std::uint64_t seed) {
  std::vector<RequestSet> list;
  std::mt19937_64 random(seed);
  while (!shapes.empty()) {
    const std::size_t comma = std::min(shapes.find(','), shapes.size());
    list.push_back(random_requests(shapes.substr(0, comma), config, random));
    shapes.remove_prefix(std::min(comma + 1, shapes.size()));
  }
  return list;
}

double padding_share(std::span<const std::size_t> lengths, std::size_t batch) {
  std::size_t tokens = 0, padded = 0;
  for (std::size_t begin = 0; begin < lengths.size(); begin += batch) {
    const auto group = lengths.subspan(begin, std::min(batch, lengths.size() - begin));
    for (const std::size_t length : group) tokens += length;
    padded += group.size() * *std::max_element(group.begin(), group.end());
  }
  return padded == 0 ? 0.0 : 1.0 - static_cast<double>(tokens) / static_cast<double>(padded);
}

}  // namespace bertq::engine::cli
