// Reports as one HTML file that needs no other: text, tables and pictures (svg_chart.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertq::engine::cli {

// As text within HTML or an attribute, bytes that are not UTF-8 or not printable made visible.
std::string html_text(std::string_view text);

// `body` is HTML. Follows the reader's light or dark mode, and prints.
std::string html_page(std::string_view title, std::string_view body);

// Cells are plain text; all columns but the first `left` are aligned to the right.
std::string html_table(const std::vector<std::string>& titles,
                       const std::vector<std::vector<std::string>>& rows, std::size_t left = 1);

}  // namespace bertq::engine::cli
