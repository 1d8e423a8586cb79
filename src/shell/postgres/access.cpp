#include "shell/postgres/access.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>

#include <libpq-fe.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/http/url.hpp"

#include "shell/os/small_file.hpp"

namespace logzio_okta {
namespace {

constexpr const char* usual_port = "5432";

struct OptionsFree {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, OptionsFree>;
using OptionMap = std::map<std::string, std::string>;

void add(OptionMap& map, const OptionList& list) {
  for (const PQconninfoOption* option = list.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val != nullptr && *option->val != '\0') map[option->keyword] = option->val;
  }
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::string value_of(const OptionMap& options, const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? std::string() : found->second;
}

/// As libpq pairs them: one port for all, or one each.
std::vector<StoreHost> hosts_of(const OptionMap& options) {
  const std::vector<std::string> names = split(value_of(options, "host"));
  const std::vector<std::string> addresses = split(value_of(options, "hostaddr"));
  const std::vector<std::string> ports = split(value_of(options, "port"));
  std::vector<StoreHost> hosts;
  for (std::size_t i = 0; i < std::max(names.size(), addresses.size()); ++i) {
    StoreHost host;
    if (i < names.size()) host.name = names[i];
    if (i < addresses.size()) host.address = addresses[i];
    host.port = ports.size() > i ? ports[i] : ports.front();
    if (host.port.empty()) host.port = usual_port;
    if (host.name.empty() && host.address.empty()) host.name = "/var/run/postgresql";
    hosts.push_back(std::move(host));
  }
  return hosts;
}

bool is_near(const StoreHost& host) {
  if (host.is_socket()) return true;
  const std::string& place = host.address.empty() ? host.name : host.address;
  return place == "localhost" || (is_ip_address(place) && is_loopback(place));
}

/// libpq 15 has no name for the system's certificates, so it is given their file.
std::string system_certificates() {
  const char* named = std::getenv(X509_get_default_cert_file_env());
  if (named != nullptr && *named != '\0') return named;
  for (const char* file : {X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt"}) {
    if (::access(file, R_OK) == 0) return file;
  }
  return {};
}

/// A server on another machine must show a certificate for its name, unless a setting says otherwise.
void verify(OptionMap& options, const std::vector<StoreHost>& hosts, bool mode_said,
            const StoreAccess& access) {
  const bool near = std::ranges::all_of(hosts, is_near);
  if (!mode_said && !near) options["sslmode"] = "verify-full";
  if (!options.contains("sslrootcert") && value_of(options, "sslmode").starts_with("verify")) {
    const std::string trusted = access.ca_file.value_or(system_certificates());
    if (!trusted.empty()) options["sslrootcert"] = trusted;
  }
}

Result<OptionMap> options_of(const StoreAccess& access, bool& mode_said) {
  char* complaint = nullptr;
  const OptionList given(PQconninfoParse(access.url.c_str(), &complaint));
  const std::unique_ptr<char, decltype(&PQfreemem)> text(complaint, PQfreemem);
  if (!given) return fail("it cannot be read: " + printable(ascii::trim(text ? text.get() : "no memory")));
  const OptionList defaults(PQconndefaults());
  OptionMap options;
  add(options, defaults);
  const char* mode = std::getenv("PGSSLMODE");
  OptionMap said;
  add(said, given);
  mode_said = said.contains("sslmode") || (mode != nullptr && *mode != '\0');
  // A host of the URL goes with an address of the URL, not with one of the environment.
  if (said.contains("host") || said.contains("hostaddr")) {
    options.erase("host");
    options.erase("hostaddr");
  }
  for (auto& [name, value] : said) options[name] = value;
  return options;
}

}  // namespace

StoreAccess access_of(const Options& options, const Environment& environment) {
  const auto get = [&](std::string_view name) -> std::optional<std::string> {
    const auto value = environment.get(name);
    return value ? std::optional(std::string(*value)) : std::nullopt;
  };
  return {.url = options.store.value_or(""),
          .password = Secret(get("PGPASSWORD").value_or("")),
          .password_file = get("LOGZIO_OKTA_STORE_PASSWORD_FILE"),
          .passfile = get("PGPASSFILE"),
          .ca_file = options.ca_file};
}

Result<void> check_access(const StoreAccess& access) {
  if (auto parameters = parameters_of(access); !parameters)
    return fail("--store: " + parameters.error().text);
  if (auto password = password_of(access); !password)
    return fail("LOGZIO_OKTA_STORE_PASSWORD_FILE: " + password.error().text);
  // libpq opens it again for each connection, and would go on without it.
  if (access.passfile && ::access(access.passfile->c_str(), R_OK) != 0 && errno == EACCES)
    return fail(
        "PGPASSFILE: " + printable(*access.passfile) +
        " cannot be read by the user that the daemon runs as; give it to that user, or name the "
        "password's file in LOGZIO_OKTA_STORE_PASSWORD_FILE, which is opened before the user changes");
  return {};
}

Result<ConnectionParameters> parameters_of(const StoreAccess& access) {
  bool mode_said = false;
  auto options = options_of(access, mode_said);
  if (!options) return std::unexpected(std::move(options.error()));
  ConnectionParameters parameters{.hosts = hosts_of(*options), .others = {}};
  verify(*options, parameters.hosts, mode_said, access);
  if (const std::string file = value_of(*options, "sslrootcert");
      !file.empty() && ::access(file.c_str(), R_OK) != 0 &&
      value_of(*options, "sslmode").starts_with("verify")) {
    return fail("the certificates to trust, " + file +
                ", cannot be read; name a readable file in sslrootcert");
  }
  for (const char* name : {"host", "hostaddr", "port", "password"}) options->erase(name);
  if (access.passfile) options->try_emplace("passfile", *access.passfile);
  (*options)["gssencmode"] = "disable";  // It would look for Kerberos tickets, and wait.
  (*options)["target_session_attrs"] = "read-write";
  (*options)["client_encoding"] = "UTF8";
  options->try_emplace("application_name", "logzio-okta");
  // A host that vanished is noticed by the kernel too, however long a deadline of ours may be.
  options->try_emplace("tcp_user_timeout", "10000");
  parameters.others.assign(options->begin(), options->end());
  return parameters;
}

Result<Secret> password_of(const StoreAccess& access) {
  if (!access.password_file) return Secret(std::string(access.password.expose()));
  Result<SmallFile> file = read_small_file(*access.password_file, limits::secret_bytes_max);
  if (!file) return fail(*access.password_file + " " + file.error().text);
  while (!file->bytes.empty() && (file->bytes.back() == '\n' || file->bytes.back() == '\r'))
    file->bytes.pop_back();
  return Secret(std::move(file->bytes));
}

std::string place_of(const StoreAccess& access) {
  bool mode_said = false;
  const auto options = options_of(access, mode_said);
  if (!options) return "the database";
  std::string places;
  for (const StoreHost& host : hosts_of(*options)) {
    const std::string& name = host.name.empty() ? host.address : host.name;
    places += (places.empty() ? "" : ", ") + name + (host.is_socket() ? "" : ":" + host.port);
  }
  const std::string database = value_of(*options, "dbname");
  return "PostgreSQL at " + places + (database.empty() ? "" : " (database " + database + ")");
}

}  // namespace logzio_okta
