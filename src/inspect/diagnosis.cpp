#include "logzio_okta/inspect/diagnosis.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/error.hpp"
#include "logzio_okta/okta/log_query.hpp"
#include "logzio_okta/okta/member.hpp"
#include "logzio_okta/okta/oauth_answer.hpp"
#include "logzio_okta/okta/page_reader.hpp"
#include "logzio_okta/okta/reply.hpp"

namespace logzio_okta {
namespace {

constexpr const char* ok = "ok";
constexpr const char* failed = "FAIL";
constexpr const char* unused = "-";

// Share of the limit spent by others that is worth a warning.
constexpr std::int64_t others_percent_high = 50;
constexpr std::int64_t reserve_percent = static_cast<std::int64_t>(limits::rate_reserve * 100);

constexpr std::array regions = {"listener.logz.io", "listener-au.logz.io", "listener-ca.logz.io",
                                "listener-eu.logz.io", "listener-uk.logz.io"};

/// The step at which the connection failed, and the text about it.
struct Broken {
  const char* step;
  std::string text;
};

std::string by_whom(const Sighting& seen) {
  return seen.authority.empty() ? "" : " (made by \"" + printable(seen.authority) + "\")";
}

std::string certificate_text(const Sighting& seen, const std::string& text) {
  const std::string whose = "the certificate of " + seen.name + by_whom(seen);
  switch (seen.fault) {
    case CertificateFault::expired:
      return whose + " has expired" + (seen.expires ? " on " + format_rfc3339(*seen.expires) : "");
    case CertificateFault::not_yet_valid:
      return whose + " is not valid yet";
    case CertificateFault::unknown_ca:
      return whose + " is signed by a CA that is not trusted";
    case CertificateFault::wrong_name:
      return whose + " was issued for another name (\"" + printable(seen.certificate) + "\")";
    case CertificateFault::good:
    case CertificateFault::other:
      break;
  }
  return text + by_whom(seen);
}

const char* step_of(TransportFault fault, bool proxied) {
  switch (fault) {
    case TransportFault::unresolved:
      return proxied ? "proxy" : "dns";
    case TransportFault::unreachable:
      return proxied ? "proxy" : "connection";
    case TransportFault::proxy_refused:
      return "proxy";
    case TransportFault::untrusted:
    case TransportFault::tls_failed:
      return "tls";
    case TransportFault::timed_out:
    case TransportFault::cut:
    case TransportFault::answer_too_large:
      return "http";
    case TransportFault::refused_by_us:
    case TransportFault::held_by_us:
      break;
  }
  return "key";
}

Broken broken_way(const Sighting& seen, const TransportError& error) {
  const bool proxied = !seen.proxy.empty();
  const bool certificate = error.fault == TransportFault::untrusted;
  const std::string text = certificate ? certificate_text(seen, error.text) : error.text;
  // The shell may know more; otherwise the cure follows from the sighting.
  std::string cure =
      !certificate && !error.cure.empty()
          ? error.cure
          : cure_for(error.fault, {.name = seen.name, .proxied = proxied, .certificate = seen.fault});
  if (!cure.empty()) cure.insert(0, "; ");
  return {step_of(error.fault, proxied), text + cure};
}

struct Way {
  std::string& dns;
  std::string& proxy;
  std::string& tls;
  std::string& http;
};

/// Fills the cells of the connection; false if it failed.
bool walk(const Sighting& seen, const Way& way, std::string_view subject, std::vector<Finding>& findings) {
  const bool proxied = !seen.proxy.empty();
  way.dns = proxied ? unused : ok;
  way.proxy = proxied ? ok : unused;
  way.tls = seen.certificate.empty() ? unused : ok;
  way.http = ok;
  if (seen.result) return true;
  const Broken broken = broken_way(seen, seen.result.error());
  findings.push_back({Severity::failure, std::string(subject), broken.step, broken.text});
  const std::string_view step = broken.step;
  if (step == "http" || step == "key") {
    way.http = failed;
    return false;
  }
  way.http.clear();
  way.tls = step == "tls" ? failed : "";
  if (step == "dns") way.dns = failed;
  if (step == "proxy") way.proxy = failed;
  if (step == "connection") way.http = failed;
  return false;
}

std::string plain_body(const HttpAnswer& answer) {
  if (find_header(answer.headers, "Content-Encoding").value_or("") != "gzip") return answer.body;
  return gunzip(answer.body, limits::page_bytes_max).value_or(std::string());
}

class TenantDoctor {
 public:
  TenantDoctor(TenantDiagnosis& diagnosis, std::string_view key_place, WallTime wall, bool service_app)
      : diagnosis_(diagnosis), key_place_(key_place), wall_(wall), service_app_(service_app) {}

