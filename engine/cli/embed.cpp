// bertq embed: texts in, one vector for each out.

#include <bit>
#include <span>
#include <string_view>
#include <vector>

#include "engine/cli/setup.h"
#include "engine/cli/text_items.h"
#include "engine/cli/verbs.h"

namespace bertq::engine::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "--format f32 writes floats as they are");

PoolingChoice chosen_pooling(const Arguments& arguments, const ModelFiles& files) {
  PoolingChoice choice = files.pooling.value_or(PoolingChoice{});
  if (arguments.given("pooling")) {
    choice.pooling = arguments.text("pooling") == "cls" ? Pooling::cls : Pooling::mean;
  }
  if (arguments.flag("no-normalize")) choice.normalize = false;
  return choice;
}

// [good items][hidden]
std::vector<float> embed_batch(std::span<const TextItem> items, Session& session,
                               const PoolingChoice& pooling) {
  PackedBatch batch;
  for (const TextItem& item : items) {
    if (item.good()) batch.add(item.encoding.ids, item.encoding.segments);
  }
  const std::size_t hidden = session.model().config().hidden;
  std::vector<float> vectors(batch.sequences() * hidden);
  if (batch.sequences() == 0) return vectors;
  pool(batch, session.hidden_states(batch), session.hidden_ld(), hidden, pooling, vectors);
  return vectors;
}

Json with_embedding(const TextItem& item, std::span<const float> vector) {
  Json object = item.object;
  Json& embedding = object["embedding"] = Json::array();
  for (const float value : vector) embedding.push_back(json_float(value));
  if (item.encoding.truncated) object["truncated"] = true;
  return object;
}

void write_lines(std::span<const TextItem> items, std::span<const float> vectors,
                 std::size_t hidden, Output& output) {
  for (const TextItem& item : items) {
    if (!item.good()) {
      write_json_line(output, error_object(item));
      continue;
    }
    write_json_line(output, with_embedding(item, vectors.first(hidden)));
    vectors = vectors.subspan(hidden);
  }
}

void write_floats(std::span<const float> vectors, Output& output) {
  const auto bytes = std::as_bytes(vectors);
  output.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

void embed(const Arguments& arguments, Output& output, const Console& console) {
  const jit::Isa isa = chosen_isa(arguments);
  const ModelFiles files = open_runnable_files(arguments, console);
  const Recipe recipe = chosen_recipe(arguments, files);
  const auto& tokenizer = tokenizer_of(files);
  const std::size_t limit = token_limit(arguments, files, 0);
  const PoolingChoice pooling = chosen_pooling(arguments, files);
  const bool floats = arguments.text("format") == "f32";
  LineSource lines(arguments.text("data"));

  Session session(load_model(arguments, files, recipe, isa), chosen_threads(arguments));
  const std::size_t batch = apply_batching(arguments, session);
  TextItemReader reader(lines, tokenizer, {limit, arguments.flag("truncate"), batch});
  for (auto items = reader.next_batch(); !items.empty(); items = reader.next_batch()) {
    // Rows of floats have no place for an error: the first bad line is the last one read.
    std::size_t usable = 0;
    while (usable < items.size() && items[usable].good()) ++usable;
    const bool stop = floats && usable < items.size();
    if (stop) items.resize(usable);
    const auto vectors = embed_batch(items, session, pooling);
    if (floats) {
      write_floats(vectors, output);
    } else {
      write_lines(items, vectors, session.model().config().hidden, output);
    }
    output.flush();
    if (stop) break;
  }
  output.finish();
  reader.check_all_good();
}

}  // namespace bertq::engine::cli
