// Error: an expected failure as a value, its text written for the administrator: what, where, what to do.
//
//     Result<Domain> domain = Domain::parse("acme-admin.okta.com");
//     if (!domain) complain(domain.error().text);
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace logzio_okta {

struct Error {
  std::string text;  ///< One line, no trailing period, never a secret.
};

template <class T>
using Result = std::expected<T, Error>;

/// `return fail("...")` from any function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> fail(std::string text) {
  return std::unexpected<Error>(Error{std::move(text)});
}

}  // namespace logzio_okta
