// What a misspelt word was probably meant to be.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace logzio_okta {

/// The nearest of the known words, if at most a third of the word would have to change to become it.
[[nodiscard]] std::optional<std::string_view> did_you_mean(std::string_view word,
                                                           std::span<const std::string_view> known);

}  // namespace logzio_okta
