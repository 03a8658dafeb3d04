#include "fuzz/read_settings.h"

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bertq/error.h"
#include "engine/precision/recipe.h"
#include "engine/quantized/best_configure.h"
#include "engine/tuning/journal.h"
#include "engine/tuning/lpot_settings.h"
#include "engine/tuning/operation_names.h"
#include "engine/tuning/search_records.h"

namespace bertq::fuzz {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void unless_refused(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::input) throw;
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) {
      throw std::logic_error("a message of several lines");
    }
  }
}

}  // namespace

void read_recipe(std::span<const std::byte> bytes) {
  unless_refused([&] {
    const auto recipe = engine::Recipe::parse(text_of(bytes), "m");
    if (!same_choices(engine::Recipe::parse(recipe.to_json(), "again"), recipe)) {
      throw std::logic_error("another recipe once it is written");
    }
  });
}

void read_lpot_settings(std::span<const std::byte> bytes) {
  unless_refused([&] {
    const engine::LpotSettings settings = engine::parse_lpot_settings(text_of(bytes), "m");
    for (const engine::Restriction& restriction : settings.space.op_wise) {
      for (const char* module : {"bert.encoder.layer.11.attention.self.query", "classifier"}) {
        engine::names_operation(restriction.pattern, module, settings.space.dialect);
      }
    }
  });
}

void read_best_configure(std::span<const std::byte> bytes) {
  unless_refused([&] { engine::parse_best_configure(text_of(bytes), "m"); });
}

void read_journal(std::span<const std::byte> bytes) {
  unless_refused([&] {
    engine::JournalContent content = engine::parse_journal(text_of(bytes), "m");
    if (content.records.empty()) return;
    content.records.erase(content.records.begin());  // the identity
    const engine::KnownRecords known(content.records);
  });
}

}  // namespace bertq::fuzz