  void examine() {
    Sighting& seen = diagnosis_.sighting;
    if (!walk(seen, {diagnosis_.dns, diagnosis_.proxy, diagnosis_.tls, diagnosis_.http}, diagnosis_.domain,
              diagnosis_.findings)) {
      return;
    }
    const OktaReply reply(*seen.result);
    judge_status(reply);
    judge_clock(reply);
    judge_rate(reply);
  }

 private:
  void find(Severity severity, const char* step, std::string text) {
    diagnosis_.findings.push_back({severity, diagnosis_.domain, step, std::move(text)});
  }

  void judge_status(const OktaReply& reply) {
    const HttpAnswer& answer = reply.answer;
    const CredentialComplaint complaint = service_app_ ? complaint_of(answer) : CredentialComplaint::none;
    if (complaint == CredentialComplaint::scope) return judge_role(answer);
    if (complaint != CredentialComplaint::none) return judge_key(answer, cure_of(complaint));
    if (answer.status >= 400 && answer.status < 500 && !reply.of_okta) {
      diagnosis_.http = failed;
      return find(Severity::failure, "http",
                  "a proxy or firewall answers in Okta's place (" + std::to_string(answer.status) + ": " +
                      describe_okta_error(answer) +
                      "), which says nothing about the key; allow requests to " + diagnosis_.domain +
                      " through the proxy or firewall");
    }
    switch (answer.status) {
      case 200:
        diagnosis_.key = diagnosis_.role = ok;
        read_page(answer);
        return;
      case 401:
        return judge_key(answer, {});
      case 403:
        return judge_role(answer);
      case 429:
        diagnosis_.key = diagnosis_.role = unused;
        find(Severity::failure, "rate limit",
             "other clients have used up Okta's rate limit for the System Log (429); find them in Okta under "
             "Reports, Rate limits, and reduce their requests");
        return;
      default:
        diagnosis_.http = failed;
        find(Severity::failure, "http", other_status(answer));
    }
  }

  void judge_key(const HttpAnswer& answer, std::string_view proof_cure) {
    diagnosis_.key = failed;
    const std::string status = std::to_string(answer.status) + ": ";
    find(Severity::failure, "key",
         service_app_ ? "Okta granted an access token, but the System Log rejects it (" + status +
                            describe_credential_doubt(answer) + "); " +
                            (proof_cure.empty() ? "check in Okta that the service app is active"
                                                : std::string(proof_cure))
                      : "Okta refuses the key (" + status + describe_okta_error(answer) +
                            "); make a new one in Okta (Security, API, Tokens) and write it to " +
                            std::string(key_place_));
  }

  void judge_role(const HttpAnswer& answer) {
    diagnosis_.key = ok;
    diagnosis_.role = failed;
    const std::string said =
        " (" + std::to_string(answer.status) + ": " + describe_okta_error(answer) + "); ";
    find(Severity::failure, "role",
         service_app_ ? "Okta knows the service app, but it may not read the System Log" + said +
                            "assign it the Report Administrator role on its Admin roles tab, and grant it "
                            "okta.logs.read on its Okta API Scopes tab"
                      : "Okta knows the key, but its owner may not read the System Log from here" + said +
                            "give the user who made it the Report Administrator role, and check "
                            "whether the token is bound to a network zone");
  }

