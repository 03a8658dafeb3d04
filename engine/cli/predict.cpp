// bertq predict: JSON Lines in, the same objects with logits, label and score out.

#include <span>
#include <vector>

#include "bertq/error.h"
#include "engine/cli/setup.h"
#include "engine/cli/text_items.h"
#include "engine/cli/verbs.h"
#include "engine/task/classification.h"
#include "engine/task/metrics.h"

namespace bertq::engine::cli {
namespace {

Json answer(const TextItem& item, std::span<const float> logits, const ModelConfig& config) {
  Json object = item.object;
  object["logits"] = Json::array();
  for (const float logit : logits) object["logits"].push_back(json_float(logit));
  if (config.regression) {
    object["score"] = json_float(logits[0]);
  } else if (config.labels.size() == logits.size()) {
    const std::size_t best = argmax(logits);
    std::vector<double> probabilities(logits.size());
    class_probabilities(logits, probabilities);
    object["label"] = config.labels[best];
    object["score"] = probabilities[best];
  }
  if (item.encoding.truncated) object["truncated"] = true;
  return object;
}

void answer_batch(std::span<const TextItem> items, Session& session, Output& output) {
  PackedBatch batch;
  for (const TextItem& item : items) {
    if (item.good()) batch.add(item.encoding.ids, item.encoding.segments);
  }
  const std::size_t labels = session.model().labels();
  auto logits = batch.sequences() == 0 ? std::span<const float>() : session.logits(batch);
  for (const TextItem& item : items) {
    if (!item.good()) {
      write_json_line(output, error_object(item));
      continue;
    }
    write_json_line(output, answer(item, logits.first(labels), session.model().config()));
    logits = logits.subspan(labels);
  }
  output.flush();
}

}  // namespace

void predict(const Arguments& arguments, Output& output, const Console& console) {
  const jit::Isa isa = chosen_isa(arguments);
  const ModelFiles files = open_runnable_files(arguments, console);
  const Recipe recipe = chosen_recipe(arguments, files);
  const auto& tokenizer = tokenizer_of(files);
  const std::size_t limit = token_limit(arguments, files, 0);
  LineSource lines(arguments.text("data"));

  const auto model = load_model(arguments, files, recipe, isa);
  if (!model->heads().classifier) {
    throw Error(ErrorKind::input, files.name + ": expected a classification head, got none");
  }
  Session session(model, chosen_threads(arguments));
  const std::size_t batch = apply_batching(arguments, session);
  TextItemReader reader(lines, tokenizer, {limit, arguments.flag("truncate"), batch});
  for (auto items = reader.next_batch(); !items.empty(); items = reader.next_batch()) {
    answer_batch(items, session, output);
  }
  output.finish();
  reader.check_all_good();
}

}  // namespace bertq::engine::cli
