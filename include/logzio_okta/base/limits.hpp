// Every limit of the program, with its name, value and reason. No limit is defined anywhere else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::limits {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;

// Tenants. The old image's limit, for which the rate and memory figures are measured.
inline constexpr std::size_t tenants_max = 50;
inline constexpr std::size_t tenants_file_bytes_max = 1 * MiB;
inline constexpr std::size_t secret_bytes_max = 8 * KiB;
inline constexpr std::size_t pem_bytes_max = 1 * MiB;       // A certificate with its chain has some KiB.
inline constexpr std::size_t ca_file_bytes_max = 8 * MiB;   // The system's own bundle has 250 KiB.
inline constexpr std::size_t state_probe_bytes = 64 * KiB;  // What `check` writes: more than a save's pages.
inline constexpr std::uint64_t state_free_bytes_low = 64 * MiB;  // Less is worth a warning.
// How long `<(...)` may take to write a credential, at the start and in commands; a vault answers in seconds.
inline constexpr Duration pipe_patience = 30s;
inline constexpr std::size_t files_kept_max =
    tenants_max + 8;  // One token each, and every file that a flag names.

// Answers of Okta. A page of 1000 events is 2 to 3 MB; one event may be far larger (docs/okta.md 2).
inline constexpr std::size_t page_events_max = 1000;  // Okta's largest `limit`.
// More than was asked for is a fault, but a server may round its pages up by this many.
inline constexpr std::size_t page_elements_margin = 100;
inline constexpr std::size_t page_elements_max = page_events_max + page_elements_margin;
// For any other array that is cut, such as a spooled delivery: an element costs 128 bytes while it is read.
inline constexpr std::size_t elements_max = 16 * KiB;
inline constexpr std::size_t answer_bytes_max = 32 * MiB;  // As received, still compressed.
inline constexpr std::size_t bodies_bytes_max = 96 * MiB;  // All answers in flight; only those that outgrow
                                                           // their reserve must fit, the others always do.
inline constexpr std::size_t page_bytes_max = 48 * MiB;    // Inflated; a gzip bomb ends here.
// Examined before more of a page is inflated: far more elements than were asked for show up here.
inline constexpr std::size_t page_first_look_bytes = 4 * MiB;
// The beginning of an answer that is too large is kept: enough to identify it, and to set aside.
inline constexpr std::size_t beginning_bytes_max = 256 * KiB;
inline constexpr std::size_t header_bytes_max = 64 * KiB;      // All header lines of one answer together.
inline constexpr std::size_t next_link_bytes_max = 8 * KiB;    // A longer link is treated as hostile.
inline constexpr std::size_t error_text_bytes_max = 300;       // Foreign text quoted in a log line.
inline constexpr std::size_t quoted_bytes_max = 80;            // A setting quoted in an error about it.
inline constexpr std::size_t error_body_bytes_max = 64 * KiB;  // A longer answer is not one of Okta's errors.

// Requests to Okta.
inline constexpr Duration connect_timeout = 15s;
inline constexpr Duration ask_stall_timeout = 45s;  // No data for this long; above Okta's own 30 s per query.
inline constexpr Duration ask_timeout = 180s;       // A whole answer.
inline constexpr Duration ask_backoff_base = 1s;
inline constexpr Duration ask_backoff_max = 60s;
inline constexpr int failures_until_recovery = 5;  // At one place, before asking from the watermark.
// Unreadable bytes that stay the same for this long are what Okta has.
inline constexpr Duration unreadable_patience = 1h;
// From one failed full page to the next attempt, doubled up to the maximum.
inline constexpr Duration page_size_trial_base = 15min;
inline constexpr Duration page_size_trial_max = 24h;
inline constexpr Duration recovery_overlap = 15min;  // Events persist later than published, rarely by more.
inline constexpr Duration retention = 90 * 24h;      // Okta keeps events this long.
inline constexpr Duration backlog_alarm = 60 * 24h;  // From here an hourly error names the day loss begins.
// A Date further than this from the org's earlier ones is not believed, unless this many answers in a row
// agree: then the first one was wrong.
inline constexpr Duration date_jump_max = 24h;
inline constexpr int dates_until_believed = 3;
// Uuids remembered to notice one org under two names: one in this many, of the last quarter of a million
// events.
inline constexpr std::uint64_t twin_sample_one_in = 64;
inline constexpr std::size_t twin_samples_max = 4096;
// NTP keeps a clock within milliseconds; a clock that is a minute off is not synchronised.
inline constexpr Duration clock_off_max = 60s;

