// Whole folders: which files count, and what is refused when they are bad or contradict each other.

#include "tokenizer/read_definition.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "support/temporary_folder.h"
#include "tokenizer/json_files.h"

namespace bertq::tokenizer::testing {
namespace {

using bertq::testing::TemporaryFolder;

using Files = std::map<std::string, std::string>;

void write_all(const TemporaryFolder& folder, const Files& files) {
  for (const auto& [name, bytes] : files) folder.write(name, bytes);
}

const std::string kVocab(kGoodVocabTxt);
const std::string kJson(kGoodTokenizerJson);

TEST_CASE("files that agree make one tokenizer") {
  const TemporaryFolder folder;
  write_all(folder, {{"vocab.txt", kVocab},
                     {"tokenizer.json", kJson},
                     {"tokenizer_config.json",
                      R"({"do_lower_case": true, "strip_accents": null, "unk_token": "[UNK]",
                          "tokenizer_class": "BertTokenizerFast"})"},
                     {"special_tokens_map.json", R"({"cls_token": {"content": "[CLS]"}})"}});
  const auto tokenizer = Tokenizer::from_folder(folder.path(), {});
  CHECK(tokenizer.sources() ==
        std::vector<std::string>{(folder / "tokenizer.json").string(),
                                 (folder / "vocab.txt").string(),
                                 (folder / "tokenizer_config.json").string(),
                                 (folder / "special_tokens_map.json").string()});
  // Neither the stored truncation nor the stored padding is applied.
  CHECK(tokenizer.encode("A a a a a").ids == std::vector<std::int32_t>{2, 5, 5, 5, 5, 5, 3});
  CHECK(tokenizer.vocabulary_size() == 7);
}

TEST_CASE("the configuration counts where there is only a vocabulary") {
  const TemporaryFolder folder;
  write_all(folder, {{"vocab.txt", "<pad>\n<unk>\n<s>\n</s>\nA\né\n"},
                     {"tokenizer_config.json",
                      R"({"do_lower_case": false, "unk_token": "<unk>", "cls_token": "<s>"})"},
                     {"special_tokens_map.json", R"({"sep_token": {"content": "</s>"}})"}});
  const auto tokenizer = Tokenizer::from_folder(folder.path(), {});
  CHECK_FALSE(tokenizer.options().lower_case);
  CHECK(tokenizer.encode("A a é </s>").ids == std::vector<std::int32_t>{2, 4, 1, 5, 3, 3});
  // What the user asks for wins.
  const auto lower = Tokenizer::from_folder(folder.path(), {.lower_case = true});
  CHECK(lower.encode("A é").ids == std::vector<std::int32_t>{2, 1, 1, 3});
}

TEST_CASE("tokens that an older checkpoint added") {
  const TemporaryFolder folder;
  write_all(folder, {{"vocab.txt", kVocab},
                     {"added_tokens.json", R"({"New": 8, "[X]": 7})"},
                     {"special_tokens_map.json", R"({"additional_special_tokens": ["[X]"]})"}});
  const auto tokenizer = Tokenizer::from_folder(folder.path(), {});
  CHECK(tokenizer.encode("a NEW [X] [x]").ids == std::vector<std::int32_t>{2, 5, 8, 7, 1, 1, 1, 3});
  CHECK(tokenizer.sources().size() == 3);
}

TEST_CASE("what is there but cannot be read is not passed over") {
  const TemporaryFolder folder;
  write_all(folder, {{"vocab.txt", kVocab}});
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "added_tokens.json"}) {
    CAPTURE(name);
    std::filesystem::create_symlink(name, folder / name);
    CHECK_THROWS_WITH_AS(Tokenizer::from_folder(folder.path(), {}),
                         doctest::Contains((folder / name).c_str()), TokenizerError);
    std::filesystem::remove(folder / name);
    std::filesystem::create_directory(folder / name);
    CHECK_THROWS_WITH_AS(Tokenizer::from_folder(folder.path(), {}),
                         doctest::Contains((folder / name).c_str()), TokenizerError);
    std::filesystem::remove(folder / name);
  }
  CHECK_NOTHROW(Tokenizer::from_folder(folder.path(), {}));
}

TEST_CASE("one file is told apart by content") {
  const TemporaryFolder folder;
  write_all(folder, {{"one", kJson}, {"two", kVocab}, {"three", "{\n" + kVocab}});
  CHECK(Tokenizer::from_file(folder / "one", {}).id("a") == 5);
  CHECK(Tokenizer::from_file(folder / "two", {}).id("a") == 5);
  CHECK(Tokenizer::from_file(folder / "three", {}).id("{") == 0);
  CHECK(Tokenizer::from_file(folder / "three", {}).id("a") == 6);
}

TEST_CASE("a lower-casing that the user asks for settles a contradiction about it") {
  const TemporaryFolder folder;
  write_all(folder,
            {{"tokenizer.json", kJson}, {"tokenizer_config.json", R"({"do_lower_case": false})"}});
  CHECK_THROWS_AS(Tokenizer::from_folder(folder.path(), {}), TokenizerError);
  CHECK_FALSE(Tokenizer::from_folder(folder.path(), {.lower_case = false}).options().lower_case);
  CHECK(Tokenizer::from_folder(folder.path(), {.lower_case = true}).options().lower_case);
}

struct BadFolder {
  std::string why;
  Files files;
  // @ stands for the folder.
  std::string message;
};

