#include "model/answer.hpp"

#include <algorithm>

#include "logzio_okta/base/limits.hpp"

namespace logzio_okta::model {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 302:
      return "Found";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 407:
      return "Proxy Authentication Required";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    default:
      return "Other";
  }
}

std::size_t header_bytes(const Headers& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += header.name.size() + header.value.size() + 4;
  return bytes;
}

HttpResult failed(TransportFault fault, std::string text) {
  return std::unexpected(TransportError{.fault = fault, .sent = true, .text = std::move(text)});
}

}  // namespace

std::shared_ptr<const std::string> Answer::empty_body() {
  static const auto empty = std::make_shared<const std::string>();
  return empty;
}

void Answer::set_header(std::string_view name, std::string value) {
  const auto found =
      std::ranges::find_if(headers, [&](const Header& header) { return same_name(header.name, name); });
  if (found != headers.end()) {
    found->value = std::move(value);
  } else {
    headers.push_back({std::string(name), std::move(value)});
  }
}

void Answer::remove_header(std::string_view name) {
  std::erase_if(headers, [&](const Header& header) { return same_name(header.name, name); });
}

std::string wire_head(const Answer& answer, Framing framing) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
  head += reason_of(answer.status);
  head += "\r\n";
  for (const Header& header : answer.headers) head += header.name + ": " + header.value + "\r\n";
  if (answer.delivery.endless) {
    head += "Connection: close\r\n";  // Without a length the body lasts as long as the connection.
  } else if (framing == Framing::chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else {
    head += "Content-Length: " + std::to_string(answer.body->size()) + "\r\n";
  }
  head += "\r\n";
  return head;
}

HttpResult as_result(const Answer& answer) {
  const Delivery& delivery = answer.delivery;
  const std::size_t wire_bytes = wire_head(answer, Framing::content_length).size() + answer.body->size();
  if (delivery.bytes_max < wire_bytes) {
    if (delivery.ending == Ending::stall) return failed(TransportFault::timed_out, "no byte for too long");
    return failed(TransportFault::cut, "the connection broke");
  }
  if (header_bytes(answer.headers) > limits::header_bytes_max) {
    return failed(TransportFault::answer_too_large, "the answer's headers are too large");
  }
  if (delivery.endless && answer.body->empty())
    return failed(TransportFault::timed_out, "no byte for too long");
  HttpAnswer taken{.status = answer.status, .headers = answer.headers, .body = *answer.body};
  if (delivery.endless || answer.body->size() > limits::answer_bytes_max) {
    while (taken.body.size() < limits::beginning_bytes_max) taken.body += *answer.body;
    taken.body.resize(limits::beginning_bytes_max);
    taken.cut_off = true;
  }
  return taken;
}

}  // namespace logzio_okta::model
