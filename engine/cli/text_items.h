// The input of `predict` and `embed`: JSON Lines with "text" and perhaps "text_pair", read ahead in
// batches while there is input, so that a stream is answered at once and a file quickly.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/json_lines.h"
#include "engine/cli/json_output.h"
#include "engine/cli/line_source.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine::cli {

// One line: what it holds, or why it cannot be used.
struct TextItem {
  Json object = Json::object();  // as read; its other keys pass through to the result
  std::string error;             // empty: `encoding` is good
  tokenizer::Encoding encoding;
  bool good() const { return error.empty(); }
};

class TextItemReader {
 public:
  struct Limits {
    std::size_t max_tokens = 0;
    bool truncate = false;  // cut what is longer; otherwise it is an error of its line
    std::size_t batch = 0;  // texts of a batch that has to be full; 0: as many as are there
  };
  // Both outlive the reader.
  TextItemReader(LineSource& lines, const tokenizer::Tokenizer& tokenizer, const Limits& limits);

  // The next lines, at least one unless the input has ended; more as long as they are there without
  // waiting and the batch stays small enough for low latency. Or, where batches have to be full, so
  // many good ones, as long as there are any.
  std::vector<TextItem> next_batch();

  // Throws Error (input) with the count of bad lines and the first of them, if there were any.
  void check_all_good() const { bad_.check_none(); }

 private:
  bool is_full(const std::vector<TextItem>& items, std::size_t tokens);
  TextItem read_item(LineSource::Next kind, std::string_view line);

  LineSource& lines_;
  const tokenizer::Tokenizer& tokenizer_;
  Limits limits_;
  BadLines bad_;
};

// The object with its error, or, where the line had no object, the error alone.
Json error_object(const TextItem& item);

}  // namespace bertq::engine::cli
