#include "logzio_okta/logzio/endpoint.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

namespace logzio_okta {
namespace {

using namespace std::string_view_literals;

struct Spoken {
  Protocol protocol;
  std::string_view scheme;
  std::uint16_t port;  ///< At Logz.io.
};
constexpr std::array spoken = {
    Spoken{Protocol::https_bulk, "https", 8071},
    Spoken{Protocol::tls_lines, "tls", 5052},
    Spoken{Protocol::http_bulk, "http", 8070},
    Spoken{Protocol::tcp_lines, "tcp", 5050},
};
constexpr std::string_view ports_known =
    "8071 (HTTPS), 5052 (lines over TLS), 8070 (HTTP) and 5050 (lines over TCP)";

const Spoken& spoken_as(Protocol protocol) {
  return *std::ranges::find(spoken, protocol, &Spoken::protocol);
}

/// The parts of the written endpoint. Views into the text.
struct Written {
  std::optional<std::string_view> scheme;
  std::string_view host;
  std::optional<std::string_view> port;
};

Result<Written> take_apart(std::string_view text) {
  Written written;
  if (const std::size_t colon = text.find("://"); colon != std::string_view::npos) {
    written.scheme = text.substr(0, colon);
    text.remove_prefix(colon + 3);
  }
  if (text.contains('@'))
    return fail("a user or password is not allowed here; write only the listener's host");
  if (const std::size_t end = text.find_first_of("/?#"); end != std::string_view::npos) {
    return fail("write only the host, without a path or query: \"" + quotable(text.substr(0, end)) + "\"");
  }
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  const std::size_t colon = bracket == std::string_view::npos ? bracket : text.find(':', bracket);
  written.host = text.substr(0, colon);
  if (colon != std::string_view::npos) written.port = text.substr(colon + 1);
  if (written.port && written.port->contains(':')) {
    return fail("an IPv6 address needs brackets: \"[" + quotable(text) + "]\"");
  }
  return written;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const std::optional<std::uint64_t> port = ascii::whole_number(text);
  if (!port || *port == 0 || *port > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

/// A shipping token, pasted into the wrong variable, must not be quoted or looked up by name.
bool looks_like_token(std::string_view host) {
  return host.size() == 32 && std::ranges::all_of(host, ascii::is_letter);
}

/// "" for "listener", "eu" for "listener-eu"; nothing for another word.
std::optional<std::string_view> region_behind(std::string_view word, std::string_view front) {
  if (!word.starts_with(front)) return std::nullopt;
  word.remove_prefix(front.size());
  if (word.empty()) return word;
  if (word.front() != '-' && word.front() != '.') return std::nullopt;
  return word.substr(1);
}

/// Logz.io's regions, and what their clouds call them (docs/logzio.md 1).
struct Region {
  std::string_view code;
  std::string_view slug;
};
constexpr std::array regions = {Region{"us", "us-east-1"}, Region{"eu", "eu-central-1"},
                                Region{"uk", "eu-west-2"}, Region{"ca", "ca-central-1"},
                                Region{"au", "ap-southeast-2"}};

/// By either name; an empty one is the US.
std::string listener_of(std::string_view region) {
  if (region.empty()) return "listener.logz.io";
  for (const auto& [code, slug] : regions) {
    // There is no listener-us.
    if (region == code || region == slug)
      return code == "us" ? "listener.logz.io" : "listener-" + std::string(code) + ".logz.io";
  }
  return "your region's listener, for example listener-eu.logz.io";
}

/// Refuses common mistakes for a listener: a region alone, half a name, another Logz.io endpoint
/// (docs/logzio.md 1).
Result<void> check_logzio_name(std::string_view host) {
  const auto instead = [&](std::string_view what, std::string_view region) {
    return fail("\"" + quotable(host) + "\" is " + std::string(what) + "; write " + listener_of(region));
  };
  if (!listener_of(host).starts_with("your")) {
    return fail("\"" + quotable(host) + "\" is a region, not a host; write " + listener_of(host) +
                ", or the region into LOGZIO_REGION");
  }
  constexpr std::string_view domain = ".logz.io";
  const bool whole = host.ends_with(domain);
  const std::string_view word = whole ? host.substr(0, host.size() - domain.size()) : host;
  if (!whole && host.contains('.')) {
    if (host == "logz.io") return instead("Logz.io's web site", "");
    if (host.ends_with(".listener-logz.io"))
      return instead("the endpoint for Okta's event hooks, which takes no bulks", "");
    return {};
  }
  for (const auto& [front, what] :
       {std::pair{"app"sv, "Logz.io's web page"sv},
        {"api"sv, "Logz.io's API"sv},
        {"otlp-listener"sv, "Logz.io's listener for OTLP, which is not supported"sv},
        {"aws-firehose-logs-listener"sv, "Logz.io's listener for Firehose"sv}}) {
    if (const auto region = region_behind(word, front); region && whole) return instead(what, *region);
  }
  const auto region = region_behind(word, "listener");
  if (region == "us") return instead("not a listener: the US listener has no region in its name", *region);
  // "listener" alone may be somebody's relay.
  if (region && !region->empty() && (!whole || word.contains('.')))
    return instead("not the name of a listener", *region);
  return {};
}

Result<std::string> parse_host(std::string_view text) {
  if (text.empty()) {
    return fail("the host is missing; write your region's listener, for example listener.logz.io");
  }
  if (looks_like_token(text)) {
    return fail(
        "this looks like the shipping token; write your region's listener, for example listener.logz.io");
  }
  if (text.find_first_of("<>${}") != std::string_view::npos) {
    return fail("\"" + quotable(text) +
                "\" is a placeholder; write your region's listener, for example listener.logz.io");
  }
  constexpr std::size_t longest = 253;  // RFC 1035 section 3.1, written out.
  const bool plain =
      text.size() <= longest && std::ranges::all_of(text, [](char c) {
        return ascii::is_letter(c) || ascii::is_digit(c) || std::string_view(".-_[]:").contains(c);
      });
  const std::optional<Url> url = plain ? parse_url("https://" + std::string(text) + "/") : std::nullopt;
  if (!url) {
    return fail("\"" + quotable(text) + "\" is not a host name; write, for example, listener-eu.logz.io");
  }
  if (auto good = check_logzio_name(url->origin.host); !good) return std::unexpected(std::move(good.error()));
  return url->origin.host;
}

std::string other_protocol(std::uint16_t port) {
  return "port " + std::to_string(port) +
         " is for Logstash or Beats, whose protocol is not supported; write ";
}

/// The protocol of this port if there is no scheme.
Result<Protocol> protocol_of(const std::string& host, std::uint16_t port) {
  const auto* const known = std::ranges::find(spoken, port, &Spoken::port);
  if (known == spoken.end()) {
    return fail("port " + std::to_string(port) + " does not tell the protocol; write it: \"https://" + host +
                ":" + std::to_string(port) +
                "\" (or tls://, http://, tcp://), or one of Logz.io's ports: " + std::string(ports_known));
  }
  if (is_cleartext(known->protocol) && !is_loopback(host)) {
    return fail("port " + std::to_string(port) +
                " sends the token and the events unencrypted; write port 8071 (HTTPS), or \"" +
                std::string(known->scheme) + "://" + host + ":" + std::to_string(port) +
                "\" if that is what you want");
  }
  return known->protocol;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  text = ascii::trim(text);
  if (text.ends_with('/') && !text.ends_with("//")) text.remove_suffix(1);
  const Result<Written> written = take_apart(text);
  if (!written) return std::unexpected(written.error());

  const Spoken* said = nullptr;
  if (written->scheme) {
    const auto* const known = std::ranges::find(spoken, ascii::lower(*written->scheme), &Spoken::scheme);
    if (known == spoken.end()) {
      return fail("\"" + quotable(*written->scheme) +
                  "://\" is not a scheme; write https://, tls://, http:// or tcp://");
    }
    said = known;
  }
  Result<std::string> host = parse_host(written->host);
  if (!host) return std::unexpected(std::move(host.error()));

  Endpoint endpoint{said != nullptr ? said->protocol : Protocol::https_bulk, std::move(*host),
                    said != nullptr ? said->port : spoken_as(Protocol::https_bulk).port};
  if (!written->port) return endpoint;

  const std::optional<std::uint16_t> port = parse_port(*written->port);
  if (!port) {
    return fail("\"" + quotable(*written->port) + "\" is not a port; write, for example, \"" + endpoint.host +
                ":8071\"");
  }
  endpoint.port = *port;
  if ((*port == 5006 || *port == 5015) && !is_loopback(endpoint.host)) {
    return fail(other_protocol(*port) + "\"" + endpoint.host + ":8071\" (HTTPS), or no port at all");
  }
  if (said != nullptr) return endpoint;
  const Result<Protocol> protocol = protocol_of(endpoint.host, *port);
  if (!protocol) return std::unexpected(protocol.error());
  endpoint.protocol = *protocol;
  return endpoint;
}

Result<Endpoint> Endpoint::of_region(std::string_view text) {
  const std::string region = ascii::lower(ascii::trim(text));
  if (is_region(region)) return Endpoint{.host = listener_of(region)};
  if (region.contains('.'))
    return fail(ascii::quote(text) + " is a host, not a region; write it into LOGZIO_LISTENER_HOST");
  for (const auto& [code, slug] : regions) {
    if (region == slug)
      return fail(ascii::quote(text) + " is the cloud provider's name of the region; write " +
                  std::string(code));
  }
  return fail(ascii::quote(text) + " is not a region; write us, eu, uk, ca or au");
}

std::string Endpoint::text() const {
  return std::string(spoken_as(protocol).scheme) + "://" + host + ":" + std::to_string(port);
}

bool is_region(std::string_view text) {
  return std::ranges::find(regions, text, &Region::code) != regions.end();
}

Endpoint in_region(const Endpoint& usual, std::string_view region) {
  Endpoint endpoint = usual;
  const bool logzio = usual.host.starts_with("listener") && usual.host.ends_with(".logz.io");
  if (!region.empty() && logzio) endpoint.host = listener_of(region);
  return endpoint;
}

}  // namespace logzio_okta
