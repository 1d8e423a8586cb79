// What `check` shows: tables and findings, as text for people or as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "logzio_okta/flow/diagnosis.hpp"

namespace logzio_okta {

struct Examination {
  WallTime at;
  std::string state_dir;
  std::vector<TenantDiagnosis> tenants;  ///< In the file's order, an element for each key.
  std::vector<ListenerDiagnosis> listeners;
  std::vector<Finding> findings;  ///< All, those of tenants and listeners included; the gravest first.
};

enum class Colour : std::uint8_t { plain, terminal };

[[nodiscard]] std::string examination_text(const Examination& examination, Colour colour);
[[nodiscard]] std::string examination_json(const Examination& examination, int exit_code);

}  // namespace logzio_okta
