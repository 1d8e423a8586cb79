#include "sim/history.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "logzio_okta/base/hash.hpp"
#include "logzio_okta/base/limits.hpp"

#include "model/okta_org.hpp"

namespace logzio_okta::sim {
namespace {

using model::Special;

class Historian {
 public:
  Historian(const Plan& plan, std::uint64_t seed) : plan_(plan), random_(seed), maker_(random_.next()) {}

  std::vector<PastEvent> write(std::size_t events, WallTime begin, WallTime end, WallTime fade_out) {
    const Duration span = end - begin;
    if (plan_.crowd && events > Plan::crowd_events) {
      const WallTime at = begin + to_ms(random_.between(0ns, span));
      constexpr auto apart = 4ms;  // Five minutes in all: a recovery asks for them again.
      for (std::size_t i = 0; i < Plan::crowd_events; ++i) add(at + i * apart);
    }
    while (past_.size() < events) {
      const WallTime at = begin + to_ms(random_.between(0ns, span));
      if (plan_.strikes(Trouble::bursts, random_) && past_.size() + 500 < events) {
        const std::size_t burst = std::min<std::size_t>(events - past_.size(), 500 + random_.below(3000));
        for (std::size_t i = 0; i < burst; ++i) add(at + std::chrono::milliseconds(i / 5));
      } else {
        add(at);
      }
    }
    // So that something still moves once all is healed; the listener's refusals are judged by what passes.
    for (WallTime at = end; at < fade_out; at += to_ms(random_.between(5min, 30min))) add(at);
    std::ranges::sort(past_, {},
                      [](const PastEvent& event) { return std::tie(event.persisted, event.mark); });
    return std::move(past_);
  }

 private:
  void add(WallTime happened) {
    const bool ahead = plan_.strikes(Trouble::ahead_events, random_) && random_.below(3) == 0;
    const WallTime published = ahead ? happened + to_ms(random_.between(2s, 10min)) : happened;
    PastEvent event =
        odd_ones_left_ > 0 && plan_.strikes(Trouble::odd_events, random_) ? odd(published) : plain(published);
    event.published = published;
    event.persisted = happened + lag();
    past_.push_back(std::move(event));
  }

  std::chrono::milliseconds lag() {
    if (plan_.strikes(Trouble::late_events, random_)) return to_ms(random_.between(1min, 6h));
    return to_ms(random_.between(0ns, random_.below(4) == 0 ? Duration(90s) : Duration(2s)));
  }

  PastEvent plain(WallTime published) {
    const bool poison = !is_lines(plan_.protocol) && plan_.has(Trouble::listener_poison) &&
                        poison_left_ > 0 && random_.below(poison_again_ ? 2 : 100) == 0;
    poison_again_ = poison;  // An attack comes in more than one event.
    if (poison) --poison_left_;
    const bool objected = !poison && objected_to();
    PastEvent event{.mark = maker_.uuid(), .poison = poison, .objected = objected, .plain = true};
    event.bytes = R"({"uuid":")" + event.mark + R"(","published":")" + format_rfc3339(published) +
                  R"(","eventType":"user.session.)" + (random_.below(3) > 0 ? "start" : "end") +
                  R"(","displayMessage":"User \"login\" to Okta","actor":{"id":"00u1","alternateId":")" +
                  (random_.below(3) > 0 ? "zoë" : "adam") + R"(@example.com"},"n":[1.10,1E5]})";
    if (objected) event.bytes.insert(1, "\"" + std::string(objectionable) + "\":1,");
    if (poison || objected) event.fate = model::Fate::set_aside;
    return event;
  }

  bool objected_to() {
    if (is_lines(plan_.protocol) || !plan_.has(Trouble::listener_objects) || objected_left_ == 0)
      return false;
    objected_again_ = random_.below(objected_again_ ? 3 : 60) == 0;
    if (objected_again_) --objected_left_;
    return objected_again_;
  }

  PastEvent odd(WallTime published) {
    --odd_ones_left_;
    PastEvent event{.mark = maker_.uuid()};
    const std::string date = format_rfc3339(published);
    switch (random_.below(6)) {
      case 0:
        event.known_by_uuid = false;
        event.bytes = R"({"published":")" + date + R"(","serial":")" + event.mark + R"("})";
        return event;
      case 1:
        event.known_by_uuid = event.dated = false;
        event.bytes = R"({"uuid":null,"displayMessage":null,"serial":")" + event.mark + R"("})";
        return event;
      case 2:  // No bracket closes: it makes every page that holds it unreadable.
        event.fate = model::Fate::set_aside;
        event.bytes = R"({"uuid":")" + event.mark + R"(","published":")" + date + R"(","x":[{"y":1})";
        if (hash64(event.mark) % 2 == 0)
          event.bytes.replace(event.bytes.rfind("\"x\""), event.bytes.npos, model::immense_end);
        return event;
      default:
        return special(published);
    }
  }

  PastEvent special(WallTime published) {
    const auto specials = model::all_specials();
    const Special kind = specials[random_.below(specials.size())];
    switch (kind) {
      case Special::no_uuid:       // Made above, with a mark of their own.
      case Special::null_uuid:     //
      case Special::empty_object:  // Nobody could tell two of them apart.
      case Special::not_an_object:
        return plain(published);
      default:
        break;
    }
    PastEvent event{.bytes = maker_.special(kind, published), .fate = model::fate_of(kind)};
    constexpr std::string_view key = R"("uuid":")";
    auto at = event.bytes.find(key);
    if (at == std::string::npos) at = event.bytes.find(R"("uuid": ")") + 1;
    event.mark = event.bytes.substr(at + key.size(), 36);
    event.dated = kind != Special::no_published && kind != Special::bad_published;
    // Over TCP the account's token has that name.
    if (kind == Special::clashing_keys && is_lines(plan_.protocol)) event.fate = model::Fate::set_aside;
    return event;
  }

  const Plan& plan_;
  Random random_;
  model::EventMaker maker_;
  std::size_t odd_ones_left_ = 6;
  std::size_t poison_left_ = 6;
  bool poison_again_ = false;
  std::size_t objected_left_ = 12;
  bool objected_again_ = false;
  std::vector<PastEvent> past_;
};

}  // namespace

std::vector<PastEvent> make_history(const Plan& plan, std::uint64_t seed, std::size_t events, WallTime begin,
                                    WallTime end, WallTime fade_out) {
  return Historian(plan, seed).write(events, begin, end, fade_out);
}

}  // namespace logzio_okta::sim
