#include "logzio_okta/logzio/quote.hpp"

#include <cstddef>

#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t token_letters = 32;

}  // namespace

std::string quotable(std::string_view text) {
  // Struck out before anything is cut: half a token at the cut would no longer look like one.
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && ascii::is_letter(text[end])) ++end;
    if (end - at >= token_letters) {
      clean += "[redacted]";
    } else {
      end = end == at ? at + 1 : end;
      clean += text.substr(at, end - at);
    }
    at = end;
  }
  return printable(clean);
}

}  // namespace logzio_okta
