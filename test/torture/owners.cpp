#include "torture/owners.hpp"

#include <algorithm>
#include <chrono>
#include <sstream>

namespace logzio_okta::torture {
namespace {

constexpr const char* install_sql = R"(
  CREATE SCHEMA audit;
  CREATE TABLE audit.hold(id bigserial, at timestamptz, domain text, name text);
  CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    IF TG_OP = 'INSERT' OR NEW.owner IS DISTINCT FROM OLD.owner THEN
      INSERT INTO audit.hold(at, domain, name) VALUES (clock_timestamp(), NEW.domain,
        coalesce((SELECT name FROM logzio_okta.instance WHERE id = NEW.owner), ''));
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER note AFTER INSERT OR UPDATE ON logzio_okta.org FOR EACH ROW EXECUTE FUNCTION audit.note();
  INSERT INTO audit.hold(at, domain, name)
    SELECT clock_timestamp(), domain, coalesce(name, '') FROM logzio_okta.org LEFT JOIN logzio_okta.instance ON id = owner;
)";

}  // namespace

void Owners::install(const test::PostgresServer& server) {
  static_cast<void>(server.query(install_sql));
}

void Owners::read(const test::PostgresServer& server) {
  const std::string sql =
      "SELECT concat_ws(' ', id, (extract(epoch FROM at) * 1000)::bigint, domain, name) FROM audit.hold"
      " WHERE id > " +
      std::to_string(read_up_to_) + " ORDER BY id";
  for (const std::string& row : server.query(sql)) {
    std::istringstream words(row);
    std::int64_t at = 0;
    std::string domain;
    std::string name;
    words >> read_up_to_ >> at >> domain >> name;
    holds_[domain].push_back({.at = WallTime(std::chrono::milliseconds(at)), .name = name});
  }
}

void Owners::begin_anew(const test::PostgresServer& server, WallTime now) {
  read_up_to_ = std::stoll(server.value("SELECT coalesce(max(id), 0) FROM audit.hold"));
  const std::string sql =
      "SELECT concat_ws(' ', domain, name) FROM logzio_okta.org LEFT JOIN logzio_okta.instance ON id = owner";
  for (const std::string& row : server.query(sql)) {
    std::istringstream words(row);
    std::string domain;
    std::string name;
    words >> domain >> name;
    holds_[domain].push_back({.at = now, .name = name});
  }
}

std::vector<std::string> Owners::held_by(const std::string& name) const {
  std::vector<std::string> domains;
  for (const auto& [domain, holds] : holds_) {
    if (holds.back().name == name) domains.push_back(domain);
  }
  return domains;
}

std::optional<Owners::Asked> Owners::misplaced(const std::string& domain, const std::vector<Asked>& asked,
                                               Duration grace) const {
  const std::vector<Hold>& holds = holds_.at(domain);
  const auto held_lately = [&](const Asked& one) {
    // The hold of that moment, and back through those that began within the grace.
    auto hold = std::ranges::upper_bound(holds, one.at, {}, &Hold::at);
    while (hold != holds.begin()) {
      --hold;
      if (hold->name == one.by) return true;
      if (hold->at + grace < one.at) return false;
    }
    return true;
  };
  std::optional<Asked> found;
  for (const Asked& one : asked) {
    if (!held_lately(one)) found = one;
  }
  return found;
}

}  // namespace logzio_okta::torture
