// bertq_model_* and bertq_tokenize.
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "engine/api/c_arguments.h"
#include "engine/api/c_call.h"
#include "engine/api/c_objects.h"

namespace bertq::engine::c_api {
namespace {

Precision precision_of(std::int32_t value) {
  constexpr std::array precisions{Precision::automatic, Precision::fp32, Precision::bf16,
                                  Precision::int8};
  if (value < 0 || static_cast<std::size_t>(value) >= precisions.size()) {
    refuse("precision",
           "expected BERTQ_AUTOMATIC, _FP32, _BF16 or _INT8, got " + std::to_string(value));
  }
  return precisions[static_cast<std::size_t>(value)];
}

LoadOptions load_options(const bertq_load_options* given) {
  const bertq_load_options from = checked_options(given, "bertq_load_options");
  LoadOptions options;
  options.precision = precision_of(from.precision);
  options.lower_case = choice(from.lower_case, "lower_case");
  options.map_weights = chosen(from.map_weights, "map_weights");
  options.max_tokens = from.max_tokens;
  if (from.recipe != nullptr) options.recipe = from.recipe;
  if (from.isa != nullptr) options.isa = from.isa;
  if (from.log != nullptr) {
    options.log = [log = from.log, context = from.log_context](std::string_view line) {
      log(context, std::string(line).c_str());
    };
  }
  return options;
}

void hand_out(Model model, bertq_model*& handle) {
  handle = static_cast<bertq_model*>(static_cast<void*>(
      Handles::instance().add(HandleKind::model, std::make_shared<Model>(std::move(model)))));
}

// Cut to what the struct holds.
template <std::size_t size>
void copy_name(std::string_view name, char (&to)[size]) {
  const std::size_t length = std::min(name.size(), size - 1);
  std::memcpy(to, name.data(), length);
  to[length] = '\0';
}

bertq_model_facts facts_of(const Model& model) {
  bertq_model_facts facts{};
  facts.size = sizeof facts;
  facts.classifies = model.classifies();
  facts.regresses = model.regresses();
  facts.answers = model.answers();
  facts.depends_on_batch = model.depends_on_batch();
  facts.layers = model.layers();
  facts.hidden = model.hidden();
  facts.vocabulary = model.vocabulary();
  facts.max_tokens = model.max_tokens();
  facts.outputs = model.outputs();
  facts.labels = model.labels().size();
  facts.weights_bytes = model.weights_bytes();
  copy_name(model.precision(), facts.precision);
  copy_name(model.isa(), facts.isa);
  return facts;
}

std::vector<bertq_token> tokens_of(const Encoding& encoding) {
  std::vector<bertq_token> tokens;
  for (std::size_t i = 0; i != encoding.ids.size(); ++i) {
    tokens.push_back(
        {encoding.ids[i], encoding.segments[i], encoding.spans[i].begin, encoding.spans[i].end});
  }
  return tokens;
}

}  // namespace
}  // namespace bertq::engine::c_api

using namespace bertq;
using namespace bertq::engine::c_api;

bertq_status bertq_model_load(const char* name, const bertq_load_options* options,
                              bertq_model** model) {
  return call([&] {
    const std::string path = &not_null(name, "name");
    bertq_model*& handle = not_null(model, "model");
    hand_out(Model::load(path, load_options(options)), handle);
  });
}

bertq_status bertq_model_load_sample(int32_t sample, const bertq_load_options* options,
                                     bertq_model** model) {
  return call([&] {
    bertq_model*& handle = not_null(model, "model");
    if (sample != BERTQ_PARAPHRASES && sample != BERTQ_QUESTIONS) {
      refuse("sample",
             "expected BERTQ_PARAPHRASES or BERTQ_QUESTIONS, got " + std::to_string(sample));
    }
    hand_out(Model::load(sample == BERTQ_QUESTIONS ? Sample::questions : Sample::paraphrases,
                         load_options(options)),
             handle);
  });
}

bertq_status bertq_model_free(bertq_model* model) {
  return call([&] {
    if (model != nullptr) Handles::instance().remove(HandleKind::model, model);
  });
}

bertq_status bertq_model_get_facts(const bertq_model* model, bertq_model_facts* facts) {
  return call([&] {
    const auto found = find_model(model);
    check_size(not_null(facts, "facts").size, sizeof *facts, "bertq_model_facts");
    *facts = facts_of(*found);
  });
}

bertq_status bertq_model_get_label(const bertq_model* model, size_t index, char* label,
                                   size_t capacity, size_t* count) {
  return call([&] {
    const auto found = find_model(model);
    const Buffer<char> buffer(label, capacity, count, "label");
    const auto labels = found->labels();
    if (index >= labels.size()) {
      refuse("index", "expected one below the number of labels, " + std::to_string(labels.size()) +
                          ", got " + std::to_string(index));
    }
    const std::string& name = labels[index];
    buffer.write({name.c_str(), name.size() + 1});
  });
}

bertq_status bertq_tokenize(const bertq_model* model, const bertq_input* input, size_t max_tokens,
                            bertq_token* tokens, size_t capacity, size_t* count) {
  return call([&] {
    const auto found = find_model(model);
    const Buffer<bertq_token> buffer(tokens, capacity, count, "tokens");
    const Input given = checked_input(input, found->max_tokens(), "input");
    if (!given.is_text()) refuse("input", "expected text, got ids");
    const auto encoding = found->tokenizer().encode(given.text(), given.pair(), max_tokens);
    buffer.write(tokens_of(encoding));
  });
}
