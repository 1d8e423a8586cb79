#include "logzio_okta/flow/input_queue.hpp"

#include <string>
#include <utility>
#include <vector>

#include "logzio_okta/base/limits.hpp"

#include "catch.hpp"

using namespace logzio_okta;

namespace {

Input answer_of(std::uint64_t id, std::size_t bytes) {
  HttpAnswer answer;
  answer.body = std::string(bytes, ' ');
  return OktaAnswer{.id = RequestId{id}, .result = std::move(answer)};
}

std::uint64_t id_of(const std::optional<Input>& input) {
  REQUIRE(input);
  return std::get<OktaAnswer>(*input).id.value;
}

constexpr std::size_t page = limits::short_answer_bytes_max + 1;

}  // namespace

TEST_CASE("input queue: a few events at the tail go before the pages of others, each in their order") {
  InputQueue queue;
  CHECK(queue.empty());
  CHECK_FALSE(queue.pop());
  queue.push(answer_of(1, page));
  queue.push(answer_of(2, page));
  queue.push(answer_of(3, 10));
  queue.push(answer_of(4, limits::short_answer_bytes_max));
  for (const std::uint64_t id : {3U, 4U, 1U, 2U}) CHECK(id_of(queue.pop()) == id);
  CHECK(queue.empty());
}

TEST_CASE("input queue: a page has its turn however many others keep coming") {
  InputQueue queue;
  queue.push(answer_of(1, page));
  queue.push(answer_of(2, page));
  std::vector<std::size_t> turns;
  for (std::size_t turn = 1; turns.size() < 2; ++turn) {
    queue.push(answer_of(100, 10));
    if (id_of(queue.pop()) < 100) turns.push_back(turn);
    REQUIRE(turn < 10 * limits::inputs_before_page);
  }
  CHECK(turns[0] == limits::inputs_before_page + 1);
  CHECK(turns[1] == 2 * (limits::inputs_before_page + 1));
}
