#include "tokenizer/wordpiece.h"

#include <doctest/doctest.h>

#include <string>

namespace bertq::tokenizer {
namespace {

// The ids of the pieces of `word`.
std::string split(const WordPiece& word_piece, std::string_view word) {
  std::vector<Piece> pieces;
  std::string text = "<";  // a word lies somewhere in its text
  text += word;
  text += '>';
  word_piece.split(text, {1, 1 + word.size()}, pieces);
  std::string shown;
  for (const Piece& piece : pieces) {
    if (!shown.empty()) shown += ' ';
    shown += std::to_string(piece.id) + "@" + std::to_string(piece.bytes.begin) + "-" +
             std::to_string(piece.bytes.end);
  }
  return shown;
}

TEST_CASE("the longest piece first; a word of which a part is unknown is unknown") {
  const Vocab vocab(
      {{"[UNK]", 0}, {"un", 1}, {"##aff", 2}, {"##able", 3}, {"##a", 4}, {"able", 5}, {"##é", 6}});
  const WordPiece word_piece(vocab, {});
  CHECK(split(word_piece, "unaffable") == "1@1-3 2@3-6 3@6-10");
  CHECK(split(word_piece, "unable") == "1@1-3 3@3-7");
  CHECK(split(word_piece, "able") == "5@1-5");
  CHECK(split(word_piece, "una") == "1@1-3 4@3-4");
  CHECK(split(word_piece, "uné") == "1@1-3 6@3-5");
  CHECK(split(word_piece, "affable") == "0@1-8");
  // Greedy: "##able" would have matched after "##aff" only.
  CHECK(split(word_piece, "unafable") == "0@1-9");
}

TEST_CASE("rules of the file are kept to") {
  const Vocab vocab({{"?", 0}, {"a", 1}, {"@@a", 2}, {"##a", 3}, {"é", 4}});
  const WordPiece word_piece(vocab, {.unknown = 0, .continuing_prefix = "@@", .max_characters = 3});
  CHECK(split(word_piece, "aaa") == "1@1-2 2@2-3 2@3-4");
  CHECK(split(word_piece, "aaaa") == "0@1-5");
  // Characters are counted, not bytes.
  CHECK(split(word_piece, "éaa") == "4@1-3 2@3-4 2@4-5");
  const WordPiece without_prefix(vocab, {.continuing_prefix = ""});
  CHECK(split(without_prefix, "aéa") == "1@1-2 4@2-4 1@4-5");
}

TEST_CASE("a continuation that was given twice has its later id") {
  const Vocab vocab({{"a", 0}, {"##b", 1}, {"##b", 2}});
  CHECK(split(WordPiece(vocab, {}), "ab") == "0@1-2 2@2-3");
}

}  // namespace
}  // namespace bertq::tokenizer
