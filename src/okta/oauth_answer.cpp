#include "logzio_okta/okta/oauth_answer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include <rapidjson/reader.h>
#include <rapidjson/stream.h>

#include "logzio_okta/base/gzip.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/quote.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/okta/error.hpp"

namespace logzio_okta {
namespace {

/// The top-level members that OAuth and Okta define. They point into the parsed text.
struct Members {
  std::optional<std::string_view> access_token;
  std::optional<std::string_view> token_type;
  std::optional<std::uint64_t> expires_in;
  std::optional<std::string_view> error;
  std::optional<std::string_view> error_description;
  std::optional<std::string_view> error_code;
  std::optional<std::string_view> error_summary;
};

// The names are RapidJSON's.
class MembersHandler : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, MembersHandler> {
 public:
  bool StartObject() { return enter(); }
  bool EndObject(rapidjson::SizeType /*members*/) { return leave(); }
  bool StartArray() { return depth_ > 0 && enter(); }
  bool EndArray(rapidjson::SizeType /*elements*/) { return leave(); }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    const std::string_view key(text, size);
    text_ = depth_ == 1 ? text_member(key) : nullptr;
    is_life_ = depth_ == 1 && key == "expires_in";
    return true;
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    const std::string_view value(text, size);
    if (text_ != nullptr) *text_ = value;
    if (is_life_) members.expires_in = ascii::whole_number(value);
    return Default();
  }
  bool Uint(unsigned number) { return Uint64(number); }
  bool Uint64(std::uint64_t number) {
    if (is_life_) members.expires_in = number;
    return Default();
  }
  bool Default() {
    text_ = nullptr;
    is_life_ = false;
    return depth_ > 0;  // A value that is not an object.
  }

  Members members;

 private:
  std::optional<std::string_view>* text_member(std::string_view key) {
    if (key == "access_token") return &members.access_token;
    if (key == "token_type") return &members.token_type;
    if (key == "error") return &members.error;
    if (key == "error_description") return &members.error_description;
    if (key == "errorCode") return &members.error_code;
    if (key == "errorSummary") return &members.error_summary;
    return nullptr;
  }
  bool enter() {
    ++depth_;
    text_ = nullptr;
    is_life_ = false;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  std::optional<std::string_view>* text_ = nullptr;
  bool is_life_ = false;
  std::size_t depth_ = 0;
};

// Whether one of the last bytes begins a UTF-8 sequence.
bool begins_sequence_at_end(std::string_view text) {
  constexpr std::size_t sequence_max = 4;
  const std::string_view end = text.substr(text.size() - std::min(text.size(), sequence_max - 1));
  return std::ranges::any_of(end, [](char c) { return static_cast<unsigned char>(c) >= 0xC0U; });
}

// In place: RapidJSON would copy each string, and the token with them, into memory that it does not wipe.
std::optional<Members> read_members(std::string& json) {
  if (json.contains('\0')) return std::nullopt;
  // RapidJSON would read the rest of such a sequence from after the text. No object ends so.
  if (begins_sequence_at_end(json)) return std::nullopt;
  rapidjson::InsituStringStream stream(json.data());
  rapidjson::Reader reader;
  MembersHandler handler;
  constexpr unsigned flags =
      rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  if (reader.Parse<flags>(stream, handler).IsError()) return std::nullopt;
  return handler.members;
}

bool inflate(HttpAnswer& answer) {
  if (encoding_of(answer.headers) == Encoding::none) return true;
  if (encoding_of(answer.headers) != Encoding::gzip) return false;
  auto inflated = gunzip(answer.body, limits::token_answer_bytes_max);
  if (!inflated) return false;
  answer.body = std::move(*inflated);
  return true;
}

std::optional<TokenScheme> scheme_of(std::string_view token_type) {
  if (ascii::equal_ignoring_case(token_type, "Bearer")) return TokenScheme::bearer;
  if (ascii::equal_ignoring_case(token_type, "DPoP")) return TokenScheme::dpop;
  return std::nullopt;
}

Result<TokenGrant> grant_of(std::string& body) {
  constexpr const char* begin = "Okta's token endpoint answered 200 ";
  const std::optional<Members> members = read_members(body);
  if (!members) return fail(std::string(begin) + "with something that is not a JSON object");
  if (!members->access_token) return fail(std::string(begin) + "without an access_token");
  const std::string_view token = *members->access_token;
  if (token.empty() || token.size() > limits::token_bytes_max ||
      !std::ranges::all_of(token, ascii::is_visible)) {
    return fail(std::string(begin) + "with an access_token that does not fit into a header (" +
                std::to_string(token.size()) + " bytes)");
  }
  const auto scheme = scheme_of(members->token_type.value_or(""));
  if (!scheme) return fail(std::string(begin) + "with a token_type that is neither Bearer nor DPoP");
  constexpr auto life_max = std::chrono::duration_cast<std::chrono::seconds>(limits::token_life_max);
  const Duration life = members->expires_in
                            ? Duration(std::chrono::seconds(std::min<std::uint64_t>(
                                  *members->expires_in, static_cast<std::uint64_t>(life_max.count()))))
                            : Duration(limits::token_life_assumed);
  if (life <= Duration(0)) return fail(std::string(begin) + "with a token whose lifetime is zero");
  return TokenGrant{.token = Secret(std::string(token)), .facts = {.scheme = *scheme, .life = life}};
}

std::string shown(std::string_view text) {
  return printable(without_credentials(text));
}

bool mentions(std::string_view text, std::string_view word) {
  return ascii::lower(text).contains(word);
}

bool mentions_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return mentions(text, word); });
}

