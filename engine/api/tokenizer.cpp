#include "bertq/tokenizer.hpp"

#include <filesystem>
#include <string>
#include <utility>

#include "engine/api/guarded.h"
#include "engine/api/tokenizer_impl.h"
#include "engine/model/hub_cache.h"

namespace bertq {

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Tokenizer Tokenizer::load(const std::string& path, std::optional<bool> lower_case) {
  return guarded([&] {
    const auto found = engine::find_model(path, engine::Needed::tokenizer);
    const tokenizer::Tokenizer::Overrides overrides{.lower_case = lower_case};
    auto loaded = std::filesystem::is_directory(found)
                      ? tokenizer::Tokenizer::from_folder(found, overrides)
                      : tokenizer::Tokenizer::from_file(found, overrides);
    return Tokenizer(std::make_shared<const Impl>(
        Impl{std::make_shared<const tokenizer::Tokenizer>(std::move(loaded))}));
  });
}

Encoding Tokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                           std::size_t max_tokens) const {
  return guarded([&] {
    auto inner = of_handle(impl_, "tokenizer").tokenizer->encode(text, pair, max_tokens);
    Encoding encoding{std::move(inner.ids), std::move(inner.segments), {}, inner.truncated};
    encoding.spans.reserve(inner.spans.size());
    for (const auto [begin, end] : inner.spans) encoding.spans.push_back({begin, end});
    return encoding;
  });
}

std::size_t Tokenizer::vocabulary() const {
  return of_handle(impl_, "tokenizer").tokenizer->vocabulary_size();
}

std::string_view Tokenizer::token(std::int32_t id) const {
  return of_handle(impl_, "tokenizer").tokenizer->token(id);
}

std::optional<std::int32_t> Tokenizer::id(std::string_view token) const {
  return of_handle(impl_, "tokenizer").tokenizer->id(token);
}

}  // namespace bertq
