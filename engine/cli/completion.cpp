#include "engine/cli/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <vector>

#include "engine/cli/joined.h"
#include "engine/cli/options.h"
#include "engine/cli/verbs.h"

namespace bertq::engine::cli {
namespace {

std::string replaced(std::string_view text, std::string_view special,
                     const std::function<std::string(char)>& by) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) {
      result += by(c);
    } else {
      result += c;
    }
  }
  return result;
}

// In single quotes, as bash and zsh read them, and as fish does.
std::string shell_quoted(std::string_view text) {
  return fmt::format("'{}'", replaced(text, "'", [](char) { return R"('\'')"; }));
}
std::string fish_quoted(std::string_view text) {
  return fmt::format("'{}'",
                     replaced(text, R"('\)", [](char c) { return fmt::format("\\{}", c); }));
}

bool has_value(const Option& option) {
  return option.takes != Takes::nothing && option.takes != Takes::boolean;
}

// --name and, where there is one, its letter.
std::vector<std::string> spellings(const Option& option) {
  std::vector<std::string> names = {fmt::format("--{}", option.name)};
  if (option.letter != '\0') names.push_back(fmt::format("-{}", option.letter));
  return names;
}

std::string bash_case(const std::vector<std::string>& patterns, std::string_view body) {
  return patterns.empty() ? "" : fmt::format("        {}) {} ;;\n", joined(patterns, "|"), body);
}

// What may follow, by the word before: a value of a flag, else the verb's flags.
std::string bash_verb(const Verb& verb) {
  std::vector<std::string> flags, files, folders, free;
  std::string cases, words;
  for (const Option* option : options_of(verb.bit)) {
    const auto names = spellings(*option);
    const auto candidates = candidates_of(*option);
    if (option->positional) {
      words = fmt::format("{} ", joined(candidates, " "));
      continue;
    }
    flags.insert(flags.end(), names.begin(), names.end());
    if (!has_value(*option)) continue;
    const Names named = names_what(*option);
    if (!candidates.empty()) {
      const std::string list = shell_quoted(joined(candidates, " "));
      cases += bash_case(
          names, fmt::format("words={}{}", list, named == Names::nothing ? "" : "; files=-f"));
    } else {
      auto& kind = named == Names::file ? files : named == Names::folder ? folders : free;
      kind.insert(kind.end(), names.begin(), names.end());
    }
  }
  return fmt::format(
      "    {})\n      case $previous in\n{}{}{}{}        *) words={} ;;\n"
      "      esac ;;\n",
      verb.name, cases, bash_case(files, "files=-f"), bash_case(folders, "files=-d"),
      bash_case(free, "return"), shell_quoted(fmt::format("{}{}", words, joined(flags, " "))));
}

std::string bash_script() {
  std::vector<std::string> names;
  for (const Verb& verb : all_verbs()) names.emplace_back(verb.name);
  std::string script =
      R"(# bash completion for bertq, written by `bertq completion bash`
_bertq() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words= files=
  # bash takes the = of --flag=value for a word of its own.
  if [[ $word == = ]]; then
    word=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
)" +
      fmt::format("    words={}\n",
                  shell_quoted(fmt::format("{} --help --version", joined(names, " ")))) +
      R"(  else
    case ${COMP_WORDS[1]} in
)";
  for (const Verb& verb : all_verbs()) script += bash_verb(verb);
  return script + R"(    esac
  fi
  [[ -n $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  if [[ -n $files ]]; then
    compopt -o filenames 2> /dev/null
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen "$files" -- "$word")
  fi
}
complete -F _bertq bertq
)";
}

// The action of zsh's _arguments.
std::string zsh_action(const Option& option) {
  const auto candidates = candidates_of(option);
  const Names named = names_what(option);
  const std::string words = fmt::format("({})", joined(candidates, " "));
  if (named == Names::folder) return "_files -/";
  if (candidates.empty()) return named == Names::file ? "_files" : " ";
  return named == Names::file
             ? fmt::format("{{_alternative 'values:value:{}' 'files:file:_files'}}", words)
             : words;
}

std::string zsh_spec(const Option& option) {
  const auto escaped = [](std::string_view text) {
    return replaced(text, R"(\[]:)", [](char c) { return fmt::format("\\{}", c); });
  };
  const std::string what = fmt::format(
      ":{}:{}", escaped(option.positional ? option.name : argument_of(option)), zsh_action(option));
  if (option.positional)
    return fmt::format("      {} \\\n", shell_quoted(fmt::format("1{}", what)));
  const std::string help = fmt::format("[{}]", escaped(brief(option.help)));
  const bool value = has_value(option);
  if (option.letter == '\0') {
    return fmt::format("      {} \\\n",
                       shell_quoted(fmt::format("--{}{}{}{}", option.name, value ? "=" : "", help,
                                                value ? what : "")));
  }
  return fmt::format("      '(-{0} --{1})'{{-{0}{2},--{1}{3}}}{4} \\\n", option.letter, option.name,
                     value ? "+" : "", value ? "=" : "",
                     shell_quoted(help + (value ? what : std::string())));
}

std::string zsh_script() {
  std::string script = R"(#compdef bertq
# zsh completion for bertq, written by `bertq completion zsh`
_bertq() {
  local -a verbs=(
)";
  for (const Verb& verb : all_verbs()) {
    script += fmt::format("    {}\n", shell_quoted(fmt::format("{}:{}", verb.name, verb.summary)));
  }
  script += R"(  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    compadd -- --help --version
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
)";
  for (const Verb& verb : all_verbs()) {
    script += fmt::format("    {})\n      _arguments -s \\\n", verb.name);
    for (const Option* option : options_of(verb.bit)) script += zsh_spec(*option);
    script += "      && return ;;\n";
  }
  return script + R"(  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _bertq "$@"; else compdef _bertq bertq; fi
)";
}

std::string fish_line(const Verb& verb, const Option& option) {
  const auto candidates = candidates_of(option);
  const std::string condition =
      fmt::format("complete -c bertq -n '__fish_seen_subcommand_from {}'", verb.name);
  const std::string words = candidates.empty() ? "" : " -a " + fish_quoted(joined(candidates, " "));
  if (option.positional) return fmt::format("{}{}\n", condition, words);
  std::string value;
  if (has_value(option)) {
    value = names_what(option) == Names::nothing ? " -x"
            : names_what(option) == Names::file  ? " -rF"
                                                 : " -x -a '(__fish_complete_directories)'";
  }
  return fmt::format("{} -l {}{}{}{} -d {}\n", condition, option.name,
                     option.letter == '\0' ? "" : fmt::format(" -s {}", option.letter), value,
                     words, fish_quoted(brief(option.help)));
}

std::string fish_script() {
  std::string script =
      "# fish completion for bertq, written by `bertq completion fish`\n"
      "complete -c bertq -f\n"
      "complete -c bertq -n __fish_use_subcommand -l help -s h -d 'show this'\n"
      "complete -c bertq -n __fish_use_subcommand -l version -d 'show the version'\n";
  for (const Verb& verb : all_verbs()) {
    script += fmt::format("complete -c bertq -n __fish_use_subcommand -a {} -d {}\n", verb.name,
                          fish_quoted(verb.summary));
  }
  for (const Verb& verb : all_verbs()) {
    for (const Option* option : options_of(verb.bit)) script += fish_line(verb, *option);
  }
  return script;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  throw std::logic_error(fmt::format("no completion for {}", shell));
}

}  // namespace bertq::engine::cli
