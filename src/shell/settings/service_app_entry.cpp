#include "shell/settings/service_app_entry.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/base/text.hpp"
#include "logzio_okta/config/tenant_values.hpp"

#include "shell/settings/signing_key.hpp"

namespace logzio_okta {

Result<ServiceAppEntry> read_service_app(std::string_view client_id, std::string_view private_key,
                                         std::string_view key_id) {
  if (auto good = check_client_id(client_id); !good) return std::unexpected(std::move(good.error()));
  Result<SigningKey> key = SigningKey::read(private_key);
  if (!key) return std::unexpected(std::move(key.error()));
  if (key_id.size() > limits::nonce_bytes_max || !std::ranges::all_of(key_id, ascii::is_visible))
    return fail("the key id is too long or contains a space; copy it as Okta shows it beside the public key");
  if (!key_id.empty() && !key->id().empty() && key_id != key->id())
    return fail("okta_private_key_id is not the \"kid\" in the private key; leave it out");
  std::string thumbprint = key->thumbprint();
  return ServiceAppEntry{.client_id = std::string(client_id),
                         .private_key = std::make_shared<const SigningKey>(std::move(*key)),
                         .key_id = std::string(key_id),
                         .thumbprint = std::move(thumbprint)};
}

}  // namespace logzio_okta
