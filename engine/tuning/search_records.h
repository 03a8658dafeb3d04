// A search's records in its journal: one JSON object each.
//
//   {"kind": "trial", "key": "3.0.1/0/5", "elapsed": 12.3, "score": 0.83, "seconds": 0.9, ...}
//   {"kind": "output_errors", "key": "3.0.1/0/0", "elapsed": 14.0, "numbers": [0.1, ...]}
//
// What is not known is absent. The whole of a search follows from these and its strategy.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/tuning/trials.h"

namespace bertq::engine {

enum class RecordKind : std::uint8_t { baseline, trial, probe, output_errors };

struct KnownRecord {
  Outcome outcome;
  std::vector<double> numbers;  // of output_errors
  double elapsed = 0.0;         // seconds of all experiments until then
};

std::string record_text(RecordKind kind, const std::string& key, const KnownRecord& record);

// Everything that a journal holds, to be found by what was asked.
class KnownRecords {
 public:
  KnownRecords() = default;
  // Throws Error (input) naming the record for one that is not of this form.
  explicit KnownRecords(const std::vector<std::string>& texts);

  const KnownRecord* find(RecordKind kind, const std::string& key) const;  // nullptr: not known
  void add(RecordKind kind, const std::string& key, KnownRecord record);

 private:
  std::map<std::pair<RecordKind, std::string>, KnownRecord> records_;
};

}  // namespace bertq::engine