const std::vector<BadFolder> kBadFolders = {
    {"no vocabulary", {}, "@/: expected tokenizer.json or vocab.txt, got neither"},
    {"no [UNK]",
     {{"vocab.txt", "[CLS]\n[SEP]\na\n"}},
     "@/vocab.txt: expected the token \"[UNK]\", got none among 3"},
    {"no [CLS]",
     {{"vocab.txt", "[UNK]\n[SEP]\na\n"}},
     "@/vocab.txt: expected the token \"[CLS]\", got none among 3"},
    {"no [SEP]",
     {{"vocab.txt", "[UNK]\n[CLS]\na\n"}},
     "@/vocab.txt: expected the token \"[SEP]\", got none among 3"},
    {"a named token that is not there",
     {{"vocab.txt", kVocab}, {"special_tokens_map.json", R"({"cls_token": "<s>"})"}},
     "@/vocab.txt: expected the token \"<s>\" (@/special_tokens_map.json: cls_token), got none "
     "among 7"},
    {"a vocabulary that is not UTF-8",
     {{"vocab.txt", kVocab + "\xFF\n"}},
     "@/vocab.txt: line 8: expected UTF-8, got another byte at offset 37"},
    {"an empty vocabulary",
     {{"vocab.txt", ""}},
     "@/vocab.txt: expected one token a line, got an empty file"},
    {"two ids for one token",
     {{"tokenizer.json", kJson}, {"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n##b\na\n"}},
     "@/tokenizer.json: \"a\" with id 5 contradicts @/vocab.txt: line 7, id 6"},
    {"a token that vocab.txt lacks",
     {{"tokenizer.json", kJson}, {"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"}},
     "@/tokenizer.json: \"##b\" with id 6 contradicts @/vocab.txt: no such token"},
    {"a token that tokenizer.json lacks",
     {{"tokenizer.json", kJson}, {"vocab.txt", kVocab + "c\n"}},
     "@/tokenizer.json: \"c\" missing contradicts @/vocab.txt: line 8"},
    {"a bad vocab.txt beside a good tokenizer.json",
     {{"tokenizer.json", kJson}, {"vocab.txt", "\xFF"}},
     "@/vocab.txt: line 1: expected UTF-8, got another byte at offset 0"},
    {"lower case or not",
     {{"tokenizer.json", kJson}, {"tokenizer_config.json", R"({"do_lower_case": false})"}},
     "@/tokenizer.json: normalizer.lowercase: true contradicts @/tokenizer_config.json: "
     "do_lower_case: false"},
    {"ideographs apart or not",
     {{"tokenizer.json", kJson}, {"tokenizer_config.json", R"({"tokenize_chinese_chars": false})"}},
     "@/tokenizer.json: normalizer.handle_chinese_chars: true contradicts "
     "@/tokenizer_config.json: tokenize_chinese_chars: false"},
    {"two names for one role",
     {{"tokenizer.json", kJson}, {"special_tokens_map.json", R"({"sep_token": "[PAD]"})"}},
     "@/tokenizer.json: post_processor.single[2].SpecialToken.id: \"[SEP]\" contradicts "
     "@/special_tokens_map.json: sep_token: \"[PAD]\""},
    {"two names in the two configurations",
     {{"vocab.txt", kVocab},
      {"tokenizer_config.json", R"({"mask_token": "[MASK]"})"},
      {"special_tokens_map.json", R"({"mask_token": "a"})"}},
     "@/tokenizer_config.json: mask_token: \"[MASK]\" contradicts @/special_tokens_map.json: "
     "mask_token: \"a\""},
    {"a class that is not BERT's",
     {{"vocab.txt", kVocab},
      {"tokenizer_config.json", R"({"tokenizer_class": "BertJapaneseTokenizer"})"}},
     "@/tokenizer_config.json: tokenizer_class: expected BertTokenizer or one like it, got "
     "\"BertJapaneseTokenizer\""},
    {"an added token with another id than its line",
     {{"vocab.txt", kVocab},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"9": {"content": "[SEP]"}}})"}},
     "@/tokenizer_config.json: added_tokens_decoder: expected \"[SEP]\" to have the id 3, got 9"},
    {"an added token with another token's id",
     {{"vocab.txt", kVocab},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"3": {"content": "new"}}})"}},
     "@/tokenizer_config.json: added_tokens_decoder: expected \"new\" to have an id of its own, "
     "not "
     "that of \"[SEP]\", got 3"},
    {"an added token with another id in tokenizer.json",
     {{"tokenizer.json", kJson}, {"added_tokens.json", R"({"[SEP]": 9})"}},
     "@/added_tokens.json: expected \"[SEP]\" to have the id 3, got 9"},
    {"an added token whose id is none",
     {{"vocab.txt", kVocab}, {"added_tokens.json", R"({"new": -1})"}},
     "@/added_tokens.json: new: expected an integer from 0 to 4194303, got -1"},
    {"an additional special token that is not there",
     {{"vocab.txt", kVocab},
      {"special_tokens_map.json", R"({"additional_special_tokens": ["new"]})"}},
     "@/special_tokens_map.json: additional_special_tokens: expected a token of the vocabulary, "
     "got \"new\""},
};

TEST_CASE("bad folders are refused in one line that names the file") {
  for (const auto& [why, files, message] : kBadFolders) {
    CAPTURE(why);
    const TemporaryFolder folder;
    write_all(folder, files);
    std::string expected = message;
    for (std::size_t at; (at = expected.find('@')) != std::string::npos;) {
      expected.replace(at, 1, folder.path().string());
    }
    CHECK_THROWS_WITH_AS(Tokenizer::from_folder(folder.path(), {}), expected.c_str(),
                         TokenizerError);
  }
}

}  // namespace
}  // namespace bertq::tokenizer::testing
