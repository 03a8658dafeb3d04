#include "engine/model/config.h"

#include <doctest/doctest.h>

#include <vector>

#include "bertq/error.h"
#include "support/thrown_message.h"
#include "tiny_model.h"

namespace bertq::engine {
namespace {

using testing::thrown_message;
using testing::tiny_config;
using testing::with;

ModelConfig parsed(std::string_view json) {
  return parse_config(json, "config.json");
}

std::string complaint(std::string_view json) {
  std::string message = thrown_message<Error>([&] { parsed(json); });
  const std::string_view prefix = "config.json: ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

// tiny_config with more members at its end.
std::string and_also(std::string_view members) {
  return with(tiny_config, "1e-12", "1e-12, " + std::string(members));
}

TEST_CASE("a config gives dimensions and choices") {
  const ModelConfig config = parsed(tiny_config);
  CHECK(config.hidden == 4);
  CHECK(config.layers == 1);
  CHECK(config.heads == 2);
  CHECK(config.head_size() == 2);
  CHECK(config.intermediate == 6);
  CHECK(config.vocabulary == 8);
  CHECK(config.positions == 10);
  CHECK(config.segments == 2);
  CHECK(config.layer_norm_epsilon == 1e-12F);
  CHECK(config.activation == jit::Activation::gelu_erf);
  CHECK(config.labels.empty());
  CHECK(!config.regression);
}

TEST_CASE("Hugging Face's defaults stand for what is missing or null") {
  for (const std::string_view gone :
       {R"("type_vocab_size": 2,)", R"("hidden_act": "gelu",)", R"("model_type": "bert",)"}) {
    CAPTURE(gone);
    CHECK(parsed(with(tiny_config, gone, "")).segments == 2);
  }
  CHECK(parsed(with(tiny_config, ",\n  \"layer_norm_eps\": 1e-12", "")).layer_norm_epsilon ==
        1e-12F);
  CHECK(parsed(with(tiny_config, "\"type_vocab_size\": 2", "\"type_vocab_size\": null")).segments ==
        2);
  CHECK(parsed(with(tiny_config, "\"type_vocab_size\": 2", "\"type_vocab_size\": 1")).segments ==
        1);
  CHECK(parsed(and_also(R"("is_decoder": false, "position_embedding_type": "absolute",
                           "quantization_config": null, "pruned_heads": {}, "problem_type": null,
                           "something_new": [1])"))
            .hidden == 4);
}

TEST_CASE("activations go by Hugging Face's names") {
  struct Row {
    std::string_view name;
    jit::Activation activation;
  };
  for (const Row& row : std::vector<Row>{{"gelu", jit::Activation::gelu_erf},
                                         {"gelu_python", jit::Activation::gelu_erf},
                                         {"gelu_new", jit::Activation::gelu_tanh},
                                         {"gelu_fast", jit::Activation::gelu_tanh},
                                         {"gelu_pytorch_tanh", jit::Activation::gelu_tanh},
                                         {"relu", jit::Activation::relu}}) {
    const std::string json = with(tiny_config, "\"gelu\"", '"' + std::string(row.name) + '"');
    CHECK(parsed(json).activation == row.activation);
  }
}

TEST_CASE("labels keep the order of their ids") {
  using Names = std::vector<std::string>;
  const auto labels = [](std::string_view members) { return parsed(and_also(members)).labels; };
  CHECK(labels(R"("id2label": {"1": "yes", "0": "no"})") == Names{"no", "yes"});
  CHECK(labels(R"("label2id": {"yes": 1, "no": 0})") == Names{"no", "yes"});
  CHECK(labels(R"("num_labels": 3)") == Names{"LABEL_0", "LABEL_1", "LABEL_2"});
  // Published files often leave label2id at its default.
  CHECK(
      labels(R"("id2label": {"0": "no", "1": "yes"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1})") ==
      Names{"no", "yes"});
  Names eleven;
  std::string table;
  for (int i = 0; i < 11; ++i) {
    eleven.push_back("l" + std::to_string(i));
    table += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\": \"l" + std::to_string(i) + '"';
  }
  CHECK(labels("\"id2label\": {" + table + "}") == eleven);  // "10" after "9", not after "1"
}

TEST_CASE("one label, or the word, makes a regression") {
  CHECK(parsed(and_also(R"("num_labels": 1)")).regression);
  CHECK(parsed(and_also(R"("id2label": {"0": "LABEL_0"})")).regression);
  CHECK(parsed(and_also(R"("problem_type": "regression")")).regression);
  CHECK(!parsed(and_also(R"("num_labels": 2)")).regression);
  CHECK(!parsed(and_also(R"("problem_type": "single_label_classification")")).regression);
}

TEST_CASE("numbers that are none are refused") {
  struct Number {
    std::string key, good, most;
  };
  const std::vector<Number> numbers{
      {"hidden_size", "4", "65536"},         {"num_hidden_layers", "1", "1000"},
      {"num_attention_heads", "2", "65536"}, {"intermediate_size", "6", "65536"},
      {"vocab_size", "8", "16777216"},       {"max_position_embeddings", "10", "1048576"},
      {"type_vocab_size", "2", "1024"},
  };
  for (const Number& number : numbers) {
    const std::string member = "\"" + number.key + "\": ";
    const std::string expected = number.key + ": expected an integer in 1.." + number.most;
    for (const std::string bad : {"0", "-1", "2147483648", "12.0", "\"12\"", "1e3", "1000000000",
                                  "18446744073709551616", "true", "[12]", "{\"a\":12}"}) {
      std::string shown = bad;
      if (bad == "1e3") shown = "1000.0";
      if (bad == "18446744073709551616") shown = "1.8446744073709552e+19";
      CHECK(complaint(with(tiny_config, member + number.good, member + bad)) ==
            expected + ", got " + shown);
    }
    if (number.key == "type_vocab_size") continue;
    const std::string null = with(tiny_config, member + number.good, member + "null");
    CHECK(complaint(null) == expected + ", found none");
  }
}

TEST_CASE("LayerNorm's epsilon is a small positive number") {
  for (const std::string bad : {"0", "-1e-12", "1e-60", "1", "true", "\"1e-12\""}) {
    CAPTURE(bad);
    const std::string message = complaint(with(tiny_config, "1e-12", bad));
    CHECK(message.starts_with("layer_norm_eps: expected a number"));
  }
  CHECK(complaint(with(tiny_config, "1e-12", "NaN")) ==
        "line 11, column 21: expected JSON, got 'N'");
}

TEST_CASE("what is not a plain BERT encoder is refused by name") {
  struct Row {
    std::string json, complaint;
  };
  const auto model_type = [](std::string_view type) {
    return with(tiny_config, "\"bert\"", '"' + std::string(type) + '"');
  };
  const std::vector<Row> rows{
      {model_type("roberta"), R"(model_type: expected "bert", got "roberta")"},
      {model_type("electra"), R"(model_type: expected "bert", got "electra")"},
      {model_type("distilbert"), R"(model_type: expected "bert", got "distilbert")"},
      {with(tiny_config, "\"bert\"", "5"), "model_type: expected a string, got 5"},
      {"{}",
       "expected model_type \"bert\", or the keys of google-research's bert_config.json, found "
       "neither model_type nor type_vocab_size"},
      {and_also(R"("is_decoder": true)"), "is_decoder: expected false, of an encoder, got true"},
      {and_also(R"("is_decoder": 1)"), "is_decoder: expected true or false, got 1"},
      {and_also(R"("add_cross_attention": true)"),
       "add_cross_attention: expected false, of an encoder, got true"},
      {and_also(R"("position_embedding_type": "relative_key_query")"),
       R"(position_embedding_type: expected "absolute", got "relative_key_query")"},
      {and_also(R"("quantization_config": {"bits": 4})"),
       R"(quantization_config: expected none: a checkpoint that is not quantised, got {"bits":4})"},
      {and_also(R"("pruned_heads": {"0": [1]})"), R"(pruned_heads: expected none, got {"0":[1]})"},
      {and_also(R"("problem_type": "multi_label_classification")"),
       R"(problem_type: expected "single_label_classification" or "regression", got )"
       R"("multi_label_classification")"},
      {with(tiny_config, "\"gelu\"", "\"silu\""),
       "hidden_act: expected one of gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, "
       "relu, got \"silu\""},
      {with(tiny_config, "\"num_attention_heads\": 2", "\"num_attention_heads\": 3"),
       "num_attention_heads: expected a divisor of hidden_size 4, got 3"},
  };
  for (const Row& row : rows) CHECK(complaint(row.json) == row.complaint);
}

TEST_CASE("labels that contradict each other are refused") {
  struct Row {
    std::string members, complaint;
  };
  const std::vector<Row> rows{
      {R"("id2label": {"0": "a", "2": "b"})", R"(id2label: 2: expected keys "0" to "1", got "b")"},
      {R"("id2label": {"0": "a", "01": "b"})",
       R"(id2label: 01: expected keys "0" to "1", got "b")"},
      {R"("id2label": {"x": "a"})", R"(id2label: x: expected keys "0" to "0", got "a")"},
      {R"("id2label": {"0": 1})", "id2label: 0: expected a string, got 1"},
      {R"("id2label": ["a"])", R"(id2label: expected an object, got ["a"])"},
      {R"("label2id": {"a": 0, "b": 0})", "label2id: b: expected an id of its own, got 0"},
      {R"("label2id": {"a": 1})", "label2id: a: expected an integer in 0..0, got 1"},
      {R"("num_labels": 3, "id2label": {"0": "a"})",
       "num_labels: expected 1, as many as the named labels, got 3"},
      {R"("num_labels": 2, "problem_type": "regression")",
       R"(problem_type: expected classification with 2 labels, got "regression")"},
  };
  for (const Row& row : rows) CHECK(complaint(and_also(row.members)) == row.complaint);
}

TEST_CASE("what is not JSON is refused with line and column") {
  struct Row {
    std::string json, complaint;
  };
  const std::vector<Row> rows{
      {"", "line 1, column 1: expected JSON, got the end"},
      {"\xEF\xBB\xBF{}", "line 1, column 1: expected JSON, got a byte order mark"},
      {"{\n  \"a\": 1,\n}", "line 3, column 1: expected JSON, got '}'"},
      {"{\n  \"a\": 1", "line 2, column 9: expected JSON, got the end"},
      {"{} x", "line 1, column 4: expected JSON, got 'x'"},
      {"{\"a\": \"\xff\"}", "line 1, column 8: expected JSON, got '\\xff'"},
      {"[]", "expected an object, got []"},
      {R"({"a": 1, "a": 2})", R"(duplicate key "a")"},
      {R"({"b": {"a": 1, "a": 2}})", R"(duplicate key "a")"},
      {"{\"a\": 1e999}", "expected numbers that fit a double, got a larger one"},
      {std::string(10'000, '['), "expected JSON of at most 32 levels, got more"},
  };
  for (const Row& row : rows) CHECK(complaint(row.json) == row.complaint);
}

TEST_CASE("the two public sizes are known by name") {
  const ModelConfig base = named_config("bert-base"), large = named_config("bert-large");
  CHECK(base.hidden == 768);
  CHECK(base.layers == 12);
  CHECK(base.intermediate == 3072);
  CHECK(base.vocabulary == 30522);
  CHECK(base.head_size() == 64);
  CHECK(large.hidden == 1024);
  CHECK(large.layers == 24);
  CHECK(large.intermediate == 4096);
  CHECK(large.head_size() == 64);
  try {
    named_config("bert-huge");
    FAIL("no such size");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
  }
}

}  // namespace
}  // namespace bertq::engine
