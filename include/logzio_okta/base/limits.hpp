// Every bound of the program has its name, its value and its reason here, and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "logzio_okta/base/time.hpp"

namespace logzio_okta::limits {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;

// Tenants. The old image's limit, and what the rate and memory figures are measured for.
inline constexpr std::size_t tenants_max = 50;
inline constexpr std::size_t tenants_file_bytes_max = 1 * MiB;
inline constexpr std::size_t secret_bytes_max = 8 * KiB;
inline constexpr std::size_t pem_bytes_max = 1 * MiB;       // A certificate with its chain has some KiB.
inline constexpr std::size_t ca_file_bytes_max = 8 * MiB;   // The system's own bundle has 250 KiB.
inline constexpr std::size_t state_probe_bytes = 64 * KiB;  // What `check` writes: more than a save's pages.
inline constexpr std::uint64_t state_free_bytes_low = 64 * MiB;  // Less is worth a warning.
// What `<(...)` may take to write a credential, at the start and in commands; a vault answers in seconds.
inline constexpr Duration pipe_patience = 30s;
inline constexpr std::size_t files_kept_max =
    tenants_max + 8;  // A token each, and each file that a flag names.

// Answers of Okta. A page of 1000 events is 2 to 3 MB; one event may be far larger (docs/okta.md 2).
inline constexpr std::size_t page_events_max = 1000;  // Okta's largest `limit`.
// More than was asked for is a fault; so many more may be a server's own idea of a page.
inline constexpr std::size_t page_elements_margin = 100;
inline constexpr std::size_t page_elements_max = page_events_max + page_elements_margin;
// Of any other array that is cut, such as a spooled delivery: an element costs 128 bytes while it is read.
inline constexpr std::size_t elements_max = 16 * KiB;
inline constexpr std::size_t answer_bytes_max = 32 * MiB;  // As it comes over the wire.
inline constexpr std::size_t bodies_bytes_max =
    96 * MiB;  // Of all answers on their way; only those that outgrow
               // their reserve must fit, the others always do.
inline constexpr std::size_t page_bytes_max = 48 * MiB;  // Inflated; a gzip bomb ends here.
// What is looked at before more of a page is inflated: far more elements than were asked for show here.
inline constexpr std::size_t page_first_look_bytes = 4 * MiB;
// The beginning of an answer that is too large is kept: enough to tell what it is, and to set aside.
inline constexpr std::size_t beginning_bytes_max = 256 * KiB;
inline constexpr std::size_t header_bytes_max = 64 * KiB;      // All header lines of one answer together.
inline constexpr std::size_t next_link_bytes_max = 8 * KiB;    // A longer link is treated as hostile.
inline constexpr std::size_t error_text_bytes_max = 300;       // Of a foreign text quoted in a log line.
inline constexpr std::size_t quoted_bytes_max = 80;            // Of a setting quoted in an error about it.
inline constexpr std::size_t error_body_bytes_max = 64 * KiB;  // A longer answer is not one of Okta's errors.

// Conversations with Okta.
inline constexpr Duration connect_timeout = 15s;
inline constexpr Duration ask_stall_timeout = 45s;  // No byte for so long; above Okta's own 30 s per query.
inline constexpr Duration ask_timeout = 180s;       // A whole answer.
inline constexpr Duration ask_backoff_base = 1s;
inline constexpr Duration ask_backoff_max = 60s;
inline constexpr int failures_until_recovery = 5;  // At one place, before asking from the watermark.
// The same unreadable bytes for so long are what Okta has.
inline constexpr Duration unreadable_patience = 1h;
// From a full page that fails again to the next one, doubled up to the maximum.
inline constexpr Duration page_size_trial_base = 15min;
inline constexpr Duration page_size_trial_max = 24h;
inline constexpr Duration recovery_overlap = 15min;  // Events persist later than published, rarely by more.
inline constexpr Duration retention = 90 * 24h;      // Okta keeps events this long.
inline constexpr Duration backlog_alarm = 60 * 24h;  // From here an hourly error names the day loss begins.
// An answer whose Date is further from what the org said before is not believed, unless so many in a row
// agree: then the first one was wrong.
inline constexpr Duration date_jump_max = 24h;
inline constexpr int dates_until_believed = 3;
// Uuids remembered to notice one org under two names: one in so many, of the last quarter of a million
// events.
inline constexpr std::uint64_t twin_sample_one_in = 64;
inline constexpr std::size_t twin_samples_max = 4096;
// NTP keeps a clock within milliseconds; a minute is a clock that nobody sets.
inline constexpr Duration clock_off_max = 60s;

// Where the log ends. Okta advises 20 s for what was published and is not in its log yet (docs/okta.md 1.2),
// of which up to 10 s are its own delay; a poll interval comes on top.
inline constexpr Duration persisted_within = 10s;
inline constexpr int empty_pages_max = 10;  // In a row, with links that lead on; then it is the end.
// Published after a moment, until all from before it counts as read: some may be published ahead of time.
inline constexpr int later_events_in_a_row = 20;

// Rate limits (docs/okta.md 4).
inline constexpr std::int64_t rate_limit_assumed = 120;  // Requests a window, until Okta has shown its limit.
inline constexpr Duration rate_window = 60s;
inline constexpr Duration rate_wait_default = 60s;  // After a 429 that names no usable moment.
inline constexpr Duration rate_wait_max = 10min;    // A moment further away than this is taken for nonsense.
inline constexpr Duration rate_wait_restored =
    2s;                                       // More, after a restart: so well is Okta's clock known then.
inline constexpr double rate_reserve = 0.05;  // Of the limit; at or below it nothing is asked.
inline constexpr Duration concurrency_pause_base = 2s;
inline constexpr Duration concurrency_pause_max = 30s;

// Credentials.
inline constexpr int forbidden_until_refused = 3;     // 403s in a row; single ones come and go at Okta.
inline constexpr Duration refused_retry_base = 1min;  // With every key refused, doubled up to the next.
inline constexpr Duration refused_retry_max = 20h;    // Also how often an idle or refused key is used:
                                                      // Okta kills one unused for 30 days.
inline constexpr Duration key_first_use = 10min;      // When a standby key is first tried after a start.

// OAuth service apps (docs/okta.md 5.2, 5.3).
inline constexpr Duration assertion_life = 5min;  // Okta refuses an hour; the clock that counts is its own.
inline constexpr Duration proof_iat_back = 2s;  // A proof may not be from the future; it lives for 5 minutes.
inline constexpr std::size_t token_bytes_max = 8 * KiB;  // Of an access token: it goes into a header.
inline constexpr std::size_t nonce_bytes_max = 256;
inline constexpr std::size_t token_answer_bytes_max = 64 * KiB;
inline constexpr Duration token_life_assumed = 5min;  // Of a token whose answer does not say.
inline constexpr Duration token_life_max = 24h;  // Okta's is an hour; a longer one is renewed all the same.
inline constexpr Duration token_renew_before = 10min;  // Give or take a fifth.
inline constexpr Duration token_margin = 5s;           // A token is not used for the last of its life.
inline constexpr Duration mint_pause_min = 5s;         // From one token to the next.
inline constexpr int mints_at_once_max = 4;        // A nonce, the clock, another algorithm, without a proof.
inline constexpr int proofs_refused_max = 3;       // In a row on the System Log, until the token is in doubt.
inline constexpr std::size_t rsa_bits_min = 2048;  // Okta's least. A signature of the most takes 10 ms.
inline constexpr std::size_t rsa_bits_max = 4096;

// On their way behind the saved cursor, per stream. More than two full pages bring nothing: the next is asked
// while the last one ships. Small ones may be more, so that a few refused lines hold nobody up.
inline constexpr std::size_t events_unsaved_max = 2 * page_events_max;
// One page more where only new events can tell whether a listener refuses everything or just what it has.
inline constexpr std::size_t in_doubt_events = events_unsaved_max + page_events_max;
inline constexpr std::size_t page_counts_min = 100;  // Events for which a page counts, be it ever so small.
inline constexpr std::size_t window_events_max = 65'536;  // Remembered for deduplication, per stream.
// Likewise in memory, so that what Okta gives twice goes out once: far more than the end of the page before,
// where repeats were seen at the seams.
inline constexpr std::size_t recent_events_max = 2 * page_events_max;

inline constexpr std::size_t window_rows_max = 1024;  // One row a page: hours of polling at the tail.

// Bulks (docs/logzio.md 2). The listener takes 10 MB and lines of 500,000 bytes; official senders use 1-3 MB.
inline constexpr std::size_t line_bytes_max = 500'000;
inline constexpr std::size_t bulk_bytes_max = 4 * MiB;  // Uncompressed; a single longer line goes alone.
inline constexpr std::size_t bulk_lines_max = 20'000;
inline constexpr Duration bulk_age_max = 200ms;
inline constexpr std::size_t bulks_in_flight_max = 4;
inline constexpr int urgent_bulks_in_a_row = 8;  // Then the oldest has its turn.
inline constexpr Duration bulk_timeout = 120s;
inline constexpr Duration bulk_stall_timeout = 30s;
// A listener that answers later than that gets twice the time after each timeout, up to so many times (four
// minutes: no load balancer waits longer), since each timeout repeats a bulk; and keeps it for so long.
inline constexpr int bulk_patience_max = 8;
inline constexpr Duration bulk_patience_kept = 1h;
inline constexpr std::size_t bulk_answer_bytes_max = 64 * KiB;
inline constexpr Duration bulk_backoff_base = 500ms;
inline constexpr Duration bulk_backoff_max = 30s;
inline constexpr Duration token_retry = 60s;  // After a 401 of the listener.
inline constexpr Duration retry_after_max = 10min;
inline constexpr int refusals_until_halved = 10;
// Where other bulks pass, a bulk refused so often is halved (which costs a request), and what is left of it
// is tried again soon. A line alone is set aside only after as many refusals as above.
inline constexpr int refusals_until_halved_beside_others = 3;
inline constexpr Duration suspect_retry_max = 1s;
// Lines that a listener's own counts refuse one after the other, with none taken in between. More are a
// listener (or what is in between) that refuses everything, whatever the lines are.
inline constexpr int refused_in_a_row_max = 64;
// After a 400 that took some lines and does not say which it refused, the lines are sent once more, marked,
// until those are found; a bulk's lines wait for that so long, with so many sendings at a time.
inline constexpr Duration hunt_time_max = 30s;
inline constexpr std::size_t hunt_sendings_max = 2;
inline constexpr Duration hunt_retry = 1s;  // After an answer that says nothing about the lines.
// The same trouble of a destination again so soon is not said again at once.
inline constexpr Duration trouble_remembered = 10min;

// What Logz.io flattens after its 200 (docs/logzio.md 3). Counted, never changed.
inline constexpr std::size_t field_chars_max = 32'700;
inline constexpr std::size_t depth_max = 10;
inline constexpr std::size_t fields_max = 1000;

// What a tenant's entry may add to each of its lines. Together far less than the events themselves weigh.
inline constexpr std::size_t constant_fields_max = 32;
inline constexpr std::size_t constant_name_bytes_max = 64;
inline constexpr std::size_t constant_value_bytes_max = 512;
inline constexpr std::size_t query_bytes_max =
    1 * KiB;  // A filter or q; encoded, they still fit a request line.

// Memory: answers on their way plus bulks waiting. One page that outgrew its share is always admitted.
inline constexpr std::size_t memory_budget = 48 * MiB;
// Held for an answer on its way until the tenant's own answers have shown what a full page weighs (a gzip one
// 0.45 MB). Fifty of these fit the budget, so that tenants which hang never keep the others from asking.
inline constexpr std::size_t ask_reserve = 768 * KiB;
inline constexpr std::size_t ask_reserve_min = 128 * KiB;

// What waits to be handled. A page of a thousand events takes ten milliseconds; of fifty tenants that catch
// up as many may wait, and the others' few events at the tail go before them.
inline constexpr std::size_t short_answer_bytes_max = 32 * KiB;  // About seventy events, packed.
inline constexpr std::size_t inputs_before_page = 100;           // Short ones in a row, at most.

// State.
inline constexpr std::size_t set_aside_bytes_max = 256 * MiB;  // As packed on disk.
// Of its second half each tenant's share, for fifty: one that fills the first leaves the others theirs.
inline constexpr std::size_t set_aside_share_bytes = set_aside_bytes_max / 2 / 50;
// Beside its bytes and texts each item costs a row on disk and some objects in memory.
inline constexpr std::size_t set_aside_item_bytes = 256;
inline constexpr Duration commit_delay = 50ms;
inline constexpr int commit_rest = 9;            // Times the last commit's duration between commits,
inline constexpr Duration commit_rest_max = 2s;  // but one slow commit never silences us for long.
inline constexpr Duration commit_patience = 2s;  // A tenant that waits longer to be saved counts as held.
inline constexpr Duration save_retry = 2s;
// What a full spool has made of the file is given back once it is drained, but for what the next hour may
// need: in steps that take a tenth of the loop, each about a commit long.
inline constexpr std::int64_t state_pages_kept_free = 4096;  // Of 4 KiB.
inline constexpr std::int64_t state_pages_step = 256;
inline constexpr Duration shrink_rest_min = 20ms;
inline constexpr Duration shrink_retry = 10min;  // After a failure.
// A file that was made without the means to shrink is written anew at a start, if it holds no more than this.
inline constexpr std::int64_t state_pages_rewritten_max = 8192;

// Copies. After an unclean end the last members of a file are looked through: as many as may have been
// written without a sync in between (two seconds' worth, see commit_rest_max), in so many bytes at most.
inline constexpr std::size_t copy_members_doubted = 256;
inline constexpr std::size_t copy_tail_bytes_first = 1 * MiB;
inline constexpr std::size_t copy_tail_bytes_max = 16 * MiB;
inline constexpr std::size_t copy_name_bytes_max = 200;  // Of a destination's directory; a name may have 255.
inline constexpr int copy_files_an_hour_max = 100'000;   // One for each run that was on in it.

// Lines over TCP.
inline constexpr Duration line_close_wait = 10s;

// TLS, on either side. Records that bring no data, beyond those that data has made up for: a handshake has
// about five, one with a long chain in small pieces seventy. What a key update costs is some 20 us.
inline constexpr std::size_t tls_idle_records_max = 128;
inline constexpr Duration ticket_key_life =
    12h;  // Of our server; whoever steals one reads no more than this.

// Event hooks (docs/okta.md 7). What Okta puts into one delivery is not documented; a few events of 2 KB.
inline constexpr std::size_t hook_body_bytes_max = 4 * MiB;
inline constexpr std::size_t hook_bodies_bytes_max = 32 * MiB;  // Of all deliveries not answered yet.
inline constexpr std::size_t hook_events_max = 1000;            // Of one delivery, as of a page.
inline constexpr std::size_t hook_challenge_bytes_max = 1 * KiB;
inline constexpr std::size_t request_head_bytes_max = 16 * KiB;  // Request line and headers together.
inline constexpr std::size_t request_fields_max = 100;
inline constexpr std::size_t proxy_header_bytes_max =
    4 * KiB;                                         // What a proxy says first; some hundred bytes.
inline constexpr std::size_t hook_proxies_max = 64;  // Named, as addresses or networks.
inline constexpr std::size_t hook_connections_max = 512;
inline constexpr std::size_t hook_connections_per_address_max =
    64;                                         // But for loopback, where a proxy may be.
inline constexpr Duration hook_patience = 10s;  // For a whole request; Okta itself gives up after 3 s.
inline constexpr Duration hook_linger = 1s;     // For a refused client to read why.
inline constexpr Duration hook_turn = 10ms;     // Of the loop at most, so that polling has its turn.
inline constexpr std::size_t hook_secrets_max = 64;

// File descriptors. Without one a connection cannot be accepted and stays where it is, so that waiting for it
// would end at once, for ever.
inline constexpr Duration accept_rest = 1s;
// Between two looks at connections that cannot be waited for, as more are open than the process may have.
inline constexpr Duration unwaitable_rest = 50ms;

// The spool: deliveries of orgs that are not polled, on disk until the listener has taken them.
inline constexpr std::size_t hook_orgs_max = 50;
inline constexpr std::size_t spool_bytes_max = 512 * MiB;  // Beyond it 503.
inline constexpr std::size_t spool_row_bytes = 128;    // Of it, beside a delivery's own texts: its row, ...
inline constexpr std::size_t spool_event_bytes = 128;  // ... and what each event costs on its way there and,
                                                       // remembered for a day, on disk.
inline constexpr std::size_t spool_rows_unsettled_max = 2000;  // Read back and not settled, per stream: what
                                                               // a crash leaves in doubt.
inline constexpr std::size_t spool_read_bytes_max = 1 * MiB;
inline constexpr int spool_commit_rest = 2;    // As commit_rest, while Okta waits for an answer: 3 s at most.
inline constexpr Duration spool_memory = 25h;  // How long a spooled event is known again,
inline constexpr std::int64_t spool_memory_events = 2'000'000;  // unless more came; 60 bytes each on disk.

// How often a hook may make us ask, within the budget; and when again, while the event it told of is not in
// the log yet (Okta persists it a moment later).
inline constexpr Duration wake_pace_min = 200ms;
inline constexpr int wakes_again_max = 5;
inline constexpr Duration wake_again_base = 300ms;

// What may pass by itself (a name server, a firewall, a proxy that is restarted) is said to the operator as
// his once it has lasted so long: longer than any restart, shorter than anybody waits before looking.
inline constexpr Duration patience_until_error = 5min;

// The admin server: names by which it may be asked.
inline constexpr std::size_t admin_hosts_max = 32;

// Running.
inline constexpr Duration stop_grace = 7s;
inline constexpr Duration once_patience = 5min;
inline constexpr Duration tenants_file_watch = 2s;
inline constexpr Duration summary_interval = 5min;
inline constexpr Duration status_interval = 5s;  // Between two words to the service manager.

}  // namespace logzio_okta::limits