  [[nodiscard]] std::string other_status(const HttpAnswer& answer) const {
    const std::string status = std::to_string(answer.status);
    if (answer.status >= 500) {
      return "Okta answers " + status + " (" + describe_okta_error(answer) +
             "); try again, and check status.okta.com";
    }
    if (const auto location = find_header(answer.headers, "Location"); location && answer.status < 400) {
      return "it redirects (" + status + " to " + quotable(*location) +
             "), which is never followed; write the org's own domain, for example acme.okta.com";
    }
    return "Okta has no System Log under this domain (" + status + ": " + describe_okta_error(answer) +
           "); write the org's own domain, for example acme.okta.com; if the org was renamed, stop the "
           "daemon first, run the command that its log has (logzio-okta cursor set NEW-DOMAIN and a moment), "
           "and start it again; if it was deleted, remove its entry";
  }

  void read_page(const HttpAnswer& answer) {
    HttpAnswer page = answer;
    PageReader reader;
    if (!reader.read(page)) {
      diagnosis_.http = failed;
      diagnosis_.key.clear();
      diagnosis_.role.clear();
      find(Severity::failure, "http",
           "the answer is not a System Log (" + describe_okta_error(answer) +
               "); check what answers under this domain (a proxy, a login page)");
      return;
    }
    if (!reader.events().empty()) diagnosis_.newest_event = reader.events().front().published_at;
  }

  void judge_clock(const OktaReply& reply) {
    if (!reply.date || !reply.of_okta) return;
    // The header has whole seconds, cut off.
    const Duration ahead = wall_ - *reply.date - 500ms;
    diagnosis_.clock_ahead = ahead;
    const Duration off = ahead < Duration::zero() ? -ahead : ahead;
    diagnosis_.clock = off > limits::clock_off_max ? "off" : ok;
    if (off <= limits::clock_off_max) return;
    find(Severity::warning, "clock",
         "this machine's clock is " + describe(off) + (ahead > Duration::zero() ? " ahead of" : " behind") +
             " Okta's; set it by NTP (timedatectl set-ntp true), in a container on its host");
  }

  void judge_rate(const OktaReply& reply) {
    const RateLimit& rate = reply.rate;
    if (!rate.limit || !rate.remaining || *rate.limit <= 0) return;
    diagnosis_.rate_limit = rate.limit;
    diagnosis_.rate_left = rate.remaining;
    const std::int64_t others = std::max<std::int64_t>(0, *rate.limit - *rate.remaining - 1);
    diagnosis_.rate_of_others = others;
    if (reply.status() == 429) return;
    const std::string spent = "of " + std::to_string(*rate.limit) + " requests a minute " +
                              std::to_string(others) + " are spent by clients other than this check";
    if (*rate.remaining * 100 <= *rate.limit * reserve_percent) {
      find(Severity::failure, "rate limit",
           spent + " and " + std::to_string(*rate.remaining) +
               " are left, so no more requests are sent; find them in Okta under Reports, Rate limits, and "
               "reduce their requests");
    } else if (others * 100 >= *rate.limit * others_percent_high) {
      find(Severity::warning, "rate limit",
           spent + "; unless that is the running daemon, find them in Okta under Reports, Rate limits");
    }
  }

