// The probable meaning of a misspelt word.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace logzio_okta {

/// The nearest known word, if at most a third of the word differs.
[[nodiscard]] std::optional<std::string_view> did_you_mean(std::string_view word,
                                                           std::span<const std::string_view> known);

}  // namespace logzio_okta
