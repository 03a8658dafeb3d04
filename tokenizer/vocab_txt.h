// vocab.txt: one token a line; the line's number, counted from 0, is the id.
#pragma once

#include <string_view>

#include "tokenizer/definition.h"

namespace bertq::tokenizer {

// As `tokenizers` reads it: white space at a line's end is no part of the token, an empty line
// keeps its id as a gap, of a token given twice the later id counts. No line ever shifts the ids of
// others. A byte order mark and empty lines at the end are ignored. `file` stands for the file in
// messages. Throws TokenizerError naming file and line.
Vocabulary parse_vocab_txt(std::string_view bytes, std::string_view file);

// The special tokens of BERT that the vocabulary has, as added tokens: [UNK], [CLS], [SEP], [PAD]
// and [MASK], under the names that the files give them.
std::vector<AddedToken> default_added_tokens(const Vocabulary& vocabulary,
                                             const std::vector<std::string>& names);

}  // namespace bertq::tokenizer
