#include "tokenizer/vocab_txt.h"

#include <doctest/doctest.h>

#include <string>

#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

namespace bertq::tokenizer {
namespace {

// "0:a 2:b": ids and tokens, gaps left out.
std::string read(std::string_view bytes) {
  const Vocabulary vocabulary = parse_vocab_txt(bytes, "vocab.txt");
  std::string shown;
  for (const auto& token : vocabulary.tokens) {
    if (token.length == 0) continue;
    if (!shown.empty()) shown += ' ';
    shown += std::to_string(token.id) + ':' + std::string(vocabulary.name(token));
  }
  return shown;
}

// As tokenizers 0.23.3 reads the same bytes, but for the byte order mark, which it takes for a part
// of the first token.
TEST_CASE("a line's number is its id, whatever the lines look like") {
  struct Case {
    std::string why;
    std::string_view bytes;
    const char* tokens;
  };
  const Case cases[] = {
      {"plain", "a\nb\n", "0:a 1:b"},
      {"no last newline", "a\nb", "0:a 1:b"},
      {"CRLF", "a\r\nb\r\n", "0:a 1:b"},
      {"a byte order mark",
       "\xEF\xBB\xBF"
       "a\nb\n",
       "0:a 1:b"},
      {"a blank line keeps its id", "a\n\nb\n", "0:a 2:b"},
      {"and with CRLF", "a\r\n\r\nb\r\n", "0:a 2:b"},
      {"blank lines at the end are nothing", "a\nb\n\n\n", "0:a 1:b"},
      {"a blank line at the start", "\nb\n", "1:b"},
      {"white space at the end of a line", "a \t\nb\u3000\n", "0:a 1:b"},
      {"white space at its start is the token's", " a\nb\n", "0: a 1:b"},
      {"a line separator does not end a line", "a\u2028x\nb\n", "0:a\u2028x 1:b"},
      {"both lines of a token given twice", "a\nb\na\n", "0:a 1:b 2:a"},
  };
  for (const auto& [why, bytes, tokens] : cases) {
    CAPTURE(why);
    CHECK(read(bytes) == tokens);
  }
}

TEST_CASE("special tokens are found by name, of one given twice the later") {
  const Vocabulary vocabulary = parse_vocab_txt("[UNK]\n[SEP]\na\n<s>\n[SEP]\n", "vocab.txt");
  const auto added = default_added_tokens(vocabulary, {"[SEP]", "<s>", "[UNK]", "[MASK]"});
  REQUIRE(added.size() == 3);
  CHECK(added[0].content == "[UNK]");
  CHECK(added[1].content == "<s>");
  CHECK(added[2].content == "[SEP]");
  CHECK(added[2].id == 4);
  CHECK(added[2].special);
  CHECK_FALSE(added[2].normalized);
}

TEST_CASE("what cannot be a vocabulary is refused with its line") {
  struct Case {
    std::string why;
    std::string bytes;
    const char* message;
  };
  const Case cases[] = {
      {"empty", "", "vocab.txt: expected one token a line, got an empty file"},
      {"only newlines", "\n\n\n", "vocab.txt: expected one token a line, got an empty file"},
      {"Latin-1", "a\nb\ncaf\xE9\n",
       "vocab.txt: line 3: expected UTF-8, got another byte at offset 7"},
      {"a long line", "a\n" + std::string(TokenTable::longest_allowed + 1, 'x') + "\n",
       "vocab.txt: line 2: expected a token of at most 1024 bytes, got 1025"},
      {"too many lines", std::string(static_cast<std::size_t>(Vocab::max_size), '\n') + "a\n",
       "vocab.txt: line 4194305: expected at most 4194304 tokens, got more"},
  };
  for (const auto& [why, bytes, message] : cases) {
    CAPTURE(why);
    CHECK_THROWS_WITH_AS(parse_vocab_txt(bytes, "vocab.txt"), message, TokenizerError);
  }
}

}  // namespace
}  // namespace bertq::tokenizer
