// bertq tokenize: a line of text in, its ids, tokens or spans out.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "bertq/error.h"
#include "engine/cli/json_output.h"
#include "engine/cli/line_source.h"
#include "engine/cli/setup.h"
#include "engine/cli/verbs.h"
#include "engine/model/hub_cache.h"

namespace bertq::engine::cli {
namespace {

tokenizer::Tokenizer open_tokenizer(const Arguments& arguments, const Console& console) {
  const auto overrides = tokenizer_overrides(arguments);
  if (arguments.given("vocab")) {
    if (arguments.given("model")) {
      throw Error(ErrorKind::usage, "-m and --vocab contradict each other");
    }
    return tokenizer::Tokenizer::from_file(arguments.text("vocab"), overrides);
  }
  if (arguments.given("model")) {
    const auto path = find_model(arguments.text("model"), Needed::tokenizer);
    // A folder with the tokenizer alone is enough.
    std::error_code none;
    for (const char* file : {"tokenizer.json", "vocab.txt"}) {
      if (std::filesystem::exists(path / file, none)) {
        arguments.refuse_overwriting(files_in(path));
        return tokenizer::Tokenizer::from_folder(path, overrides);
      }
    }
  }
  ModelFiles files = open_model_files(arguments, console);
  tokenizer_of(files);
  return std::move(*files.tokenizer);
}

using Format = std::string (*)(const tokenizer::Tokenizer&, const tokenizer::Encoding&);

std::string ids_line(const tokenizer::Tokenizer&, const tokenizer::Encoding& encoding) {
  return fmt::format("{}\n", fmt::join(encoding.ids, " "));
}

std::string tokens_line(const tokenizer::Tokenizer& tokenizer,
                        const tokenizer::Encoding& encoding) {
  std::string line;
  for (const std::int32_t id : encoding.ids) {
    if (!line.empty()) line += ' ';
    line += tokenizer.token(id);
  }
  return line + '\n';
}

std::string json_line(const tokenizer::Tokenizer& tokenizer, const tokenizer::Encoding& encoding) {
  Json tokens = Json::array(), spans = Json::array();
  for (const std::int32_t id : encoding.ids) tokens.push_back(tokenizer.token(id));
  for (const auto& span : encoding.spans) spans.push_back({span.begin, span.end});
  const Json object = {
      {"ids", encoding.ids}, {"tokens", tokens}, {"segments", encoding.segments}, {"spans", spans}};
  return object.dump() + '\n';
}

Format chosen_format(const std::string& name) {
  if (name == "ids") return ids_line;
  return name == "tokens" ? tokens_line : json_line;
}

// A tab separates a pair.
tokenizer::Encoding encode_line(const tokenizer::Tokenizer& tokenizer, std::string_view line,
                                std::size_t max_tokens) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return tokenizer.encode(line, std::nullopt, max_tokens);
  const std::string_view pair = line.substr(tab + 1);
  if (pair.find('\t') != std::string_view::npos) {
    throw tokenizer::TokenizerError("expected at most one tab, got more");
  }
  return tokenizer.encode(line.substr(0, tab), pair, max_tokens);
}

}  // namespace

void tokenize(const Arguments& arguments, Output& output, const Console& console) {
  const auto tokenizer = open_tokenizer(arguments, console);
  const Format format = chosen_format(arguments.text("format"));
  const std::size_t max_tokens = arguments.number("max-seq-length");
  LineSource lines(arguments.text("data"));
  const auto refuse = [&](std::string_view why) {
    output.finish();
    throw Error(ErrorKind::input,
                fmt::format("{}: line {}: {}", lines.name(), lines.line_number(), why));
  };
  std::string_view line;
  for (;;) {
    const auto kind = lines.next(line);
    if (kind == LineSource::Next::end) return;
    if (kind == LineSource::Next::too_long) {
      refuse(fmt::format("expected at most {} bytes, got more", longest_line));
    }
    try {
      output.write(format(tokenizer, encode_line(tokenizer, line, max_tokens)));
    } catch (const tokenizer::TokenizerError& error) {
      refuse(error.what());
    }
    if (!lines.ready()) output.flush();
  }
}

}  // namespace bertq::engine::cli
