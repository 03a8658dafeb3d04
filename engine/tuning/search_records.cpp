#include "engine/tuning/search_records.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "bertq/error.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 4> kinds{"baseline", "trial", "probe", "output_errors"};

struct NumberRow {
  const char* name;
  double Outcome::*number;
};
constexpr std::array<NumberRow, 5> numbers{{
    {"score", &Outcome::score},
    {"seconds", &Outcome::seconds},
    {"error", &Outcome::error},
    {"weights_bytes", &Outcome::weights_bytes},
    {"peak_bytes", &Outcome::peak_bytes},
}};

// JSON has no infinities: a score may be one all the same.
Json number_json(double value) {
  if (std::isinf(value)) return value > 0.0 ? "inf" : "-inf";
  return value;
}

double number_of(const Json& json) {
  if (json == "inf") return std::numeric_limits<double>::infinity();
  if (json == "-inf") return -std::numeric_limits<double>::infinity();
  return json.get<double>();
}

std::optional<RecordKind> kind_of(const Json& json) {
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (json.at("kind") == kinds[i]) return static_cast<RecordKind>(i);
  }
  return std::nullopt;
}

KnownRecord read_record(const Json& json) {
  KnownRecord record;
  record.elapsed = json.at("elapsed").get<double>();
  for (const NumberRow& row : numbers) {
    if (json.contains(row.name)) record.outcome.*row.number = number_of(json.at(row.name));
  }
  record.outcome.failure = json.value("failure", "");
  for (const Json& number : json.value("numbers", Json::array())) {
    record.numbers.push_back(number_of(number));
  }
  return record;
}

}  // namespace

std::string record_text(RecordKind kind, const std::string& key, const KnownRecord& record) {
  Json json = {{"kind", kinds.at(static_cast<std::size_t>(kind))},
               {"key", key},
               {"elapsed", record.elapsed}};
  for (const NumberRow& row : numbers) {
    const double value = record.outcome.*row.number;
    if (!std::isnan(value)) json[row.name] = number_json(value);
  }
  if (record.outcome.failed()) json["failure"] = record.outcome.failure;
  if (kind == RecordKind::output_errors) {
    json["numbers"] = Json::array();
    for (const double number : record.numbers) json["numbers"].push_back(number_json(number));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

KnownRecords::KnownRecords(const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    try {
      const Json json = Json::parse(texts[i]);
      const auto kind = kind_of(json);
      if (!kind) throw Error(ErrorKind::input, "another kind");
      add(*kind, json.at("key").get<std::string>(), read_record(json));
    } catch (const std::exception&) {
      throw Error(ErrorKind::input, "journal: record " + std::to_string(i + 1) +
                                        ": expected a trial or another experiment of a search");
    }
  }
}

const KnownRecord* KnownRecords::find(RecordKind kind, const std::string& key) const {
  const auto found = records_.find({kind, key});
  return found == records_.end() ? nullptr : &found->second;
}

void KnownRecords::add(RecordKind kind, const std::string& key, KnownRecord record) {
  records_.insert_or_assign({kind, key}, std::move(record));
}

}  // namespace bertq::engine
