// bertq help and bertq completion: what the program says about itself, for people and for shells.

#include <fmt/format.h>

#include <filesystem>

#include "bertq/error.h"
#include "engine/cli/completion.h"
#include "engine/cli/help.h"
#include "engine/cli/man_page.h"
#include "engine/cli/verbs.h"

namespace bertq::engine::cli {
namespace {

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error)
    throw Error(ErrorKind::resources, path.parent_path().string() + ": " + error.message());
  Output file(path);
  file.write(content);
  file.finish();
}

// Where packages keep them below share/.
void write_share(const std::filesystem::path& share) {
  const auto man = share / "man/man1";
  write_file(man / "bertq.1", program_man_page());
  for (const Verb& verb : all_verbs()) {
    write_file(man / fmt::format("bertq-{}.1", verb.name), verb_man_page(verb));
  }
  write_file(share / "bash-completion/completions/bertq", completion_script("bash"));
  write_file(share / "zsh/site-functions/_bertq", completion_script("zsh"));
  write_file(share / "fish/vendor_completions.d/bertq.fish", completion_script("fish"));
}

}  // namespace

void help(const Arguments& arguments, Output& output, const Console&) {
  if (arguments.given("write-share")) return write_share(arguments.text("write-share"));
  const bool man = arguments.flag("man");
  if (!arguments.given("verb")) {
    output.write(man ? program_man_page() : program_help());
  } else {
    const Verb& verb = find_verb(arguments.text("verb"));
    output.write(man ? verb_man_page(verb) : help_of(verb));
  }
}

void completion(const Arguments& arguments, Output& output, const Console&) {
  if (!arguments.given("shell")) {
    throw Error(ErrorKind::usage, "completion: expected a shell, bash, zsh or fish; got none");
  }
  output.write(completion_script(arguments.text("shell")));
}

}  // namespace bertq::engine::cli
