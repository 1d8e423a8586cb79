#include "model/token_endpoint.hpp"

#include <algorithm>
#include <charconv>

#include "model/json.hpp"
#include "model/query.hpp"

namespace logzio_okta::model {
namespace {

constexpr std::string_view token_path = "/oauth2/v1/token";
constexpr std::string_view assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr std::size_t records_max = 100'000;
constexpr std::size_t secrets_max = 10'000;

std::string base64url_of(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 6) {
    unsigned six = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const bool set = i < bytes.size() * 8 &&
                       ((unsigned{static_cast<unsigned char>(bytes[i / 8])} >> (7 - i % 8)) & 1U) != 0;
      six = six * 2 + (set ? 1U : 0U);
    }
    text += alphabet[six];
  }
  return text;
}

std::optional<std::int64_t> whole_seconds(const Object& claims, std::string_view name) {
  const auto raw = claims.value(name);
  if (!raw || raw->empty()) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(raw->data(), raw->data() + raw->size(), number);
  if (fault != std::errc() || end != raw->data() + raw->size()) return std::nullopt;
  return number;
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool is_algorithm(std::string_view name) {
  constexpr std::string_view known[] = {"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"};
  return std::ranges::find(known, name) != std::end(known);
}

std::vector<std::string_view> headers_of(const Request& request, std::string_view name) {
  std::vector<std::string_view> values;
  for (const Header& header : request.headers) {
    if (same_name(header.name, name)) values.push_back(header.value);
  }
  return values;
}

std::string_view path_part(std::string_view target) {
  return target.substr(0, target.find_first_of("?#"));
}

std::string error_json(std::string_view error, std::string_view description) {
  return "{\"error\":" + quoted(error) + ",\"error_description\":" + quoted(description) + '}';
}

/// RFC 7638: the required members in order.
std::string canonical(const Object& jwk) {
  const auto member = [&](std::string_view name) {
    return quoted(name) + ':' + quoted(jwk.text(name).value_or(""));
  };
  if (jwk.text("kty") == "RSA") return '{' + member("e") + ',' + member("kty") + ',' + member("n") + '}';
  return '{' + member("crv") + ',' + member("kty") + ',' + member("x") + ',' + member("y") + '}';
}

}  // namespace

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    unsigned value = 0;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<unsigned>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<unsigned>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<unsigned>(c - '0') + 52;
    else if (c == '-')
      value = 62;
    else if (c == '_')
      value = 63;
    else
      return std::nullopt;
    bits = (bits * 64 + value) & 0xffffU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xffU);
    }
  }
  if (count >= 6 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

ServiceApp& TokenEndpoint::add_app(ServiceApp app) {
  const std::string id = app.client_id;
  return apps_.insert_or_assign(id, std::move(app)).first->second;
}

std::string TokenEndpoint::letters(std::size_t count) {
  std::string text;
  while (text.size() < count) text += static_cast<char>('a' + random_.below(26));
  return text;
}

void TokenEndpoint::rotate_nonce() {
  nonce_before_ = std::exchange(nonce_, letters(22));
}

void TokenEndpoint::forget_nonces() {
  nonce_ = letters(22);
  nonce_before_.clear();
}

std::optional<TokenEndpoint::Jws> TokenEndpoint::split(std::string_view compact) {
  const std::size_t first = compact.find('.');
  const std::size_t last = compact.rfind('.');
  if (first == std::string_view::npos || first == last || std::ranges::count(compact, '.') != 2)
    return std::nullopt;
  const auto header = from_base64url(compact.substr(0, first));
  const auto claims = from_base64url(compact.substr(first + 1, last - first - 1));
  const auto signature = from_base64url(compact.substr(last + 1));
  if (!header || !claims || !signature) return std::nullopt;
  return Jws{.header = *header,
             .claims = *claims,
             .input = std::string(compact.substr(0, last)),
             .signature = *signature};
}

Answer TokenEndpoint::handle(const Request& request, WallTime at) {
  Answer answer;
  answer.headers = {{"Date", format_http_date(at)},
                    {"Content-Type", "application/json"},
                    {"X-Okta-Request-Id", "tok" + std::to_string(random_.next())}};
  TokenRecord record{.at = at, .client_id = {}, .error = {}, .description = {}, .misuse = {}};
  record.proof = !headers_of(request, "DPoP").empty();
  if (const auto refusal = grant(request, record, answer)) {
    answer.status = refusal->status;
    answer.set_body(error_json(refusal->error, refusal->description));
    record.error = refusal->error;
    record.description = refusal->description;
    record.misuse = refusal->misuse;
    if (!refusal->misuse.empty()) ++misuses_;
  } else {
    ++granted_;
  }
  record.status = answer.status;
  records_.push_back(std::move(record));
  if (records_.size() > records_max) records_.pop_front();
  return answer;
}

std::optional<TokenEndpoint::Refusal> TokenEndpoint::grant(const Request& request, TokenRecord& record,
                                                           Answer& answer) {
  std::map<std::string, std::string> form;
  if (auto refusal = check_form(request, form)) return refusal;
  if (secrets_.size() < secrets_max) secrets_.push_back(form["client_assertion"]);
  if (auto refusal = check_assertion(form["client_assertion"], record)) return refusal;
  const ServiceApp& app = apps_.at(record.client_id);
  if (app.zoned) {
    return Refusal{.status = 403,
                   .error = "access_denied",
                   .description =
                       "Policy evaluation failed for this request, please check the policy "
                       "configurations."};
  }
  if (!app.scope_granted) {
    return Refusal{.status = 400,
                   .error = "invalid_scope",
                   .description = "The access token request scopes are not granted: okta.logs.read"};
  }
  Proof proof;
  if (app.proofs == ServiceApp::Proofs::refused && record.proof) {
    return Refusal{.status = 400,
                   .error = "invalid_request",
                   .description = "The client is not configured to use DPoP."};
  }
  if (app.proofs == ServiceApp::Proofs::required) {
    answer.set_header("dpop-nonce", nonce_);
    if (auto refusal = check_proof(request, app, "POST", {}, record.at, proof)) return refusal;
  }
  const std::string token = "eyJr" + letters(700);
  secrets_.push_back(token);
  tokens_[token] = {.client_id = record.client_id,
                    .thumbprint = proof.thumbprint,
                    .until = record.at + to_ms(app.token_life)};
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(app.token_life).count();
  answer.set_body("{\"token_type\":\"" + std::string(proof.thumbprint.empty() ? "Bearer" : "DPoP") +
                  "\",\"expires_in\":" + std::to_string(life) + ",\"access_token\":\"" + token +
                  "\",\"scope\":\"okta.logs.read\"}");
  return std::nullopt;
}

std::optional<TokenEndpoint::Refusal> TokenEndpoint::check_form(
    const Request& request, std::map<std::string, std::string>& form) const {
  const auto bad = [](std::string_view what) {
    return Refusal{.status = 400,
                   .error = "invalid_request",
                   .description = std::string(what),
                   .misuse = std::string(what)};
  };
  if (request.method != "POST" || request.target != token_path)
    return Refusal{
        .status = 404, .error = "not_found", .description = "", .misuse = "not a POST to the token endpoint"};
  if (find_header(request.headers, "Content-Type") != "application/x-www-form-urlencoded")
    return bad("The content type is not that of a form.");
  if (!headers_of(request, "Authorization").empty()) return bad("More than one client authentication.");
  for (auto& [name, value] : parameters_of("/?" + request.body)) {
    if (!form.emplace(name, value).second) return bad("A parameter is given twice.");
  }
  if (form.contains("client_secret")) return bad("More than one client authentication.");
  if (form["grant_type"] != "client_credentials")
    return Refusal{.status = 400,
                   .error = "unsupported_grant_type",
                   .description = "The grant type is not supported.",
                   .misuse = "grant type"};
  if (form["scope"].empty())
    return Refusal{.status = 400,
                   .error = "invalid_scope",
                   .description = "No scopes were requested.",
                   .misuse = "no scope"};
  if (form["scope"] != "okta.logs.read")
    return Refusal{.status = 400,
                   .error = "invalid_scope",
                   .description = "One or more scopes are not configured.",
                   .misuse = "asks for more than it needs"};
  if (form["client_assertion_type"] != assertion_type) return bad("The client_assertion_type is invalid.");
  return std::nullopt;
}

std::optional<TokenEndpoint::Refusal> TokenEndpoint::check_assertion(std::string_view assertion,
                                                                     TokenRecord& record) {
  const auto bad = [](std::string_view description, std::string_view misuse = {}) {
    return Refusal{.description = std::string(description), .misuse = std::string(misuse)};
  };
  const auto jws = split(assertion);
  const auto header = jws ? read_object(jws->header) : std::nullopt;
  const auto claims = jws ? read_object(jws->claims) : std::nullopt;
  if (!header || !claims) return bad("The client_assertion is not a valid JWT.", "no JWS");
  const std::string algorithm(header->text("alg").value_or(""));
  if (!is_algorithm(algorithm)) return bad("The client_assertion's algorithm is not allowed.", "alg");
  const std::string client(claims->text("iss").value_or(""));
  if (claims->text("sub") != client) return bad("'iss' and 'sub' differ.", "iss is not sub");
  if (claims->text("aud") != base_ + std::string(token_path)) {
    return bad("The audience claim for client_assertion must be the endpoint invoked for the request.",
               "audience");
  }
  const auto app = apps_.find(client);
  if (app == apps_.end()) return bad("The issuer claim of the client_assertion is not a valid client_id.");
  record.client_id = client;
  if (!app->second.by_key) {
    return bad("The client uses another token_endpoint_auth_method: it must not use private_key_jwt.");
  }
  const auto id = header->text("kid");
  const std::vector<RegisteredKey>& keys = app->second.keys;
  const auto key = std::ranges::find_if(
      keys, [&](const RegisteredKey& each) { return id ? each.id == *id : keys.size() == 1; });
  if (key == keys.end()) return bad("The client_assertion's 'kid' is invalid: no such key in the JWKSet.");
  if (!crypto_.verifies(algorithm, key->jwk, jws->input, jws->signature))
    return bad("The client_assertion signature is invalid.");
  const auto exp = whole_seconds(*claims, "exp");
  const std::int64_t now = seconds_of(record.at);
  if (!exp) return bad("The 'exp' claim must be an integer.", "exp");
  if (*exp <= now) return bad("The client_assertion token is expired.");
  if (*exp >= now + 3600) return bad("The client_assertion token has an expiration too far into the future.");
  if (claims->value("iat")) {
    const auto iat = whole_seconds(*claims, "iat");
    if (!iat || *iat > now) return bad("The client_assertion token must be issued before current time.");
  }
  const std::string jti(claims->text("jti").value_or(""));
  if (jti.size() < 16) return bad("The client_assertion has no 'jti'.", "no jti");
  if (!ids_.insert("a" + jti).second)
    return bad("The client_assertion has already been used.", "an assertion was used twice");
  return std::nullopt;
}

std::optional<TokenEndpoint::Refusal> TokenEndpoint::check_proof(const Request& request,
                                                                 const ServiceApp& app,
                                                                 std::string_view method,
                                                                 std::string_view access_token, WallTime at,
                                                                 Proof& proof) {
  const auto bad = [](std::string_view description, std::string_view misuse = {}) {
    return Refusal{.status = 400,
                   .error = "invalid_dpop_proof",
                   .description = std::string(description),
                   .misuse = std::string(misuse)};
  };
  const auto proofs = headers_of(request, "DPoP");
  if (proofs.empty()) return bad("The DPoP proof JWT header is missing.");
  if (proofs.size() > 1) return bad("More than one DPoP proof.", "two proofs");
  if (secrets_.size() < secrets_max) secrets_.emplace_back(proofs.front());
  const auto jws = split(proofs.front());
  const auto header = jws ? read_object(jws->header) : std::nullopt;
  if (!header || !read_object(jws->claims))
    return bad("The DPoP proof is not a valid JWT.", "proof is no JWS");
  if (header->text("typ") != "dpop+jwt") return bad("The DPoP proof JWT has an invalid 'typ'.", "typ");
  const std::string algorithm(header->text("alg").value_or(""));
  if (!is_algorithm(algorithm) || (app.rsa_proofs_only && !algorithm.starts_with("RS")))
    return bad("The DPoP proof JWT's signature algorithm ('alg') is invalid.");
  const auto raw = header->value("jwk");
  const auto jwk = raw ? read_object(*raw) : std::nullopt;
  if (!jwk) return bad("The DPoP proof JWT has no 'jwk'.", "no jwk");
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "k"}) {
    if (jwk->value(name)) return bad("The 'jwk' holds a private key.", "a private key in a proof");
  }
  if (!crypto_.verifies(algorithm, *raw, jws->input, jws->signature))
    return bad("The DPoP proof JWT's signature is invalid.", "signature of a proof");
  const std::string_view jwk_text = *raw;
  const bool clients_own = std::ranges::any_of(app.keys, [&](const RegisteredKey& each) {
    const auto own = read_object(each.jwk);
    return own && canonical(*own) == canonical(*read_object(jwk_text));
  });
  if (clients_own) return bad("The key of a proof is another than the client's.", "one key for both");
  proof.thumbprint = base64url_of(crypto_.sha256(canonical(*jwk)));
  return check_proof_claims(*jws, request, method, access_token, at);
}