/// The trouble with a proof or an assertion, by the words of the complaint (docs/okta.md 5.3).
std::optional<TokenTrouble> about_a_claim(std::string_view text) {
  if (mentions_any(text, {"already been used", "already used", "jti' claim has"})) return TokenTrouble::used;
  if (mentions_any(text, {"expire", "expiration", "too far", "in the future", "in the past", "issued before",
                          "before current time", "'iat'", "'exp'"})) {
    return TokenTrouble::clock;
  }
  if (mentions_any(text, {"'alg'", "signature algorithm", "signing algorithm"}))
    return TokenTrouble::proof_algorithm;
  return std::nullopt;
}

TokenTrouble trouble_of_proof(const TokenRefusal& refusal) {
  const std::string& text = refusal.description;
  if (mentions_any(text, {"is missing", "requires a dpop"})) return TokenTrouble::proof_missing;
  if (const auto claim = about_a_claim(text)) return *claim;
  // Its other claims: a proof was asked for but is wrong.
  if (mentions_any(text, {"'htu'", "'htm'", "'ath'", "'jwk'", "'typ'", "'nonce'", "signature"}))
    return TokenTrouble::proof;
  return TokenTrouble::proof_unwanted;
}

// ---- WWW-Authenticate

bool is_token_letter(char c) {
  return ascii::is_letter(c) || ascii::is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

/// Parses one header: `DPoP algs="RS256", error="invalid_dpop_proof", Bearer realm=okta`.
class Challenges {
 public:
  explicit Challenges(std::string_view header) : rest_(header) {}

  std::optional<Challenge> next() {
    skip_separators();
    std::string_view scheme = pending_scheme_.empty() ? word() : std::exchange(pending_scheme_, {});
    if (scheme.empty()) return std::nullopt;
    Challenge challenge{.scheme = std::string(scheme), .error = {}, .description = {}};
    for (;;) {
      skip_separators();
      const std::string_view name = word();
      if (name.empty()) return challenge;
      if (!take_equals()) {  // Not a parameter: the next challenge begins.
        pending_scheme_ = name;
        return challenge;
      }
      std::string text = value();
      if (ascii::equal_ignoring_case(name, "error"))
        challenge.error = std::move(text);
      else if (ascii::equal_ignoring_case(name, "error_description"))
        challenge.description = std::move(text);
    }
  }

 private:
  void skip_separators() {
    while (!rest_.empty() && (ascii::is_space(rest_.front()) || rest_.front() == ',')) rest_.remove_prefix(1);
  }
  std::string_view word() {
    std::size_t size = 0;
    while (size < rest_.size() && is_token_letter(rest_[size])) ++size;
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  bool take_equals() {
    const std::string_view before = rest_;
    while (!rest_.empty() && ascii::is_space(rest_.front())) rest_.remove_prefix(1);
    if (rest_.starts_with('=')) {
      rest_.remove_prefix(1);
      while (!rest_.empty() && ascii::is_space(rest_.front())) rest_.remove_prefix(1);
      return true;
    }
    rest_ = before;
    return false;
  }
  std::string value() {
    if (!rest_.starts_with('"')) {
      const std::string_view text = rest_.substr(0, rest_.find_first_of(", \t"));
      rest_.remove_prefix(text.size());
      return std::string(text);
    }
    std::string text;
    for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
      if (rest_.front() == '"') {
        rest_.remove_prefix(1);
        break;
      }
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      text += rest_.front();
    }
    return text;
  }

  std::string_view rest_;
  std::string_view pending_scheme_;
};

/// Of a body that is OAuth's error; nothing for any other.
std::optional<Challenge> error_in_body(const HttpAnswer& answer) {
  if (answer.body.size() > limits::error_body_bytes_max) return std::nullopt;
  HttpAnswer copy = answer;
  const auto members = inflate(copy) ? read_members(copy.body) : std::nullopt;
  if (!members || !members->error) return std::nullopt;
  return Challenge{.scheme = {},
                   .error = std::string(*members->error),
                   .description = std::string(members->error_description.value_or(""))};
}

CredentialComplaint complaint_in(std::string_view error, std::string_view text) {
  if (error == "use_dpop_nonce") return CredentialComplaint::proof_nonce;
  if (error == "insufficient_scope") return CredentialComplaint::scope;
  if (error == "invalid_token" || error == "access_token_not_dpop_bound") return CredentialComplaint::token;
  // "The resource request requires a DPoP proof", "must use the DPoP authentication scheme".
  if (error == "invalid_request" && mentions(text, "dpop")) return CredentialComplaint::token;
  if (error != "invalid_dpop_proof") return CredentialComplaint::none;
  switch (about_a_claim(text).value_or(TokenTrouble::proof)) {
    case TokenTrouble::used:
      return CredentialComplaint::proof_used;
    case TokenTrouble::clock:
      return CredentialComplaint::proof_clock;
    case TokenTrouble::proof_algorithm:
      return CredentialComplaint::proof_algorithm;
    default:
      return CredentialComplaint::proof;
  }
}

}  // namespace

