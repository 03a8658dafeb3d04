#include "engine/cli/man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/cli/help.h"
#include "engine/cli/options.h"

namespace bertq::engine::cli {
namespace {

// Text that roff takes as it is: a hyphen that can be copied, no escapes, no requests.
std::string plain(std::string_view text) {
  std::string result;
  if (text.starts_with('.') || text.starts_with('\'')) result += "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      case '`':
        result += "\\(ga";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string title(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return fmt::format(".TH {} 1 \"\" \"bertq " BERTQ_VERSION "\" \"User Commands\"\n", plain(upper));
}

std::string section(std::string_view name) {
  return fmt::format(".SH {}\n", name);
}

// A term and, indented below it, what it means.
std::string paragraph(std::string_view term, std::string_view text) {
  return fmt::format(".TP\n\\fB{}\\fR\n{}\n", plain(term), plain(text));
}

std::string meanings(std::string_view name, std::span<const Meaning> rows) {
  std::string text = section(name);
  for (const Meaning& row : rows) text += paragraph(row.name, row.text);
  return text;
}

std::string option_paragraph(const Option& option) {
  std::string term;
  if (!option.positional) {
    if (option.letter != '\0') term = fmt::format("\\fB\\-{}\\fR, ", option.letter);
    term += fmt::format("\\fB\\-\\-{}\\fR", plain(option.name));
  }
  if (const std::string argument = argument_of(option); !argument.empty()) {
    term += fmt::format("{}\\fI{}\\fR", term.empty() ? "" : " ", plain(argument));
  }
  return fmt::format(".TP\n{}\n{}\n", term, plain(full_help(option)));
}

std::string page_of(const Verb& verb) {
  return fmt::format("bertq-{}", verb.name);
}

}  // namespace

std::string program_man_page() {
  std::string page = title("bertq");
  page += section("NAME") + "bertq \\- " + plain(program_summary) + "\n";
  page += section("SYNOPSIS") + ".B bertq\n.I verb\n.RI [ flags ]\n";
  page += section("VERBS");
  for (const Verb& verb : all_verbs()) {
    page += fmt::format(".TP\n.BR {} (1)\n{}\n", plain(page_of(verb)), plain(verb.summary));
  }
  page += meanings("ENVIRONMENT", environment_variables());
  page += meanings("EXIT STATUS", exit_codes());
  return page;
}

std::string verb_man_page(const Verb& verb) {
  std::string page = title(page_of(verb));
  page += section("NAME") + plain(page_of(verb)) + " \\- " + plain(verb.summary) + "\n";
  page += section("SYNOPSIS") +
          fmt::format(".B bertq {}\n{}\n.RI [ flags ]\n", verb.name, plain(verb.usage));
  page += section("OPTIONS");
  for (const Option* option : options_of(verb.bit)) page += option_paragraph(*option);
  page += section("EXAMPLES") + ".nf\n";
  for (const std::string_view example : verb.examples) page += plain(example) + "\n";
  page += ".fi\n" + section("SEE ALSO") + ".BR bertq (1)\n";
  return page;
}

}  // namespace bertq::engine::cli
