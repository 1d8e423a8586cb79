#include "shell/output/did_you_mean.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

/// Levenshtein distance, ignoring case: letters to insert, delete or replace.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (ascii::lower(a[i]) == ascii::lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string_view> did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  constexpr std::size_t word_bytes_max = 64;  // Longer words are no typing errors; the search is quadratic.
  if (known.empty() || word.size() > word_bytes_max) return std::nullopt;
  const std::string_view nearest = *std::ranges::min_element(
      known, std::ranges::less{}, [&](std::string_view each) { return distance(word, each); });
  if (distance(word, nearest) > std::max<std::size_t>(1, word.size() / 3)) return std::nullopt;
  return nearest;
}

}  // namespace logzio_okta
