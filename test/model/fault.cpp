#include "model/fault.hpp"

#include <algorithm>

namespace logzio_okta::model {
namespace {

std::string html(std::string_view title) {
  const std::string text(title);
  return "<html>\r\n<head><title>" + text + "</title></head>\r\n<body>\r\n<center><h1>" + text +
         "</h1></center>\r\n</body>\r\n</html>\r\n";
}

}  // namespace

namespace match {

Matcher any() {
  return [](const Request&) { return true; };
}

Matcher key(std::string key) {
  return [wanted = "SSWS " + std::move(key)](const Request& request) {
    return find_header(request.headers, "Authorization") == wanted;
  };
}

Matcher target(std::string text) {
  return [wanted = std::move(text)](const Request& request) { return request.target.contains(wanted); };
}

}  // namespace match

namespace fault {

Status bad_gateway() {
  return {.status = 502,
          .body = html("502 Bad Gateway"),
          .content_type = "text/html",
          .headers = {{"Server", "awselb/2.0"}}};
}

Status unavailable() {
  return {.status = 503, .body = html("503 Service Temporarily Unavailable"), .headers = {}};
}

Status proxy_forbidden() {
  return {.status = 403, .body = html("403 Forbidden by policy"), .headers = {}};
}

Status proxy_bad_request() {
  return {.status = 400, .body = html("400 Bad Request"), .headers = {}};
}

std::string html_page(std::string_view title) {
  return html(title);
}

Status retry_after(int status, std::chrono::seconds wait) {
  return {.status = status, .body = {}, .headers = {{"Retry-After", std::to_string(wait.count())}}};
}

Status okta_error(int status, std::string_view code, std::string_view summary) {
  return {.status = status,
          .body = R"({"errorCode":")" + std::string(code) + R"(","errorSummary":")" + std::string(summary) +
                  R"(","errorLink":")" + std::string(code) + R"(","errorId":"oae0sandbox","errorCauses":[]})",
          .content_type = "application/json",
          .headers = {}};
}

Status okta_timeout() {
  return okta_error(500, "E0000009", "Your last request took too long to complete. Please try again later.");
}

Status okta_unavailable() {
  return okta_error(503, "E0000181", "Service temporarily unavailable.");
}

Status okta_forbidden() {
  return okta_error(403, "E0000006", "You do not have permission to perform the requested action");
}

Status okta_unauthorized() {
  return okta_error(401, "E0000011", "Invalid token provided");
}

Status okta_challenge(int status, std::string_view error, std::string_view description) {
  return {.status = status,
          .body = {},
          .content_type = "application/json",
          .headers = {{"WWW-Authenticate", "DPoP realm=\"x\", error=\"" + std::string(error) +
                                               "\", error_description=\"" + std::string(description) + '"'}}};
}

}  // namespace fault

void bend(Answer& answer, const fault::Status& fault) {
  answer.status = fault.status;
  for (const char* name : {"Link", "Content-Encoding", "WWW-Authenticate"}) answer.remove_header(name);
  answer.set_header("Content-Type", fault.content_type);
  for (const Header& header : fault.headers) answer.set_header(header.name, header.value);
  answer.set_body(fault.body);
}

void bend(Answer& answer, const fault::Cut& fault) {
  answer.delivery.bytes_max = std::min(answer.delivery.bytes_max, fault.bytes);
  answer.delivery.ending = fault.ending;
}

void bend(Answer& answer, const fault::Delay& fault) {
  answer.delivery.delay += fault.time;
}

void bend(Answer& answer, const fault::CloseAfter& fault) {
  answer.delivery.ending = fault.ending;
}

}  // namespace logzio_okta::model