std::optional<TokenEndpoint::Refusal> TokenEndpoint::check_proof_claims(const Jws& jws,
                                                                        const Request& request,
                                                                        std::string_view method,
                                                                        std::string_view access_token,
                                                                        WallTime at) {
  const auto bad = [](std::string_view description, std::string_view misuse = {}) {
    return Refusal{.status = 400,
                   .error = "invalid_dpop_proof",
                   .description = std::string(description),
                   .misuse = std::string(misuse)};
  };
  const Object claims = *read_object(jws.claims);
  if (claims.text("htm") != method) return bad("The 'htm' claim in the DPoP proof JWT is invalid.", "htm");
  if (claims.text("htu") != base_ + std::string(path_part(request.target)))
    return bad("The 'htu' claim in the DPoP proof JWT is invalid.", "htu");
  const auto iat = whole_seconds(claims, "iat");
  const std::int64_t now = seconds_of(at);
  if (!iat) return bad("The 'iat' claim in the DPoP proof JWT is invalid.", "iat");
  if (*iat > now) return bad("The DPoP proof JWT is issued in the future.");
  if (*iat < now - 300) return bad("The DPoP proof JWT was issued more than five minutes in the past.");
  const std::string jti(claims.text("jti").value_or(""));
  if (jti.size() < 16) return bad("The 'jti' claim in the DPoP proof JWT is invalid.", "jti of a proof");
  if (!ids_.insert("p" + jti).second)
    return bad("The DPoP proof JWT has already been used.", "a proof was used twice");
  if (!access_token.empty()) {
    const std::string ath = base64url_of(crypto_.sha256(access_token));
    if (claims.text("ath") != ath)
      return bad("The 'ath' claim in the DPoP proof JWT does not match the access token.", "ath");
    return std::nullopt;
  }
  const auto nonce = claims.text("nonce");
  if (!nonce || nonce->empty() || (*nonce != nonce_ && *nonce != nonce_before_)) {
    return Refusal{.status = 400,
                   .error = "use_dpop_nonce",
                   .description = "Authorization server requires nonce in DPoP proof."};
  }
  return std::nullopt;
}