// The end of the log. Okta advises 20 s for events that are published but not yet in its log (docs/okta.md
// 1.2), up to 10 s of which are its own delay; a poll interval is added.
inline constexpr Duration persisted_within = 10s;
inline constexpr int empty_pages_max = 10;  // In a row, with links that lead on; after that it is the end.
// Published after a moment, until everything before it counts as read: some may be dated ahead of time.
inline constexpr int later_events_in_a_row = 20;

// Rate limits (docs/okta.md 4).
inline constexpr std::int64_t rate_limit_assumed = 120;  // Requests a window, until Okta has shown its limit.
inline constexpr Duration rate_window = 60s;
inline constexpr Duration rate_wait_default = 60s;  // After a 429 without a usable reset time.
inline constexpr Duration rate_wait_max = 10min;    // A reset time further away than this is ignored.
inline constexpr Duration rate_wait_restored =
    2s;  // Added after a restart, when Okta's clock is known less exactly.
inline constexpr double rate_reserve = 0.05;  // Share of the limit; at or below it nothing is asked.
inline constexpr Duration concurrency_pause_base = 2s;
inline constexpr Duration concurrency_pause_max = 30s;

// Credentials.
inline constexpr int forbidden_until_refused = 3;     // 403s in a row; single ones come and go at Okta.
inline constexpr Duration refused_retry_base = 1min;  // With every key refused, doubled up to the next.
inline constexpr Duration refused_retry_max = 20h;    // Also how often an idle or refused key is used:
                                                      // Okta kills one unused for 30 days.
inline constexpr Duration key_first_use = 10min;      // When a standby key is first tried after a start.

// OAuth service apps (docs/okta.md 5.2, 5.3).
inline constexpr Duration assertion_wait_max = 1min;  // From its signature to its request.
inline constexpr std::size_t mints_prepared_max = 2;  // At once, each in a thread.
inline constexpr Duration assertion_life = 5min;  // Okta refuses an hour; the clock that counts is its own.
inline constexpr Duration proof_iat_back = 2s;  // A proof may not be from the future; it lives for 5 minutes.
inline constexpr std::size_t token_bytes_max = 8 * KiB;  // An access token: it goes into a header.
inline constexpr std::size_t nonce_bytes_max = 256;
inline constexpr std::size_t token_answer_bytes_max = 64 * KiB;
inline constexpr Duration token_life_assumed = 5min;   // If the answer does not give a lifetime.
inline constexpr Duration token_life_max = 24h;        // Okta's is an hour; a longer one is renewed anyway.
inline constexpr Duration token_renew_before = 10min;  // Give or take a fifth.
inline constexpr Duration token_margin = 5s;           // A token is not used so close to its expiry.
inline constexpr Duration mint_pause_min = 5s;         // From one token to the next.
inline constexpr int mints_at_once_max = 4;            // For a nonce, the clock, another algorithm, no proof.
inline constexpr int proofs_refused_max = 3;       // In a row by the System Log, before the token is doubted.
inline constexpr std::size_t rsa_bits_min = 2048;  // Okta's minimum. A signature at the maximum takes 10 ms.
inline constexpr std::size_t rsa_bits_max = 4096;

// Events in flight past the saved cursor, per stream. More than two full pages gain nothing: the next is
// requested while the last one ships. More small pages are allowed, so that a few refused lines do not block
// the stream.
inline constexpr std::size_t events_unsaved_max = 2 * page_events_max;
// One more page where only new events can show whether a listener refuses everything or only what it was
// sent.
inline constexpr std::size_t in_doubt_events = events_unsaved_max + page_events_max;
inline constexpr std::size_t page_counts_min = 100;  // Events that a page counts as, however small it is.
inline constexpr std::size_t window_events_max = 65'536;  // Remembered for deduplication, per stream.
// Remembered in memory, so that events that Okta returns twice are delivered once: far more than the end of
// the previous page, because repeats were seen where two pages meet.
inline constexpr std::size_t recent_events_max = 2 * page_events_max;

inline constexpr std::size_t window_rows_max = 1024;  // One row per page: hours of polling at the tail.