std::string_view name_of(TokenScheme scheme) {
  return scheme == TokenScheme::dpop ? "DPoP" : "Bearer";
}

Result<TokenGrant> read_token_grant(HttpAnswer& answer) {
  Result<TokenGrant> grant = inflate(answer)
                                 ? grant_of(answer.body)
                                 : Result<TokenGrant>(fail("Okta's token endpoint answered 200 in "
                                                           "an encoding that was not asked for"));
  wipe(answer.body);
  return grant;
}

TokenRefusal read_token_refusal(HttpAnswer&& answer) {
  TokenRefusal refusal{
      .status = answer.status, .headers = std::move(answer.headers), .error = {}, .description = {}};
  HttpAnswer rest{.status = answer.status, .headers = refusal.headers, .body = std::move(answer.body)};
  const std::optional<Members> members = rest.body.size() <= limits::token_answer_bytes_max && inflate(rest)
                                             ? read_members(rest.body)
                                             : std::nullopt;
  if (members && members->error) {
    refusal.error = shown(*members->error);
    refusal.description = shown(members->error_description.value_or(""));
  } else if (members && members->error_code) {
    refusal.error = shown(*members->error_code);
    refusal.description = shown(members->error_summary.value_or(""));
  }
  refusal.of_okta =
      !refusal.error.empty() || !find_header(refusal.headers, "X-Okta-Request-Id").value_or("").empty();
  wipe(rest.body);
  return refusal;
}

