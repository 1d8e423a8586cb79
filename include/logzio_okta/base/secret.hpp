// Secret: a credential that cannot be printed, copied or left behind in freed memory.
//
// `expose()` is the only access. It is called only where the credential is attached to a header, a URL or a
// line (the keyring and the transports in shell/), so a search for `expose(` lists every such place.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <string_view>

namespace logzio_okta {

class Secret {
 public:
  Secret() = default;
  /// Takes over the text and wipes the string it came in.
  explicit Secret(std::string&& text);
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// The bytes themselves; valid while this object lives.
  [[nodiscard]] std::string_view expose() const { return {bytes_.get(), size_}; }
  /// Compares in a time that depends on the lengths only.
  [[nodiscard]] bool same_as(std::string_view other) const;
  [[nodiscard]] bool same_as(const Secret& other) const { return same_as(other.expose()); }

 private:
  void wipe();

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

/// Always "[redacted]".
std::ostream& operator<<(std::ostream& out, const Secret&);

/// Overwrites the string's bytes (its whole capacity) with zeros and empties it; never optimised away.
void wipe(std::string& text);

}  // namespace logzio_okta
