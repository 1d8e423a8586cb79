#include "logzio_okta/okta/domain.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"

namespace logzio_okta {
namespace {

// Okta's own domains (docs/okta.md 6). Any other name may be a customer's own.
constexpr std::array<std::string_view, 9> okta_zones{
    ".okta.com",         ".oktapreview.com", ".okta-emea.com", ".okta-gov.com",     ".okta.mil",
    ".okta-miltest.com", ".trexcloud.com",   ".trex-gov.com",  ".trex-govcloud.com"};

constexpr std::string_view example = "write the org's own address, for example acme.okta.com";

// The parts of what people paste: `scheme://host:port/path`; the path does not matter.
struct Pasted {
  std::string scheme = "https";
  std::string host;  // Lower case, without a trailing dot.
  std::optional<std::string_view> port;
};

std::optional<std::string_view> cut_port(std::string_view& authority) {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view port = authority.substr(colon + 1);
  authority = authority.substr(0, colon);
  return port;
}

Pasted take_apart(std::string_view text) {
  Pasted pasted;
  if (const std::size_t mark = text.find("://"); mark != std::string_view::npos) {
    pasted.scheme = ascii::lower(text.substr(0, mark));
    text.remove_prefix(mark + 3);
  }
  std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  pasted.port = cut_port(authority);
  if (authority.ends_with('.')) authority.remove_suffix(1);
  pasted.host = ascii::lower(authority);
  return pasted;
}

bool is_label(std::string_view label) {
  const auto allowed = [](char c) { return ascii::is_letter(c) || ascii::is_digit(c) || c == '-'; };
  return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, allowed) &&
         label.front() != '-' && label.back() != '-';
}

// Why this cannot be a host name on the internet (RFC 1123 section 2.1); nullopt if it can.
std::optional<std::string_view> fault_of_name(std::string_view host) {
  if (host.empty()) return "has no host";
  if (host.size() > 253) return "is longer than any host name";
  if (host.find('_') != std::string_view::npos) return "has an underscore, which host names do not have";
  if (host.find('.') == std::string_view::npos) return "is not a full host name";
  for (std::string_view rest = host;;) {
    const std::size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return "is not a host name";
    if (dot == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(dot + 1);
  }
}

// "acme.okta.com" for "acme-admin.okta.com", the address of Okta's admin console, which takes no API calls.
std::optional<std::string> org_of_admin_host(std::string_view host) {
  constexpr std::string_view suffix = "-admin";
  const std::string_view label = host.substr(0, host.find('.'));
  const std::string_view zone = host.substr(label.size());
  if (!label.ends_with(suffix) || !is_okta_host(zone)) return std::nullopt;
  return std::string(label.substr(0, label.size() - suffix.size())).append(zone);
}

// What is wrong and what to write instead, for use after the quoted text; nullopt if nothing is wrong.
std::optional<std::string> fault_of(const Pasted& pasted) {
  const auto with_example = [](std::string_view fault) {
    return std::string(fault).append(": ").append(example);
  };
  if (pasted.scheme != "https" && pasted.scheme != "http") {
    return with_example("has a scheme that Okta does not use");
  }
  if (is_loopback(pasted.host)) return std::nullopt;
  if (is_ip_address(pasted.host) || pasted.host.starts_with('[')) {
    return with_example("is an IP address, which is in no certificate of Okta's");
  }
  if (const auto fault = fault_of_name(pasted.host)) return with_example(*fault);
  if (std::ranges::any_of(okta_zones, [&](std::string_view zone) { return pasted.host == zone.substr(1); }))
    return with_example("is Okta's own domain, not that of an org");
  if (const auto org = org_of_admin_host(pasted.host)) {
    return "is the address of the admin console: use " + *org;
  }
  if (pasted.scheme == "http") {
    return "would send the API key unencrypted (http:// is for a loopback address only): use https://" +
           pasted.host;
  }
  return std::nullopt;
}

// A refusal that quotes nothing that may be a password, and suggests the part after the last '@' if that
// alone is valid.
Result<Domain> refuse_user_info(std::string_view text) {
  const Result<Domain> rest = Domain::parse(text.substr(text.rfind('@') + 1));
  return fail("it contains a user name or a password; an Okta org's address has neither: " +
              (rest ? "write " + rest->name() : std::string(example)));
}

bool looks_like_key(std::string_view text) {
  return text.size() >= credential_bytes_min && std::ranges::all_of(text, may_stand_in_credential);
}

}  // namespace

bool is_okta_host(std::string_view host) {
  return std::ranges::any_of(okta_zones, [&](std::string_view zone) { return host.ends_with(zone); });
}

Result<Domain> Domain::parse(std::string_view text) {
  text = ascii::trim(text);
  if (text.empty()) return fail("it is empty: " + std::string(example));
  if (text.find('@') != std::string_view::npos) return refuse_user_info(text);
  if (looks_like_key(text)) return fail("this is an API key, not an address: " + std::string(example));

  const auto refuse = [&](std::string_view fault) {
    return fail(ascii::quote(text).append(" ").append(fault));
  };
  const auto belongs = [](char c) { return ascii::is_visible(c) && c != '\\'; };
  if (!std::ranges::all_of(text, belongs)) {
    return refuse("contains a character that no host name has: " + std::string(example));
  }
  const Pasted pasted = take_apart(text);
  if (const auto fault = fault_of(pasted)) return refuse(*fault);

  std::string address = pasted.scheme + "://" + pasted.host;
  if (pasted.port) address.append(":").append(*pasted.port);
  std::optional<Url> url = parse_url(address);
  if (!url) {
    // The stricter parser decides: an invalid port, or an address in disguise, such as 127.1.
    return refuse(parse_url(pasted.scheme + "://" + pasted.host)
                      ? "has a port that is not a number from 1 to 65535"
                      : "is not a host name: " + std::string(example));
  }
  Domain domain;
  domain.origin_ = std::move(url->origin);
  domain.name_ = domain.origin_.text().substr(domain.origin_.scheme.size() + 3);
  return domain;
}

}  // namespace logzio_okta
