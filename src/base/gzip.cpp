#include "logzio_okta/base/gzip.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

#include <isa-l/igzip_lib.h>

#include "logzio_okta/base/check.hpp"

namespace logzio_okta {
namespace {

constexpr std::size_t room_min = 1024;

// ISA-L takes no const pointers, but does not write to its input.
std::uint8_t* input_bytes(std::string_view text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}
std::uint8_t* output_bytes(char* to) {
  return reinterpret_cast<std::uint8_t*>(to);
}

// ISA-L counts in 32 bits. All our limits are far below that; a caller without a limit is a bug.
std::uint32_t narrow(std::size_t size) {
  CHECK(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

// Appends what `fill(to, room left)` writes, in place.
template <class Fill>
void fill_up(std::string& text, std::size_t room, Fill fill) {
  const std::size_t so_far = text.size();
  text.resize_and_overwrite(
      room, [&](char* to, std::size_t size) { return so_far + fill(to + so_far, size - so_far); });
}

// `so_far` in a new string of `room` bytes, followed by what `fill(to, room left)` writes. Growing a string
// in place could take twice its size, beyond the limit, and would zero bytes that are about to be
// overwritten.
template <class Fill>
std::string extended(const std::string& so_far, std::size_t room, Fill fill) {
  std::string longer;
  // The library may offer more than was asked for; keep to our limit.
  longer.resize_and_overwrite(room, [&](char* to, std::size_t /*offered*/) {
    std::ranges::copy(so_far, to);
    return so_far.size() + fill(to + so_far.size(), room - so_far.size());
  });
  return longer;
}

class Inflater {
 public:
  enum class State { needs_room, finished, damaged };

  explicit Inflater(std::string_view packed) {
    isal_inflate_init(&stream_);
    stream_.crc_flag = ISAL_GZIP;
    stream_.next_in = input_bytes(packed);
    stream_.avail_in = narrow(packed.size());
  }

  [[nodiscard]] State state() const { return state_; }

  /// Writes up to `room` bytes (at least one) and returns how many it wrote.
  std::size_t inflate(char* to, std::size_t room) {
    stream_.next_out = output_bytes(to);
    stream_.avail_out = narrow(room);
    do {
      step();
    } while (state_ == State::needs_room && stream_.avail_out > 0);
    return room - stream_.avail_out;
  }

 private:
  // Runs to the end of the room, of the member or of the input.
  void step() {
    if (isal_inflate(&stream_) != ISAL_DECOMP_OK) {
      state_ = State::damaged;
    } else if (stream_.block_state != ISAL_BLOCK_FINISH) {
      if (stream_.avail_out > 0) state_ = State::damaged;  // It ran out of input.
    } else if (only_padding_is_left()) {
      state_ = State::finished;
    } else {
      isal_inflate_reset(&stream_);  // Keeps its position in the input: the next member follows.
    }
  }

  // Like gzip(1): some writers fill their last block with zeros.
  [[nodiscard]] bool only_padding_is_left() const {
    return std::all_of(stream_.next_in, stream_.next_in + stream_.avail_in,
                       [](std::uint8_t byte) { return byte == 0; });
  }

  inflate_state stream_;
  State state_ = State::needs_room;
};

// The size in the last four bytes (RFC 1952), limited to what the compression ratio of such text allows.
std::size_t claimed_size(std::string_view packed) {
  constexpr std::size_t ratio_believed = 16;
  std::size_t claim = 0;
  for (const char c : packed.substr(packed.size() - std::min<std::size_t>(4, packed.size()))) {
    claim = claim >> 8U | std::size_t{static_cast<unsigned char>(c)} << 24U;
  }
  return std::clamp(claim, room_min, std::max(room_min, packed.size() * ratio_believed));
}

}  // namespace

std::expected<void, GzipFault> gunzip(std::string_view packed, std::size_t bytes_max, std::string& plain) {
  Inflater inflater(packed);
  const auto inflate = [&](char* to, std::size_t room) { return inflater.inflate(to, room); };
  plain.clear();
  std::size_t room = std::min(std::max(claimed_size(packed), plain.capacity()), bytes_max);
  while (inflater.state() == Inflater::State::needs_room) {
    if (plain.size() < room && room <= plain.capacity()) {
      fill_up(plain, room, inflate);
    } else if (plain.size() < room) {
      plain = extended(plain, room, inflate);
    } else if (room < bytes_max) {
      room = room > bytes_max / 2 ? bytes_max : room * 2;
    } else {
      // Only the end may follow. One byte outside the string is enough to see whether more does.
      char beyond = 0;
      if (inflater.inflate(&beyond, 1) > 0) return std::unexpected(GzipFault::too_large);
    }
  }
  if (inflater.state() == Inflater::State::damaged) return std::unexpected(GzipFault::damaged);
  return {};
}

std::expected<std::string, GzipFault> gunzip(std::string_view packed, std::size_t bytes_max) {
  std::string plain;
  if (auto inflated = gunzip(packed, bytes_max, plain); !inflated) return std::unexpected(inflated.error());
  return plain;
}

std::size_t whole_members(std::string_view packed) {
  constexpr std::size_t room_bytes = std::size_t{64} * 1024;
  const auto room = std::make_unique_for_overwrite<char[]>(room_bytes);
  inflate_state stream;
  isal_inflate_init(&stream);
  stream.crc_flag = ISAL_GZIP;
  stream.next_in = input_bytes(packed);
  stream.avail_in = narrow(packed.size());
  std::size_t whole = 0;
  while (stream.avail_in > 0) {
    stream.next_out = output_bytes(room.get());
    stream.avail_out = narrow(room_bytes);
    if (isal_inflate(&stream) != ISAL_DECOMP_OK) break;
    if (stream.block_state == ISAL_BLOCK_FINISH) {
      whole = packed.size() - stream.avail_in;
      isal_inflate_reset(&stream);
    } else if (stream.avail_out > 0) {
      break;  // It ran out of input.
    }
  }
  return whole;
}

std::string gzip(std::string_view plain) {
  constexpr std::size_t work_bytes = ISAL_DEF_LVL1_DEFAULT;
  const auto work = std::make_unique_for_overwrite<std::uint8_t[]>(work_bytes);
  isal_zstream stream;
  isal_deflate_init(&stream);
  stream.level = 1;
  stream.level_buf = work.get();
  stream.level_buf_size = work_bytes;
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = input_bytes(plain);
  stream.avail_in = narrow(plain.size());
  const auto deflate = [&](char* to, std::size_t room) {
    stream.next_out = output_bytes(to);
    stream.avail_out = narrow(room);
    CHECK(isal_deflate(&stream) == COMP_OK);
    return room - stream.avail_out;
  };
  // Events shrink to a fifth, so this is nearly always enough and little of it stays unused.
  std::size_t room = plain.size() / 4 + room_min;
  std::string packed;
  while (stream.internal_state.state != ZSTATE_END) {
    packed = extended(packed, room, deflate);
    room *= 2;
  }
  return packed;
}

}  // namespace logzio_okta
