#include "tests/bench/replay/replay.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace tuned::bench {
namespace {

constexpr double kWidth = 760, kHeight = 420, kLeft = 56, kRight = 210, kTop = 36, kBottom = 44;
constexpr double kLeast = 0.6; ///< share at the bottom

double x(double evaluations, double most) {
  return kLeft + (kWidth - kLeft - kRight) * std::log(evaluations) / std::log(most);
}
double y(double share) {
  return kTop + (kHeight - kTop - kBottom) * (1 - std::max(share, kLeast)) / (1 - kLeast);
}

template <typename... Values> std::string format(const char* text, Values... values) {
  std::array<char, 512> out;
  std::snprintf(out.data(), out.size(), text, values...);
  return out.data();
}

std::string label(double atX, double atY, const char* anchor, const std::string& text,
                  const char* colour = "#333") {
  return format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", atX, atY, anchor,
                colour, text.c_str());
}

} // namespace

std::string plot(const std::string& title, const std::vector<Curve>& curves) {
  constexpr std::array<const char*, 8> colours = {"#0b6e99", "#d9480f", "#2b8a3e", "#862e9c",
                                                  "#c2255c", "#5f6b7a", "#e0a100", "#1c7ed6"};
  double most = 10;
  for (const Curve& curve : curves)
    for (const auto& [evaluations, share] : curve.points)
      most = std::max(most, evaluations);
  std::string out =
      format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
             "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" "
             "fill=\"white\"/>\n",
             kWidth, kHeight);
  out += label(kLeft, 20, "start", title);
  for (double share : {0.6, 0.7, 0.8, 0.9, 1.0}) {
    out += format("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", kLeft,
                  kWidth - kRight, y(share), y(share));
    out += label(kLeft - 8, y(share) + 4, "end", format("%.0f %%", 100 * share));
  }
  for (double evaluations : {1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 220.0, 500.0, 1000.0})
    if (evaluations <= most)
      out += label(x(evaluations, most), kHeight - kBottom + 18, "middle", format("%.0f", evaluations));
  out += label((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", "evaluations");
  for (size_t i = 0; i < curves.size(); ++i) {
    const char* colour = colours[i % colours.size()];
    out += format("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\"%s points=\"", colour,
                  i >= colours.size() ? " stroke-dasharray=\"5 3\"" : "");
    for (const auto& [evaluations, share] : curves[i].points)
      out += format("%.1f,%.1f ", x(evaluations, most), y(share));
    out += "\"/>\n";
    out +=
        label(kWidth - kRight + 10, kTop + 12 + 18 * static_cast<double>(i), "start", curves[i].name, colour);
  }
  return out + "</svg>\n";
}

} // namespace tuned::bench
