#include "engine/api/input_reader.h"

#include "engine/api/guarded.h"
#include "engine/model/precision_choice.h"

namespace bertq {

InputReader::InputReader(const engine::ModelFiles& files, std::size_t max_tokens, bool truncate)
    : files_(files), max_tokens_(max_tokens), truncate_(truncate) {}

ReadInput InputReader::read(const Input& input) {
  ReadInput read{input.ids(), input.segments()};
  if (input.is_text()) {
    engine::tokenizer_of(files_).encode(input.text(), input.pair(), truncate_ ? max_tokens_ : 0,
                                        scratch_, encoding_);
    read = {encoding_.ids, encoding_.segments, encoding_.truncated};
  }
  if (read.ids.size() > max_tokens_) {
    throw Error(ErrorKind::input, "expected at most " + std::to_string(max_tokens_) +
                                      " tokens, got " + std::to_string(read.ids.size()) +
                                      (input.is_text() ? " (truncate cuts them)" : ""));
  }
  return read;
}

ReadInput InputReader::read(std::span<const Input> inputs, std::size_t number) {
  if (inputs.size() == 1) return read(inputs[0]);
  try {
    return read(inputs[number]);
  } catch (const std::exception& why) {
    const Error error = as_error(why);
    throw Error(error.kind(), "input " + std::to_string(number) + ": " + error.what());
  }
}

}  // namespace bertq
