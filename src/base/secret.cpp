#include "logzio_okta/base/secret.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace logzio_okta {
namespace {

// Through a volatile pointer, because a compiler may drop writes to memory that is about to be freed.
void overwrite(char* bytes, std::size_t size) {
  volatile char* const writable = bytes;
  for (std::size_t i = 0; i < size; ++i) writable[i] = '\0';
}

}  // namespace

Secret::Secret(std::string&& text)
    : bytes_(std::make_unique_for_overwrite<char[]>(text.size())), size_(text.size()) {
  std::ranges::copy(text, bytes_.get());
  logzio_okta::wipe(text);
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

bool Secret::same_as(std::string_view other) const {
  if (size_ != other.size()) return false;
  unsigned difference = 0;  // Over all bytes: a difference must not end the loop early.
  for (std::size_t i = 0; i < size_; ++i) {
    difference |=
        static_cast<unsigned char>(bytes_[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(other[i]));
  }
  return difference == 0;
}

void Secret::wipe() {
  overwrite(bytes_.get(), size_);
}

std::ostream& operator<<(std::ostream& out, const Secret& /*secret*/) {
  return out << "[redacted]";
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // Earlier, longer content may remain after the end.
  overwrite(text.data(), text.size());
  text.clear();
}

}  // namespace logzio_okta
