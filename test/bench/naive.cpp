#include "bench/naive.hpp"

#ifndef __clang__

#include <cstdlib>
#include <memory>

#include <curl/curl.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "logzio_okta/base/check.hpp"
#include "logzio_okta/base/limits.hpp"

#include "bench/load.hpp"
#include "bench/trial.hpp"
#include "sandbox/temp_dir.hpp"
#include "sandbox/tls.hpp"
#include "tools/certificates.hpp"

namespace logzio_okta::bench {
namespace {

constexpr Duration turn_lasts = 2ms;

std::size_t append(const char* bytes, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(bytes, size * count);
  return size * count;
}

/// One tenant to one listener, as one would write it in an afternoon.
class NaiveShipper {
 public:
  NaiveShipper(const std::string& ca_file, std::uint16_t port) : port_(":" + std::to_string(port)) {
    for (CURL* easy : {okta_.get(), listener_.get()}) {
      CHECK(easy != nullptr);
      curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
      curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
    }
    curl_easy_setopt(okta_.get(), CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(okta_.get(), CURLOPT_WRITEDATA, &page_);
    curl_easy_setopt(listener_.get(), CURLOPT_WRITEDATA, &answer_);
    headers_ = curl_slist_append(headers_, "Content-Encoding: gzip");
    curl_easy_setopt(listener_.get(), CURLOPT_HTTPHEADER, headers_);
  }
  NaiveShipper(const NaiveShipper&) = delete;
  NaiveShipper& operator=(const NaiveShipper&) = delete;
  ~NaiveShipper() { curl_slist_free_all(headers_); }

  void ship(std::size_t pages) {
    for (std::size_t page = 0; page < pages; ++page) {
      page_.clear();
      const std::string target = "/api/v1/logs?limit=1000&after=" + std::to_string(page * page_events);
      perform(okta_.get(), "https://" + Load::host_of(0) + port_ + target);
      take_page();
    }
    send();
  }

 private:
  static void perform(CURL* easy, const std::string& url) {
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    CHECK(curl_easy_perform(easy) == CURLE_OK);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    CHECK(status == 200);
  }

  void take_page() {
    rapidjson::Document document;
    document.Parse(page_.c_str());
    CHECK(!document.HasParseError() && document.IsArray());
    auto& allocator = document.GetAllocator();
    const std::string tenant = Load::host_of(0) + port_;
    for (auto& event : document.GetArray()) {
      event.AddMember("type", "okta", allocator);
      event.AddMember("tenant_name", rapidjson::Value(tenant.c_str(), allocator), allocator);
      event.AddMember("@timestamp", rapidjson::Value(event["published"], allocator), allocator);
      event.AddMember("message", rapidjson::Value(event["displayMessage"], allocator), allocator);
      rapidjson::StringBuffer line;
      rapidjson::Writer<rapidjson::StringBuffer> writer(line);
      event.Accept(writer);
      bulk_.append(line.GetString(), line.GetSize()) += '\n';
      if (bulk_.size() >= limits::bulk_bytes_max) send();
    }
  }

  void send() {
    if (bulk_.empty()) return;
    const std::string packed = zlib_gzip(bulk_, Z_DEFAULT_COMPRESSION);
    curl_easy_setopt(listener_.get(), CURLOPT_POSTFIELDS, packed.data());
    curl_easy_setopt(listener_.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(packed.size()));
    perform(listener_.get(),
            "https://" + std::string(Load::listener_host) + port_ + "/?token=naive&type=okta");
    bulk_.clear();
  }

  struct CloseEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  std::unique_ptr<CURL, CloseEasy> okta_{curl_easy_init()};
  std::unique_ptr<CURL, CloseEasy> listener_{curl_easy_init()};
  curl_slist* headers_ = nullptr;
  std::string port_;
  std::string page_;
  std::string answer_;
  std::string bulk_;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::optional<double> naive_us(const Pages& pages, std::size_t pages_measured) {
  const sandbox::TempDir dir;
  const test::Authority authority;
  const std::string ca_file = dir.path() / "ca.pem";
  sandbox::write_file(ca_file, authority.pem());
  Load load(pages, {.orgs = {{.backlog = pages_measured * page_events}}});
  std::uint16_t port = 0;
  Server server(
      sandbox::server_context(authority.issue({std::string(Load::listener_host), Load::host_of(0)})),
      [&](Request&& request) { return load.answer(std::move(request), port); });
  port = server.port();

  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    pin(0, true);
    NaiveShipper(ca_file, port).ship(pages_measured);
    _exit(EXIT_SUCCESS);
  }
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, WNOHANG, &usage) == 0) server.turn(turn_lasts);
  const Proof proof = load.prove(steady_now());
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS && proof.delivered == proof.expected);
  return (seconds(usage.ru_utime) + seconds(usage.ru_stime)) * 1e6 / static_cast<double>(proof.delivered);
}

}  // namespace logzio_okta::bench

#else

namespace logzio_okta::bench {

std::optional<double> naive_us(const Pages& /*pages*/, std::size_t /*pages_measured*/) {
  return std::nullopt;
}

}  // namespace logzio_okta::bench

#endif