// Bulks (docs/logzio.md 2). The listener takes 10 MB and lines of 500,000 bytes; official senders use 1-3 MB.
inline constexpr std::size_t line_bytes_max = 500'000;
inline constexpr std::size_t bulk_bytes_max = 4 * MiB;  // Uncompressed; a single longer line goes alone.
inline constexpr std::size_t bulk_lines_max = 20'000;
inline constexpr Duration bulk_age_max = 200ms;
inline constexpr std::size_t bulks_in_flight_max = 4;
inline constexpr int urgent_bulks_in_a_row = 8;  // Then the oldest is sent.
inline constexpr Duration bulk_timeout = 120s;
inline constexpr Duration bulk_stall_timeout = 30s;
// A listener that answers later than that gets twice the time after each timeout, because each timeout
// repeats a bulk; up to this factor (four minutes: no load balancer waits longer), and for this long.
inline constexpr int bulk_patience_max = 8;
inline constexpr Duration bulk_patience_kept = 1h;
inline constexpr std::size_t bulk_answer_bytes_max = 64 * KiB;
inline constexpr Duration bulk_backoff_base = 500ms;
inline constexpr Duration bulk_backoff_max = 30s;
inline constexpr Duration token_retry = 60s;  // After a 401 of the listener.
inline constexpr Duration retry_after_max = 10min;
inline constexpr int refusals_until_halved = 10;
// While other bulks pass, a bulk refused this often is halved (which costs a request) and its halves are
// retried soon. A single line is set aside only after as many refusals as above.
inline constexpr int refusals_until_halved_beside_others = 3;
inline constexpr Duration suspect_retry_max = 1s;
// Lines that a listener's own counts refuse in a row, with none taken in between. More than this means that
// the listener (or something in between) refuses everything, whatever the lines are.
inline constexpr int refused_in_a_row_max = 64;
// After a 400 that took some lines without saying which it refused, the lines are sent once more, marked,
// until those are found. A bulk's lines wait this long for that, this many at a time.
inline constexpr Duration hunt_time_max = 30s;
inline constexpr std::size_t hunt_sendings_max = 2;
inline constexpr Duration hunt_retry = 1s;  // After an answer that says nothing about the lines.
// A destination's failure that recurs within this time is not logged again at once.
inline constexpr Duration trouble_remembered = 10min;

// Logz.io flattens events beyond these limits after its 200 (docs/logzio.md 3). They are counted, never
// changed.
inline constexpr std::size_t field_chars_max = 32'700;
inline constexpr std::size_t depth_max = 10;
inline constexpr std::size_t fields_max = 1000;

// What a tenant's entry may add to each of its lines. Together far less than the events themselves.
inline constexpr std::size_t constant_fields_max = 32;
inline constexpr std::size_t constant_name_bytes_max = 64;
inline constexpr std::size_t constant_value_bytes_max = 512;
inline constexpr std::size_t query_bytes_max =
    1 * KiB;  // A filter or q; encoded, they still fit a request line.

// Memory: answers in flight plus waiting bulks. One page that outgrew its share is always admitted.
inline constexpr std::size_t memory_budget = 48 * MiB;
// Reserved for an answer in flight until the tenant's own answers have shown the size of a full page (0.45 MB
// with gzip). Fifty of these fit the budget, so tenants that hang never keep the others from asking.
inline constexpr std::size_t ask_reserve = 768 * KiB;
inline constexpr std::size_t ask_reserve_min = 128 * KiB;

// Inputs waiting to be handled. A page of a thousand events takes ten milliseconds; with fifty tenants
// catching up, fifty may wait, and the few events of tenants at the tail go first.
inline constexpr std::size_t short_answer_bytes_max = 32 * KiB;  // About seventy events, packed.
inline constexpr std::size_t inputs_before_page = 100;           // Short ones in a row, at most.

// State.
inline constexpr std::size_t set_aside_bytes_max = 256 * MiB;  // As packed on disk.
// Each tenant's share of its second half, for fifty: a tenant that fills the first half leaves the others
// theirs.
inline constexpr std::size_t set_aside_share_bytes = set_aside_bytes_max / 2 / 50;
// Besides its bytes and strings, each item costs a row on disk and some objects in memory.
inline constexpr std::size_t set_aside_item_bytes = 256;
inline constexpr Duration commit_delay = 50ms;
inline constexpr int commit_rest = 9;            // Times the last commit's duration between commits,
inline constexpr Duration commit_rest_max = 2s;  // but one slow commit never stops us for long.
inline constexpr Duration commit_patience = 2s;  // A tenant that waits longer for a save counts as held.
inline constexpr Duration save_retry = 2s;
// The space of a full spool is given back once it is drained, except for what the next hour may need: in
// steps that take a tenth of the loop, each about as long as a commit.
inline constexpr std::int64_t state_pages_kept_free = 4096;  // Pages of 4 KiB.
inline constexpr std::int64_t state_pages_step = 256;
inline constexpr Duration shrink_rest_min = 20ms;
inline constexpr Duration shrink_retry = 10min;  // After a failure.
// A file created without the means to shrink is rewritten at a start if it holds no more than this.
inline constexpr std::int64_t state_pages_rewritten_max = 8192;

