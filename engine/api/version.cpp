#include "bertq/version.h"

#include "engine/precision/recipe.h"
#include "loaders/bertq_header.h"

namespace bertq {

Versions versions() noexcept {
  return {BERTQ_VERSION_MAJOR, BERTQ_VERSION_MINOR,    BERTQ_VERSION_PATCH,
          BERTQ_ABI_VERSION,   engine::recipe_version, loaders::bertq_version};
}

std::string version_text() {
  const Versions of = versions();
  return "bertq " + std::to_string(of.major) + "." + std::to_string(of.minor) + "." +
         std::to_string(of.patch) + "\nABI " + std::to_string(of.abi) + ", recipes version " +
         std::to_string(of.recipe) + ", .bertq files version " + std::to_string(of.file) + "\n";
}

}  // namespace bertq
