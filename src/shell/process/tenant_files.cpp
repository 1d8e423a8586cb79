#include "shell/process/tenant_files.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"

#include "shell/os/background.hpp"
#include "shell/os/clock.hpp"
#include "shell/os/small_file.hpp"

namespace logzio_okta {

void TenantFiles::warn(std::vector<std::string> of_options, std::vector<std::string> of_tenants) {
  console_.warn_of_new(token_warnings_, std::move(of_options));
  console_.warn_of_new(tenants_warnings_, std::move(of_tenants));
}

Roster TenantFiles::begin(Tenants&& tenants) {
  reading_since_ = wall_now();
  if (tenants.from == TenantsFrom::file) {
    piped_ = is_pipe(tenants.source);
    tenants_ = reloads_.watch(tenants.source);
  }
  watch_secret_files(tenants.entries);
  if (const auto& file = settings_.options.token_file) token_ = reloads_.watch(*file);
  roster_ = keyring_.replace(std::move(tenants.entries));
  return roster_;
}

// Notes every change, so that none is seen again.
bool TenantFiles::have_changed() {
  const bool file = tenants_ && tenants_->changed();
  return std::ranges::count_if(secrets_, [](FileWatch& watch) { return watch.changed(); }) > 0 || file;
}

void TenantFiles::look() {
  if (have_changed()) {
    reload_tenants();
  } else if (!reloads_.why_refused(ReloadedFile::tenants).empty()) {
    reload_tenants(true);  // What was missing, for example a key's file, may be there now.
  }
  if (token_ && token_->changed()) token_changed();
}

void TenantFiles::reload() {
  reload_tenants();
  token_changed();
}

void TenantFiles::token_changed() {
  if (is_reading()) {
    token_due_ = true;
  } else {
    reload_token();
  }
}

void TenantFiles::reload_tenants(bool quietly) {
  if (piped_) return wake_keys("the tenants were read from a pipe, which is read only at the start");
  if (is_reading()) {  // It may have passed what has changed since.
    again_ = again_ || !quietly;
    return;
  }
  (void)have_changed();  // Read now.
  quietly_ = quietly;
  reading_since_ = wall_now() - to_ms(limits::file_time_slack);
  reading_ = in_background([this] { return read_tenants(); });
}

void TenantFiles::collect() {
  if (!is_reading() || !is_done(reading_)) return;
  put_in_force(reading_.get());
  // The token on disk may belong to tenants that are newer than these.
  if (std::exchange(again_, false) || have_changed()) return reload_tenants();
  if (std::exchange(token_due_, false)) reload_token();
}

void TenantFiles::put_in_force(Result<Tenants>&& tenants) {
  const bool same_fault = !tenants && tenants.error().text == reloads_.why_refused(ReloadedFile::tenants);
  if (quietly_ && same_fault) return;
  if (!reloads_.judge(ReloadedFile::tenants, tenants)) return;
  console_.warn_of_new(tenants_warnings_, std::move(tenants->warnings));
  console_.say(Level::info,
               "reloaded " + tenants->source + ": " + counted(tenants->entries.size(), "entry", "entries"));
  watch_secret_files(tenants->entries);
  roster_ = keyring_.replace(std::move(tenants->entries));
  inputs_.push(Reload{roster_});
  tell_changed_tokens();
}

void TenantFiles::wake_keys(const char* why) {
  if (!key_refused_()) return;
  console_.say(Level::info, std::string(why) + ": keys that Okta has refused are tried again");
  inputs_.push(Reload{roster_});
}

Result<Tenants> TenantFiles::read_tenants() const {
  // Variables are as they were at the start; files that they name may not be.
  auto tenants = tenants_ ? read_tenants_file(tenants_->path(), environment_)
                          : find_tenants(settings_.options.tenants, environment_);
  if (!tenants) return tenants;
  if (auto problems = unsaid(settings_, &*tenants); !problems.empty())
    return fail(std::move(problems.front()));
  return tenants;
}

// Several tenants may share one file.
void TenantFiles::watch_secret_files(const std::vector<TenantEntry>& entries) {
  std::set<std::string> files;
  for (const TenantEntry& entry : entries) {
    for (const std::string& file : {entry.api_key_file, entry.token_file}) {
      if (!file.empty() && !is_pipe(file)) files.insert(file);
    }
  }
  // A watch that is kept saw its file before the file was read; a new one may have seen a later version.
  std::erase_if(secrets_, [&](const FileWatch& watch) { return files.erase(watch.path()) == 0; });
  for (const std::string& file : files) {
    const FileWatch& watch = secrets_.emplace_back(file);
    again_ = again_ || watch.changed_since(reading_since_);
  }
}

void TenantFiles::tell_changed_tokens() {
  for (const DestinationId destination : keyring_.take_changed_tokens())
    inputs_.push(TokenChanged{destination});
}

void TenantFiles::reload_token() {
  if (!token_) return;
  std::vector<std::string> warnings;
  (void)token_->changed();
  auto token = read_token_file(token_->path(), warnings);
  if (!reloads_.judge(ReloadedFile::token, token)) return;
  console_.warn_of_new(token_warnings_, std::move(warnings));
  console_.say(Level::info, "read the token in " + token_->path() + " again");
  keyring_.set_token(std::move(*token));
  tell_changed_tokens();
}

}  // namespace logzio_okta