// ---- The System Log

bool TokenEndpoint::carries_token(const Request& request) {
  const auto authorization = find_header(request.headers, "Authorization").value_or("");
  return authorization.starts_with("Bearer ") || authorization.starts_with("DPoP ");
}

std::string TokenEndpoint::client_of(const Request& request) const {
  const auto authorization = find_header(request.headers, "Authorization").value_or("");
  const auto token = tokens_.find(std::string(authorization.substr(authorization.find(' ') + 1)));
  return token == tokens_.end() ? std::string() : token->second.client_id;
}

std::optional<TokenEndpoint::Refusal> TokenEndpoint::check_token(const Request& request, WallTime at) {
  const auto invalid = [](std::string_view description) {
    return Refusal{.status = 401, .error = "invalid_token", .description = std::string(description)};
  };
  const auto authorizations = headers_of(request, "Authorization");
  if (authorizations.size() != 1)
    return Refusal{.status = 400, .error = "invalid_request", .description = "", .misuse = "two credentials"};
  const bool by_proof = authorizations.front().starts_with("DPoP ");
  const std::string text(authorizations.front().substr(authorizations.front().find(' ') + 1));
  const auto token = tokens_.find(text);
  if (token == tokens_.end()) return invalid("The access token is invalid.");
  const ServiceApp& app = apps_.at(token->second.client_id);
  if (at >= token->second.until) return invalid("The access token is expired.");
  if (token->second.thumbprint.empty() == by_proof) {
    return Refusal{.status = 400,
                   .error = "invalid_request",
                   .description = by_proof ? "The access token is not bound to a key."
                                           : "The resource request must use the DPoP authentication scheme.",
                   .misuse = "another scheme than the token's"};
  }
  if (!by_proof && !headers_of(request, "DPoP").empty())
    return Refusal{.status = 400,
                   .error = "invalid_request",
                   .description = "",
                   .misuse = "a proof beside a bearer token"};
  if (by_proof) {
    Proof proof;
    if (auto refusal = check_proof(request, app, "GET", text, at, proof)) return refusal;
    if (proof.thumbprint != token->second.thumbprint) {
      return Refusal{.status = 400,
                     .error = "invalid_dpop_proof",
                     .description = "The DPoP proof is by another key than the access token is bound to.",
                     .misuse = "a proof by another key"};
    }
  }
  if (!app.scope_granted)
    return Refusal{.status = 403,
                   .error = "insufficient_scope",
                   .description = "The access token provided does not contain the required scopes."};
  return std::nullopt;
}

