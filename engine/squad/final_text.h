// From the pieces that a model points at back to the text: get_final_text() of
// google-research/bert.
#pragma once

#include <string_view>

#include "tokenizer/tokenizer.h"

namespace bertq::engine {

// `predicted` is pieces put together ("steve smith"), `original` the words they are from ("Steve
// Smith's"). Which bytes of `original` are what was predicted ("Steve Smith"); all of them where
// that cannot be told. The two are aligned by counting code points that are no spaces, which fails
// where normalising has added or removed some.
tokenizer::Span find_final_text(std::string_view predicted, std::string_view original,
                                const tokenizer::Tokenizer& tokenizer);

}  // namespace bertq::engine
