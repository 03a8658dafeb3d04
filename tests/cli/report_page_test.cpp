#include <doctest/doctest.h>

#include <string>

#include "engine/cli/html_page.h"
#include "engine/cli/svg_chart.h"

namespace bertq::engine::cli {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST_CASE("text cannot become markup") {
  CHECK(html_text("a < b & \"c\" > d") == "a &lt; b &amp; &quot;c&quot; &gt; d");
  const std::string page = html_page("<script>", html_table({"x"}, {{"</td><script>"}}));
  CHECK(count(page, "<script>") == 0);
  CHECK(page.starts_with("<!doctype html>"));
  CHECK(count(page, "http") == 0);  // nothing is fetched from elsewhere
}

TEST_CASE("axes have round numbers and cover what they are for") {
  for (const auto& [low, high] : {std::pair{0.0, 1.0},
                                  {0.8315, 0.8472},
                                  {-3.0, 12345.0},
                                  {5.0, 5.0},
                                  {0.0, 0.0},
                                  {1e-9, 3e-9}}) {
    CAPTURE(low);
    CAPTURE(high);
    const Ticks ticks = round_ticks(low, high);
    CHECK(ticks.first <= low);
    CHECK(ticks.first + ticks.step * (ticks.count - 1) >= high);
    CHECK(ticks.count >= 2);
    CHECK(ticks.count <= 8);
  }
  CHECK(round_ticks(0.0, 1.0).step == doctest::Approx(0.2));
}

TEST_CASE("a picture has a mark for everything") {
  const std::string bars = bar_chart({{"a", 3.0, "3 %"}, {"b<c", -1.0, "-1 %"}, {"d", 0.0, "0 %"}});
  CHECK(count(bars, "<rect") == 3);
  CHECK(count(bars, "b&lt;c") == 1);
  const std::string picture =
      scatter_chart({"seconds",
                     "f1",
                     {{0.1, 0.84, Mark::plain, "one"}, {0.2, 0.85, Mark::chosen, "two"}},
                     {0, 1},
                     0.83,
                     "goal"});
  CHECK(count(picture, "<circle") == 2);
  CHECK(count(picture, "<polyline") == 1);
  CHECK(count(picture, ">goal<") == 1);
  CHECK(count(picture, "nan") == 0);
}

// The attribute `name` of the element that ends with `end`, or of which it is the content.
double number_before(const std::string& text, const std::string& end, const std::string& name) {
  const std::size_t stop = text.find(end);
  REQUIRE(stop != std::string::npos);
  const std::size_t at = text.rfind(" " + name + "=\"", stop);
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + name.size() + 3));
}

TEST_CASE("titles keep clear of points, even of those in the corners and on the level") {
  constexpr double largest_radius = 7.0, descent = 4.0;
  const std::string picture = scatter_chart({"seconds",
                                             "f1",
                                             {{0.0, 1.0, Mark::chosen, "upper left"},
                                              {1.0, 1.0, Mark::chosen, "upper right"},
                                              {1.0, 0.9, Mark::chosen, "on the level"},
                                              {0.0, 0.0, Mark::chosen, "lower left"},
                                              {1.0, 0.0, Mark::chosen, "lower right"}},
                                             {},
                                             0.9,
                                             "goal"});
  for (const char* title : {">f1<", ">goal<"}) {
    const double bottom = number_before(picture, title, "y") + descent;
    for (const char* tip : {"upper left", "upper right", "on the level"}) {
      CAPTURE(std::string(tip));
      CHECK(bottom < number_before(picture, tip, "cy") - largest_radius);
    }
  }
  constexpr double ascent = 10.0;
  for (const char* tip : {"lower left", "lower right"}) {
    CHECK(number_before(picture, tip, "cy") + largest_radius <
          number_before(picture, ">seconds<", "y") - ascent);
  }
}

}  // namespace
}  // namespace bertq::engine::cli
