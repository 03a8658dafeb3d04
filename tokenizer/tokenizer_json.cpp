#include "tokenizer/tokenizer_json.h"

#include <array>
#include <string>

#include "tokenizer/id_check.h"
#include "tokenizer/json_facts.h"
#include "tokenizer/json_reader.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

namespace bertq::tokenizer {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxId = Vocab::max_size - 1;
constexpr std::int64_t kMaxCharacters = 10'000;

std::int32_t read_id(const JsonValue& value) {
  return static_cast<std::int32_t>(value.as_integer(0, kMaxId));
}

void expect_type(const JsonValue& part, std::string_view type) {
  if (part.at("type").as_string() != type) {
    part.at("type").refuse('"' + std::string(type) + "\", the only one of BERT");
  }
}

// Collects "model.vocab" as the parser meets it.
class VocabularyCollector {
 public:
  explicit VocabularyCollector(std::string_view file)
      : place_(std::string(file) + ": model.vocab") {
    vocabulary_.source = file;
  }

  void take(const std::string& token, const json& id) {
    const auto place = [&] { return place_ + ".\"" + token.substr(0, 60) + '"'; };
    if (!is_integer_within(id, 0, kMaxId)) JsonValue(id, place()).as_integer(0, kMaxId);
    if (token.size() > TokenTable::longest_allowed) {
      throw TokenizerError(place() + ": expected a token of at most " +
                           std::to_string(TokenTable::longest_allowed) + " bytes, got " +
                           std::to_string(token.size()));
    }
    vocabulary_.tokens.push_back({static_cast<std::uint32_t>(vocabulary_.text.size()),
                                  static_cast<std::uint32_t>(token.size()),
                                  id.get<std::int32_t>()});
    vocabulary_.text += token;
  }

  // No id and no token may occur twice.
  Vocabulary finish() {
    if (vocabulary_.tokens.empty()) throw TokenizerError(place_ + ": expected tokens, got none");
    IdCheck ids(vocabulary_.tokens.size());
    for (const Vocabulary::Token& token : vocabulary_.tokens) {
      if (token.length != 0) ids.add(vocabulary_.name(token), token.id, place_);
    }
    return std::move(vocabulary_);
  }

