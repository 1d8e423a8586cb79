#include "shell/process/hook_intake.hpp"

#include <utility>
#include <variant>

#include "shell/net/server_tls.hpp"

namespace logzio_okta {

Result<void> HookIntake::open() {
  const Options& options = settings_.options;
  if (!options.hooks) return {};
  if (options.hooks_secrets) {
    if (const auto read = read_secrets(*options.hooks_secrets); !read) return read;
    secrets_ = reloads_.watch(*options.hooks_secrets);
  }
  std::optional<ServerTls> tls;
  if (options.hooks_cert) {
    std::vector<std::string> warnings;
    auto loaded = ServerTls::load(*options.hooks_cert, *options.hooks_key, warnings);
    if (!loaded) return fail("--hooks-cert: " + loaded.error().text);
    for (const std::string& warning : warnings) console_.say(Level::warn, warning);
    tls = std::move(*loaded);
    certificate_ = reloads_.watch(*options.hooks_cert);
    certificate_key_ = reloads_.watch(*options.hooks_key);
  }
  if (options.hooks_regions) gate_.set_regions(*options.hooks_regions);
  auto server =
      HookServer::listen(*options.hooks, gate_, std::move(tls), HookBounds{.proxies = options.hooks_proxies});
  if (!server) return fail(server.error());
  server_ = std::move(*server);
  console_.say(Level::info,
               "event hooks are taken on port " + std::to_string(server_->port()) +
                   (options.hooks_cert              ? " (HTTPS)"
                    : options.hooks_proxies.empty() ? " (HTTP, for a reverse proxy on this machine)"
                                                    : " (HTTP, for the proxies of --hooks-proxies)"));
  return {};
}

void HookIntake::run() {
  server_->run();
  while (auto arrival = server_->next_arrival()) {
    auto* hook = std::get_if<HookArrived>(&*arrival);
    if (hook && !settings_.options.hooks_orgs.empty()) hook->destination = keyring_.for_hooks(hook->region);
    inputs_.push(std::move(*arrival));
  }
}

void HookIntake::stop_listening() {
  if (server_) server_->stop_listening();
}

void HookIntake::look() {
  if (secrets_ && secrets_->changed()) reload_secrets();
  // Both are checked, because both are rewritten when a certificate is renewed.
  const bool certificate = certificate_ && certificate_->changed();
  const bool key = certificate_key_ && certificate_key_->changed();
  if (certificate || key) reload_certificate();
}

void HookIntake::reload() {
  reload_secrets();
  reload_certificate();
}

void HookIntake::find_spool(const std::vector<SpoolSummary>& summaries) {
  SpoolFound found;
  for (const SpoolSummary& summary : summaries) {
    auto route = HookRoute::of_key(summary.key);
    if (!route) continue;
    if (settings_.no_token || settings_.no_listener) {
      console_.say(Level::warn,
                   "events that a hook has delivered before wait in the state: set LOGZIO_TOKEN and "
                   "LOGZIO_LISTENER_HOST");
      return;
    }
    const DestinationSpec destination = keyring_.for_hooks(route->region);
    found.streams.push_back({.route = std::move(*route),
                             .destination = destination,
                             .newest = summary.newest,
                             .events = summary.events,
                             .bytes = summary.bytes,
                             .oldest = summary.oldest});
  }
  if (!found.streams.empty()) inputs_.push(std::move(found));
}

Result<void> HookIntake::read_secrets(const std::string& path) {
  std::vector<std::string> warnings;
  auto secrets = read_hook_secrets(path, warnings);
  if (!secrets) return fail("--hooks-secrets: " + secrets.error().text);
  for (const std::string& warning : warnings) console_.say(Level::warn, warning);
  gate_.set_secrets(std::move(*secrets));
  return {};
}

void HookIntake::reload_secrets() {
  if (!secrets_) return;
  if (reloads_.judge(ReloadedFile::hook_secrets, read_secrets(secrets_->path())))
    console_.say(Level::info, "read the secrets in " + secrets_->path() + " again");
}

void HookIntake::reload_certificate() {
  if (!certificate_ || !certificate_key_) return;
  std::vector<std::string> warnings;
  auto tls = ServerTls::load(certificate_->path(), certificate_key_->path(), warnings);
  if (!reloads_.judge(ReloadedFile::certificate, tls)) return;
  for (const std::string& warning : warnings) console_.say(Level::warn, warning);
  server_->replace_tls(std::move(*tls));
  console_.say(Level::info, "read the certificate in " + certificate_->path() + " again");
}

}  // namespace logzio_okta
