#include "engine/cli/html_page.h"

#include <fmt/format.h>

#include "loaders/printable.h"

namespace bertq::engine::cli {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --faint: #8884; --mark: #0072b2;
        --warn: #d55e00; --good: #009e73; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #161616; --mark: #56b4e9;
        --warn: #e69f00; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--faint); text-align: right;
         font-variant-numeric: tabular-nums; vertical-align: top; }
th.left, td.left { text-align: left; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.scroll { overflow-x: auto; } .faint { opacity: .7; } pre { overflow-x: auto; font-size: .8rem; }
)";

}  // namespace

std::string html_text(std::string_view text) {
  std::string escaped;
  for (const char c : loaders::printable(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n{2}\n</body></html>\n",
      html_text(title), style, body);
}

std::string html_table(const std::vector<std::string>& titles,
                       const std::vector<std::vector<std::string>>& rows, std::size_t left) {
  const auto row = [&](const std::vector<std::string>& cells, std::string_view tag) {
    std::string text = "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += fmt::format("<{0}{1}>{2}</{0}>", tag, i < left ? " class=\"left\"" : "",
                          html_text(cells[i]));
    }
    return text + "</tr>\n";
  };
  std::string table = "<div class=\"scroll\"><table>\n" + row(titles, "th");
  for (const auto& cells : rows) table += row(cells, "td");
  return table + "</table></div>\n";
}

}  // namespace bertq::engine::cli
