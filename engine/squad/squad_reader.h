// SQuAD v1.1 and v2.0 files: articles of paragraphs of questions, as rajpurkar.github.io publishes
// them (train and dev; a test set has no answers).
//
//   {"data": [{"paragraphs": [{"context": ..., "qas": [{"id": ..., "question": ...,
//     "is_impossible": false, "answers": [{"text": ..., "answer_start": 515}]}]}]}]}
//
// `answer_start` counts code points; a text that does not stand there is refused, not looked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "loaders/byte_source.h"

namespace bertq::engine {

// v2.0 has questions that nothing in their context answers.
enum class SquadVersion : std::uint8_t { v1_1, v2_0 };

struct SquadQuestion {
  std::string id, text;
  std::size_t context = 0;           // index in SquadExamples::contexts
  std::vector<std::string> answers;  // those that are right; v2.0: none, if it cannot be answered
};

struct SquadExamples {
  std::string name;  // the file
  bool labelled = false;
  std::vector<std::string> contexts;
  std::vector<SquadQuestion> questions;  // at least one; no id twice
};

// `path` is a file, or a folder with dev-v1.1.json or dev-v2.0.json. Throws Error (input) or
// loaders::FormatError: "dev.json: data[3].paragraphs[0].qas[2].answers[0].answer_start: expected
// ..., got ...".
SquadExamples read_squad(SquadVersion version, const std::filesystem::path& path);
SquadExamples read_squad(SquadVersion version, const loaders::ByteSource& source);

}  // namespace bertq::engine
