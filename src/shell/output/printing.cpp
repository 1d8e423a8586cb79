#include "shell/output/printing.hpp"

#include <string>

#include <unistd.h>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

bool write_all(std::FILE* out, std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size();
}

}  // namespace

bool print(std::FILE* out, std::string_view text) {
  if (::isatty(::fileno(out)) != 1) return write_all(out, text);
  return write_all(out, harmless(text, "\n\t"));
}

int refuse(int code, std::string_view text) {
  print(stderr, "logzio-okta: " + without_credentials(text) + "\n");
  return code;
}

}  // namespace logzio_okta