std::string describe(const TokenRefusal& refusal) {
  std::string text = std::to_string(refusal.status);
  if (!refusal.error.empty()) text += ' ' + refusal.error;
  if (!refusal.description.empty()) text += ": " + refusal.description;
  if (refusal.error.empty())
    text += refusal.of_okta ? " without a reason" : ", and not an answer of Okta's token endpoint";
  if (const std::string id = request_id_of(refusal.headers); !id.empty()) text += " (request id " + id + ')';
  return text;
}

TokenTrouble trouble_of(const TokenRefusal& refusal) {
  if (refusal.status == 429) return TokenTrouble::limited;
  if (!refusal.of_okta || refusal.status >= 500 || refusal.status < 400) return TokenTrouble::outage;
  const std::string& error = refusal.error;
  if (error == "use_dpop_nonce") return TokenTrouble::nonce;
  if (error == "invalid_dpop_proof") return trouble_of_proof(refusal);
  if (error == "invalid_scope" || error == "consent_required") return TokenTrouble::scope;
  if (error == "access_denied") return TokenTrouble::zone;
  if (refusal.status == 404) return TokenTrouble::no_org;
  if (error == "invalid_client" || error == "unauthorized_client" || error == "invalid_grant") {
    const auto claim = about_a_claim(refusal.description);
    return claim && *claim != TokenTrouble::proof_algorithm ? *claim : TokenTrouble::client;
  }
  if (mentions(error, "dpop") || mentions(refusal.description, "dpop")) return trouble_of_proof(refusal);
  return TokenTrouble::other;
}

std::string_view name_of(TokenTrouble trouble) {
  switch (trouble) {
    case TokenTrouble::nonce:
      return "nonce";
    case TokenTrouble::clock:
      return "clock";
    case TokenTrouble::used:
      return "used";
    case TokenTrouble::proof_algorithm:
      return "proof_algorithm";
    case TokenTrouble::proof_unwanted:
      return "proof_unwanted";
    case TokenTrouble::proof_missing:
      return "proof_missing";
    case TokenTrouble::proof:
      return "proof";
    case TokenTrouble::client:
      return "client";
    case TokenTrouble::scope:
      return "scope";
    case TokenTrouble::zone:
      return "zone";
    case TokenTrouble::no_org:
      return "no_org";
    case TokenTrouble::limited:
      return "limited";
    case TokenTrouble::outage:
      return "outage";
    case TokenTrouble::other:
      return "other";
  }
  return "";
}

namespace {

constexpr std::string_view proof_cure = "check that no proxy changes the DPoP header or sends requests twice";
constexpr std::string_view clock_cure = "set this machine's clock by NTP";

std::string cure_of_client(const TokenRefusal& refusal, std::string_view key) {
  const std::string& text = refusal.description;
  if (mentions_any(text, {"private_key_jwt", "client authentication method", "authentication method"})) {
    return "the app uses another authentication method: in Okta, under General, Client Credentials, choose "
           "Public key / Private key";
  }
  if (mentions_any(text, {"audience", "'aud'"})) {
    return "Okta was asked under a host name that is not its own: check okta_domain, and that no proxy "
           "rewrites the host";
  }
  if (mentions_any(text, {"issuer", "subject", "client_id", "client id"})) {
    return "check okta_client_id: this org has no such service app (it may be inactive, or another org's)";
  }
  return "the public key of " + std::string(key) +
         " is not in the app: add it under General, Client Credentials, Public Keys, or replace "
         "okta_private_key_file and okta_private_key_id";
}

/// Not every page of an outage shows that it is Okta's.
std::string_view cure_of_outage(const TokenRefusal& refusal) {
  if (refusal.of_okta) return "check status.okta.com";
  if (refusal.status < 300) return "check what answers under this domain (a proxy, a login page)";
  if (refusal.status >= 500) return "check status.okta.com, and the proxy or firewall if there is one";
  return "allow requests to this domain through the proxy or firewall";
}

}  // namespace

