#include "engine/model/sequence_check.h"

#include <charconv>
#include <cstddef>
#include <string>

#include "bertq/error.h"
#include "engine/model/weights.h"

namespace bertq::engine {
namespace {

[[noreturn]] void fail(std::string_view place, const std::string& what) {
  throw Error(ErrorKind::input, std::string(place) + what);
}

void check_values(std::span<const std::int32_t> values, std::size_t limit, std::string_view place,
                  const char* name) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= 0 && static_cast<std::size_t>(values[i]) < limit) continue;
    fail(place, "position " + std::to_string(i) + ": expected " + name + " below " +
                    std::to_string(limit) + ", got " + std::to_string(values[i]));
  }
}

}  // namespace

void check_sequence(const Model& model, std::span<const std::int32_t> ids,
                    std::span<const std::int32_t> segments, std::string_view place) {
  const ModelConfig& config = model.config();
  if (ids.empty() || ids.size() > config.positions) {
    fail(place, "expected 1 to " + std::to_string(config.positions) + " tokens, got " +
                    std::to_string(ids.size()));
  }
  if (!segments.empty() && segments.size() != ids.size()) {
    throw Error(ErrorKind::usage, std::string(place) + "expected a segment for each of " +
                                      std::to_string(ids.size()) + " tokens, got " +
                                      std::to_string(segments.size()));
  }
  check_values(ids, config.vocabulary, place, "a token id");
  check_values(segments, model.impl().embeddings->segments(), place, "a segment");
}

void check_batch(const Model& model, const PackedBatch& batch) {
  constexpr std::string_view name = "sequence ";
  char place[32];  // on the stack: good batches allocate nothing
  name.copy(place, name.size());
  for (std::size_t sequence = 0; sequence < batch.sequences(); ++sequence) {
    char* end = std::to_chars(place + name.size(), place + sizeof place - 2, sequence).ptr;
    *end++ = ':';
    *end++ = ' ';
    const std::size_t begin = batch.begin(sequence);
    const std::size_t length = batch.length(sequence);
    check_sequence(model, batch.ids().subspan(begin, length),
                   batch.segments().subspan(begin, length),
                   {place, static_cast<std::size_t>(end - place)});
  }
}

}  // namespace bertq::engine