// Copies. After an unclean end the last members of a file are checked: as many as may have been written
// without a sync in between (two seconds' worth, see commit_rest_max), within this many bytes at most.
inline constexpr std::size_t copy_members_doubted = 256;
inline constexpr std::size_t copy_tail_bytes_first = 1 * MiB;
inline constexpr std::size_t copy_tail_bytes_max = 16 * MiB;
inline constexpr std::size_t copy_name_bytes_max = 200;  // A destination's directory; a name may have 255.
inline constexpr int copy_files_an_hour_max = 100'000;   // One for each run in that hour.

// Lines over TCP.
inline constexpr Duration line_close_wait = 10s;

// TLS, on either side. Records without data, beyond those offset by data: a handshake has about five, one
// with a long chain in small pieces seventy. A key update costs some 20 us.
inline constexpr std::size_t tls_idle_records_max = 128;
inline constexpr Duration ticket_key_life = 12h;  // For our server; a stolen key exposes no more than this.

// Event hooks (docs/okta.md 7). The size of a delivery is not documented; a few events of 2 KB.
inline constexpr std::size_t hook_body_bytes_max = 4 * MiB;
inline constexpr std::size_t hook_bodies_bytes_max = 32 * MiB;  // All deliveries not answered yet.
inline constexpr std::size_t hook_events_max = 1000;            // In one delivery, the same as in a page.
inline constexpr std::size_t hook_challenge_bytes_max = 1 * KiB;
inline constexpr std::size_t request_head_bytes_max = 16 * KiB;  // Request line and headers together.
inline constexpr std::size_t request_fields_max = 100;
inline constexpr std::size_t proxy_header_bytes_max = 4 * KiB;  // The PROXY header; some hundred bytes.
inline constexpr std::size_t hook_proxies_max = 64;             // Named, as addresses or networks.
inline constexpr std::size_t hook_connections_max = 512;
inline constexpr std::size_t hook_connections_per_address_max = 64;  // Except loopback, where a proxy may be.
inline constexpr Duration hook_patience = 10s;  // For a whole request; Okta itself gives up after 3 s.
inline constexpr Duration hook_linger = 1s;     // For a refused client to read why.
inline constexpr Duration hook_turn = 10ms;     // At most, per turn of the loop, so that polling goes on.
inline constexpr std::size_t hook_secrets_max = 64;

// File descriptors. Without a free one a connection cannot be accepted and stays pending, so waiting for it
// would return at once, for ever.
inline constexpr Duration accept_rest = 1s;
// Between two checks of connections that cannot be waited for because more are open than the process may
// have.
inline constexpr Duration unwaitable_rest = 50ms;

// The spool: deliveries of orgs that are not polled, on disk until the listener has taken them.
inline constexpr std::size_t hook_orgs_max = 50;
inline constexpr std::size_t spool_bytes_max = 512 * MiB;  // Beyond it 503.
inline constexpr std::size_t spool_row_bytes = 128;        // Besides a delivery's own strings: its row, ...
inline constexpr std::size_t spool_event_bytes = 128;  // ... and each event: while it is written, and on disk
                                                       // for a day.
// Read back but not settled, per stream: what a crash leaves in doubt.
inline constexpr std::size_t spool_rows_unsettled_max = 2000;
inline constexpr std::size_t spool_read_bytes_max = 1 * MiB;
inline constexpr int spool_commit_rest = 2;    // As commit_rest, while Okta waits for an answer: 3 s at most.
inline constexpr Duration spool_memory = 25h;  // How long a spooled event is remembered,
inline constexpr std::int64_t spool_memory_events = 2'000'000;  // unless more came; 60 bytes each on disk.

// How often a hook may make us ask, within the budget; and when to ask again while its event is not in the
// log yet (Okta persists it a moment later).
inline constexpr Duration wake_pace_min = 200ms;
inline constexpr int wakes_again_max = 5;
inline constexpr Duration wake_again_base = 300ms;

// A failure that may pass by itself (a name server, a firewall, a proxy restart) becomes an ERROR once it has
// lasted this long: longer than any restart, shorter than an operator waits before looking.
inline constexpr Duration patience_until_error = 5min;

// The admin server: host names that it answers to.
inline constexpr std::size_t admin_hosts_max = 32;

// Running.
inline constexpr Duration stop_grace = 7s;
inline constexpr Duration once_patience = 5min;
inline constexpr Duration tenants_file_watch = 2s;
inline constexpr Duration file_time_slack = 20ms;  // A file's times are as coarse as the kernel's tick.
inline constexpr Duration background_pause = 5ms;  // Before looking again for what a thread has done.
inline constexpr Duration summary_interval = 5min;
inline constexpr Duration status_interval = 5s;  // Between two status messages to the service manager.

}  // namespace logzio_okta::limits