std::string cure_of(const TokenRefusal& refusal, std::string_view key) {
  switch (trouble_of(refusal)) {
    case TokenTrouble::client:
      return cure_of_client(refusal, key);
    case TokenTrouble::scope:
      return "grant the app okta.logs.read on its Okta API Scopes tab";
    case TokenTrouble::zone:
      return "add this machine's address to the app's network zone, or check the app's policy";
    case TokenTrouble::no_org:
      return "check okta_domain: it is not an Okta org, or it is the admin console (-admin)";
    case TokenTrouble::clock:
      return std::string(clock_cure);
    case TokenTrouble::proof:
    case TokenTrouble::proof_missing:
    case TokenTrouble::proof_unwanted:
    case TokenTrouble::proof_algorithm:
    case TokenTrouble::used:
      return std::string(proof_cure);
    case TokenTrouble::other:
      return "check the service app in Okta; if it looks right, report this message";
    case TokenTrouble::limited:
      return refusal.of_okta ? "find in Okta, under Reports, Rate limits, who else asks for tokens"
                             : "check the proxy or firewall that limits the rate";
    case TokenTrouble::outage:
      return std::string(cure_of_outage(refusal));
    case TokenTrouble::nonce:
      return {};
  }
  return {};
}

std::string_view cure_of(CredentialComplaint complaint) {
  switch (complaint) {
    case CredentialComplaint::proof_clock:
      return clock_cure;
    case CredentialComplaint::proof_used:
    case CredentialComplaint::proof_nonce:
    case CredentialComplaint::proof_algorithm:
    case CredentialComplaint::proof:
      return proof_cure;
    case CredentialComplaint::none:
    case CredentialComplaint::token:
    case CredentialComplaint::scope:
      return {};
  }
  return {};
}

CredentialComplaint complaint_of(const HttpAnswer& answer) {
  if (answer.status < 400 || answer.status >= 500 || answer.status == 429) return CredentialComplaint::none;
  if (const auto challenge = read_challenge(answer.headers)) {
    const auto complaint = complaint_in(challenge->error, challenge->description);
    if (complaint != CredentialComplaint::none) return complaint;
  }
  const auto error = error_in_body(answer);
  return error ? complaint_in(error->error, error->description) : CredentialComplaint::none;
}

std::string describe_credential_doubt(const HttpAnswer& answer) {
  auto said = read_challenge(answer.headers);
  if (!said) said = error_in_body(answer);
  if (!said) return describe_okta_error(answer);
  const std::string id = request_id_of(answer.headers);
  return shown(said->error) + (said->description.empty() ? "" : ": ") + shown(said->description) +
         (id.empty() ? "" : " (request id " + id + ')');
}

std::optional<Challenge> read_challenge(const Headers& headers) {
  for (const Header& header : headers) {
    if (!same_name(header.name, "WWW-Authenticate")) continue;
    Challenges challenges(header.value);
    while (auto challenge = challenges.next()) {
      const bool known = ascii::equal_ignoring_case(challenge->scheme, "DPoP") ||
                         ascii::equal_ignoring_case(challenge->scheme, "Bearer");
      if (known && !challenge->error.empty()) return challenge;
    }
  }
  return std::nullopt;
}

std::optional<std::string> read_nonce(const Headers& headers) {
  const auto nonce = find_header(headers, "DPoP-Nonce");
  if (!nonce || nonce->empty() || nonce->size() > limits::nonce_bytes_max ||
      !std::ranges::all_of(*nonce, ascii::is_visible)) {
    return std::nullopt;
  }
  return std::string(*nonce);
}

}  // namespace logzio_okta