 private:
  std::string place_;
  Vocabulary vocabulary_;
};

void read_normalizer(const JsonValue& root, Statements& statements) {
  const JsonValue normalizer = root.at("normalizer");
  expect_type(normalizer, "BertNormalizer");
  statements.clean_text = state_flag(normalizer.at("clean_text"));
  statements.split_chinese_characters = state_flag(normalizer.at("handle_chinese_chars"));
  statements.strip_accents = state_flag(normalizer.find("strip_accents"));
  statements.lower_case = state_flag(normalizer.at("lowercase"));
}

void read_model(const JsonValue& root, Definition& definition) {
  const JsonValue model = root.at("model");
  // Files of 2020 do not name the model; these two members are WordPiece's alone.
  const bool unnamed = !model.find("type") && model.find("continuing_subword_prefix") &&
                       model.find("max_input_chars_per_word");
  if (!unnamed) expect_type(model, "WordPiece");
  definition.statements.names[kUnknown] = state_text(model.at("unk_token"));
  if (const auto prefix = model.find("continuing_subword_prefix")) {
    definition.continuing_prefix = prefix->as_string();
  }
  if (const auto most = model.find("max_input_chars_per_word")) {
    definition.max_characters = static_cast<std::size_t>(most->as_integer(1, kMaxCharacters));
  }
}

std::vector<AddedToken> read_added_tokens(const JsonValue& list) {
  std::vector<AddedToken> tokens;
  for (const JsonValue& item : list.elements()) {
    tokens.push_back(read_added_token(item));
    tokens.back().id = read_id(item.at("id"));
  }
  return tokens;
}

// The two templates that BERT has; the names of the special tokens are checked apart.
json single_template(const std::string& cls, const std::string& sep) {
  return json::array({{{"SpecialToken", {{"id", cls}, {"type_id", 0}}}},
                      {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
                      {{"SpecialToken", {{"id", sep}, {"type_id", 0}}}}});
}

json pair_template(const std::string& cls, const std::string& sep) {
  json result = single_template(cls, sep);
  result.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  result.push_back({{"SpecialToken", {{"id", sep}, {"type_id", 1}}}});
  return result;
}

// A special token's name and the id that the post-processor gives it.
struct PostToken {
  Stated<std::string> name;
  std::int32_t id;
};

PostToken read_bert_processing(const JsonValue& processor, std::string_view key) {
  const JsonValue pair = processor.at(key);
  const auto items = pair.elements();
  if (items.size() != 2) pair.refuse("a token and its id");
  return {state_text(items[0]), read_id(items[1])};
}

PostToken read_template_token(const JsonValue& processor, std::size_t index) {
  const auto items = processor.at("single").elements();
  if (items.size() != 3) processor.at("single").refuse("[CLS] A [SEP]");
  const JsonValue name = items[index].at("SpecialToken").at("id");
  const JsonValue ids = processor.at("special_tokens").at(name.as_string()).at("ids");
  const auto list = ids.elements();
  if (list.size() != 1) ids.refuse("one id");
  return {state_text(name), read_id(list[0])};
}

std::array<PostToken, 2> read_post_processor(const JsonValue& root) {
  const JsonValue processor = root.at("post_processor");
  const JsonValue type = processor.at("type");
  if (type == "BertProcessing") {
    return {read_bert_processing(processor, "cls"), read_bert_processing(processor, "sep")};
  }
  if (!(type == "TemplateProcessing")) type.refuse("\"TemplateProcessing\" or \"BertProcessing\"");
  std::array<PostToken, 2> tokens{read_template_token(processor, 0),
                                  read_template_token(processor, 2)};
  const std::string& cls = tokens[0].name.value;
  const std::string& sep = tokens[1].name.value;
  if (!(processor.at("single") == single_template(cls, sep))) {
    processor.at("single").refuse("[CLS] A [SEP] of type 0");
  }
  if (!(processor.at("pair") == pair_template(cls, sep))) {
    processor.at("pair").refuse("[CLS] A [SEP] of type 0, B [SEP] of type 1");
  }
  return tokens;
}

// Ids that the file gives outside of the vocabulary must fit it.
void check_ids(const Definition& definition, const std::array<PostToken, 2>& post_tokens,
               const std::string& file) {
  IdCheck ids(definition.vocabulary, definition.added_tokens.size());
  for (const AddedToken& token : definition.added_tokens) {
    ids.add(token.content, token.id, file + ": added_tokens");
  }
  for (const auto& [name, id] : post_tokens) {
    ids.require(name);
    ids.add(name.value, id, name.source);
  }
}

}  // namespace

Definition parse_tokenizer_json(std::string_view bytes, std::string_view file) {
  VocabularyCollector collector(file);
  const MemberSink sink{{"model", "vocab"}, [&](const std::string& token, const json& id) {
                          collector.take(token, id);
                        }};
  const json document = parse_json(bytes, file, &sink);
  const JsonValue root(document, std::string(file));

  Definition definition;
  // The model first: of a BPE file the user should read "BPE", not what follows from it.
  read_model(root, definition);
  read_normalizer(root, definition.statements);
  expect_type(root.at("pre_tokenizer"), "BertPreTokenizer");
  const auto post_tokens = read_post_processor(root);
  definition.statements.names[kClassify] = post_tokens[0].name;
  definition.statements.names[kSeparate] = post_tokens[1].name;
  definition.vocabulary = collector.finish();
  const auto added = root.find("added_tokens");
  definition.added_tokens = added ? read_added_tokens(*added) : std::vector<AddedToken>{};
  check_ids(definition, post_tokens, std::string(file));
  return definition;
}

}  // namespace bertq::tokenizer