std::optional<fault::Status> TokenEndpoint::refusal_of(const Request& request, WallTime at,
                                                       std::string& misuse) {
  if (const auto refusal = check_token(request, at)) {
    misuse = refusal->misuse;
    const std::string scheme(
        find_header(request.headers, "Authorization")->substr(0, 4) == "DPoP" ? "DPoP" : "Bearer");
    fault::Status status{.status = refusal->status, .body = {}, .content_type = "application/json"};
    status.headers = {{"WWW-Authenticate", scheme +
                                               " algs=\"RS256 RS384 RS512 ES256 ES384 ES512\", "
                                               "authorization_uri=\"" +
                                               base_ + "/oauth2/v1/authorize\", realm=\"" + base_ +
                                               "\", scope=\"okta.logs.read\", error=\"" + refusal->error +
                                               "\", error_description=\"" + refusal->description + '"'}};
    if (refusal->status == 401) {
      status.body = R"({"errorCode":"E0000011","errorSummary":"Invalid token provided"})";
      status.body.insert(status.body.size() - 1,
                         R"(,"errorLink":"E0000011","errorId":"oae1","errorCauses":[])");
    }
    return status;
  }
  const auto app = apps_.find(client_of(request));
  if (app != apps_.end() && !app->second.has_role) return fault::okta_forbidden();
  return std::nullopt;
}

}  // namespace logzio_okta::model