  TenantDiagnosis& diagnosis_;
  std::string_view key_place_;
  WallTime wall_;
  bool service_app_;
};

/// The text for an answer that says nothing about the token.
std::string other_answer(const Endpoint& listener, const HttpAnswer& answer) {
  const std::string what = listener.text() + " answers " + std::to_string(answer.status);
  if (answer.status >= 300 && answer.status < 400) {
    const auto location = find_header(answer.headers, "Location");
    const bool to_tls = location && is_cleartext(listener.protocol) && location->starts_with("https://");
    return what + (location ? " and redirects to " + quotable(*location) : "") +
           ", which is never followed; write the listener's own host" +
           (to_tls ? ", with https:// in front" : ", as Logz.io names it for your region");
  }
  if (answer.status == 429 || answer.status >= 500) {
    const Verdict verdict = judge(answer, 1, {});
    if (const auto* retry = std::get_if<verdict::Retry>(&verdict))
      return listener.text() + ": " + retry->text;
  }
  return what +
         ", which no listener answers to an empty bulk; check any proxy or relay on the way, and "
         "status.logz.io";
}

void examine(ListenerDiagnosis& diagnosis, const Endpoint& listener, const std::optional<std::string>& home) {
  const Sighting& seen = diagnosis.sighting;
  const auto find = [&](Severity severity, const char* step, std::string text) {
    diagnosis.findings.push_back({severity, "listener", step, std::move(text)});
  };
  if (!walk(seen, {diagnosis.dns, diagnosis.proxy, diagnosis.tls, diagnosis.http}, "listener",
            diagnosis.findings)) {
    return;
  }
  if (is_lines(listener.protocol)) {
    diagnosis.http = unused;
    find(Severity::warning, "token",
         listener.text() + " never answers, so the token cannot be tested there; with " + listener.host +
             ":8071 it can");
    return;
  }
  if (seen.only_connected) return;
  const HttpAnswer& answer = *seen.result;
  if (is_token_known(seen)) {
    diagnosis.token = ok;
    return;
  }
  if (is_token_unknown(seen)) {
    diagnosis.token = failed;
    if (home) {
      find(Severity::failure, "region",
           "the token belongs to another region: " + *home + " takes it, " + listener.host +
               " does not (401); name it as the listener");
    } else {
      find(Severity::failure, "token",
           listener.host +
               " does not know the token (401); copy the data shipping token from Logz.io "
               "(Settings, Manage tokens), and compare the region: each has its own listener");
    }
    return;
  }
  diagnosis.http = failed;
  find(Severity::failure, "http", other_answer(listener, answer));
}

}  // namespace

std::string newest_event_target(WallTime wall) {
  return std::string(log_path) + "?since=" + format_rfc3339(wall - to_ms(newest_event_span)) +
         "&until=" + format_rfc3339(wall) + "&sortOrder=DESCENDING&limit=1";
}

TenantDiagnosis diagnose_tenant(std::string domain, std::string_view key_place, Sighting sighting,
                                WallTime wall, bool service_app) {
  TenantDiagnosis diagnosis;
  diagnosis.domain = std::move(domain);
  diagnosis.sighting = std::move(sighting);
  TenantDoctor(diagnosis, key_place, wall, service_app).examine();
  return diagnosis;
}

std::string org_id_of(const Sighting& sighting) {
  if (!sighting.result || sighting.result->status != 200) return {};
  const std::string body = plain_body(*sighting.result);
  std::string_view id;
  if (!find_member(ascii::trim(body), "id", id)) return {};
  return printable(id);
}

std::vector<Finding> find_twins(const std::vector<NamedOrg>& orgs) {
  std::vector<Finding> findings;
  for (auto each = orgs.begin(); each != orgs.end(); ++each) {
    const auto twin = std::find_if(
        orgs.begin(), each, [&](const NamedOrg& other) { return !each->id.empty() && other.id == each->id; });
    if (twin == each) continue;
    findings.push_back({Severity::warning, each->domain, "org",
                        twin->domain + " and " + each->domain + " are one org (" + each->id +
                            "), so each event is delivered twice; keep one of the two domains, with both "
                            "keys if there are two"});
  }
  return findings;
}

ListenerDiagnosis diagnose_listener(const DestinationSpec& destination, Sighting sighting,
                                    const std::optional<std::string>& home) {
  ListenerDiagnosis diagnosis;
  diagnosis.listener = destination.listener.text();
  diagnosis.set_by = destination.set_by;
  diagnosis.sighting = std::move(sighting);
  examine(diagnosis, destination.listener, home);
  // There may be several, and tenants may have accounts of their own.
  for (Finding& finding : diagnosis.findings) finding.text += "; set by " + destination.set_by;
  return diagnosis;
}

bool is_token_unknown(const Sighting& sighting) {
  return sighting.result && sighting.result->status == 401;
}

bool is_token_known(const Sighting& sighting) {
  if (!sighting.result || sighting.only_connected) return false;
  // A web server's own 400, for example for plain HTTP on its TLS port, is a page.
  const bool page = ascii::trim(plain_body(*sighting.result)).starts_with('<');
  return sighting.result->status == 200 || (sighting.result->status == 400 && !page);
}

std::vector<std::string> other_regions(std::string_view host) {
  if (std::ranges::find(regions, host) == regions.end()) return {};
  std::vector<std::string> others;
  for (const std::string_view region : regions) {
    if (region != host) others.emplace_back(region);
  }
  return others;
}

}  // namespace logzio_okta
