// What goes in and out of the core: facts in, things to do out. Plain data; no credential is ever in it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "logzio_okta/base/id.hpp"
#include "logzio_okta/base/limits.hpp"
#include "logzio_okta/config/options.hpp"
#include "logzio_okta/flow/hook_route.hpp"
#include "logzio_okta/flow/org.hpp"
#include "logzio_okta/flow/place.hpp"
#include "logzio_okta/flow/report.hpp"
#include "logzio_okta/http/message.hpp"
#include "logzio_okta/http/url.hpp"
#include "logzio_okta/logzio/endpoint.hpp"
#include "logzio_okta/logzio/line_constants.hpp"
#include "logzio_okta/logzio/verdict.hpp"
#include "logzio_okta/okta/domain.hpp"
#include "logzio_okta/okta/log_query.hpp"

namespace logzio_okta {

/// Where events go: a listener and a token, whose bytes only the keyring knows.
struct DestinationSpec {
  DestinationId id;
  std::string name = "default";  ///< For people and metrics: "default", or whose tenants it was made for.
  Endpoint listener;
  std::size_t token_bytes = 0;  ///< What a lines transport adds to each line.
  std::string set_by = "LOGZIO_TOKEN and LOGZIO_LISTENER_HOST";  ///< What to check when it is refused.
};

/// A tenant as the core knows it: an org, the names of its keys in order of preference, and what the tenants
/// file says of its events.
struct TenantSpec {
  Domain domain;
  std::vector<CredentialId> credentials;
  DestinationId destination{};
  LogQuery query{};
  std::optional<Since> since{};  ///< Where it starts without a place, if not as Policy says.
  std::string type = std::string(LineConstants::usual_type);
  std::vector<ConstantField> fields{};
  /// What to do about a refused key, by where the keys come from: "put a valid key into ...".
  std::string key_cure = "put a valid key into the tenants file: it is picked up by itself";
  /// Those of the credentials that are service apps.
  std::vector<ServiceAppSpec> service_apps{};
};

/// Everything the tenants file and the options say about which orgs are followed and where events go. The
/// destinations are those that the tenants name.
struct Roster {
  std::vector<DestinationSpec> destinations;
  std::vector<TenantSpec> tenants;
};

// Things to do.

/// GET this target from this org with this key. Answered by OktaAnswer, unless cancelled first.
struct AskOkta {
  RequestId id;
  CredentialId credential;
  Origin origin;       ///< The keyring checks it against the key's own org before it attaches the key.
  std::string target;  ///< Byte for byte.
  /// Okta's clock minus ours, for a proof.
  std::chrono::milliseconds okta_ahead{0};
};
/// Ask the org's token endpoint for an access token for this service app; the keyring keeps it. Answered by
/// TokenAnswer.
struct MintToken {
  RequestId id;
  CredentialId credential;
  Origin origin;  ///< The keyring checks it, as for a question.
  ProofKind proof = ProofKind::ec;
  std::chrono::milliseconds okta_ahead{0};  ///< Okta's clock minus ours.
};
/// Forget this request; its answer is no longer needed.
struct CancelAsk {
  RequestId id;
};
/// Send this body. Answered by BulkAnswer with the same id.
struct SendBulk {
  BulkId id;
  DestinationId destination;
  std::shared_ptr<const std::string> packed;  ///< gzip of lines.
  std::size_t lines = 0;
  int patience = 1;  ///< How many times the usual wait for an answer: some listeners are slow.
};
/// Bring this stream's place. Answered by Opened, before that perhaps by HeldBy.
struct OpenStream {
  StreamId stream;
  std::string key;  ///< What the store knows it by: LogQuery::stream_key.
};
/// Nothing of this stream is on its way now and all its saves are made: another replica may follow its org,
/// once every stream of it that is open here has let go. The end is in order; but what Opened said of an
/// unclean end stays true until a save. Answered as OpenStream is, unless it is for good.
struct LetGo {
  StreamId stream;
  bool for_good = false;  ///< It has left the tenants file.
};
/// These events of a page are about to be sent. Remember them before any bulk is, so that after a crash of
/// this process they, and no others, are known to have been in flight. The disk need not be waited for: a
/// machine that goes down may forget. No bulk may be sent while it cannot be remembered. Not answered.
struct NoteInFlight {
  StreamId stream;
  std::uint64_t page = 0;
  std::vector<EventHash> events;
};
/// Bring this stream's window rows. Answered by WindowRead.
struct ReadWindow {
  StreamId stream;
};
/// Keep the events of a hook delivery that were not kept within the last day. Answered by Spooled. The stream
/// was saved before, by us or by the replica that follows its org.
struct SpoolEvents {
  struct Event {
    EventHash hash;  ///< Its uuid is not 0.
    std::string bytes;
  };
  StreamId stream;
  HookId hook;
  WallTime at;
  std::string source;  ///< From the envelope, as JSON; empty if it has none. So are the next two.
  std::string event_id;
  std::string event_time;
  std::vector<Event> events;
};
/// Bring rows of this stream from what is spooled, oldest first, from behind this one on; at least one if
/// there is one. Answered by SpoolRead.
struct ReadSpool {
  StreamId stream;
  std::uint64_t after = 0;
  std::size_t rows_max = 0;
  std::size_t bytes_max = 0;
};
/// Answer this hook delivery.
struct AnswerHook {
  HookId id;
  int status = 0;
  std::string why;  ///< One line for whoever sent it; empty where the status says it all.
};
/// The listener has taken these lines. Where copies are kept, theirs must be on disk before any Save that is
/// asked for later; after a crash in between the lines are delivered again, marked. Not answered.
struct KeepCopy {
  DestinationId destination;
  std::string name;                           ///< DestinationSpec::name
  std::shared_ptr<const std::string> packed;  ///< gzip of the lines, one member.
};
/// Nothing more goes there: its token may be forgotten.
struct ForgetDestination {
  DestinationId destination;
};
/// A line for people. Its level says what the operator should do: nothing (INFO), look at it when there is
/// time (WARN), act now (ERROR).
struct Note {
  Level level = Level::info;
  std::string tenant;  ///< Empty when it is about no tenant.
  std::string text;
};

using Output = std::variant<AskOkta, MintToken, CancelAsk, SendBulk, KeepCopy, OpenStream, LetGo, ReadWindow,
                            NoteInFlight, Save, SpoolEvents, ReadSpool, ForgetDestination, AnswerHook, Note>;

// Facts.

struct OktaAnswer {
  RequestId id;
  HttpResult result;
};
struct TokenAnswer {
  RequestId id;
  MintResult result;
};
struct BulkAnswer {
  BulkId id;
  BulkResult result;
};
/// The place of a stream, or nothing if it is new. `clean`: the last run ended in order, so that nothing of
/// this stream can have been in flight beyond what its place says.
struct Opened {
  StreamId stream;
  std::optional<Place> place;
  bool clean = true;
  /// Another stream of its org, under another filter, was saved after this one; or saves that were
  /// acknowledged are gone.
  bool overtaken = false;
  /// For this long another replica may go on with the org: its lease may be among what is gone. What it sends
  /// in that time is in doubt too.
  Duration others_act_for{};
  std::vector<RowInfo> rows;  ///< What the window holds, oldest first.
  /// The newest rows of the window, oldest first; at most limits::recent_events_max events.
  std::vector<WindowRow> recent{};
  /// What was noted in flight and not passed by a save since. Nothing if that may not be all of it: the
  /// machine went down.
  std::optional<std::vector<EventHash>> in_flight{};
};
/// Another replica follows this stream's org. The store asks again by itself: Opened follows once the org is
/// ours, HeldBy again when another replica has it.
struct HeldBy {
  StreamId stream;
  std::string holder;  ///< The name of its instance.
};
/// This stream's org has been taken by another replica. No save that is not acknowledged is on disk, nor will
/// be; what was on its way may arrive, and the new owner marks what it sends again. To follow the org again,
/// open a new stream. This one gets no more answers except Spooled.
///
/// It is also sent if acknowledged saves are gone (the database failed over): a place kept in memory would
/// pass what was set aside with them. Then no replica has taken the org, and Opened says `overtaken`.
struct Lost {
  StreamId stream;
  std::string holder;  ///< Empty if acknowledged saves are gone.
};
/// This open stream's org should be followed by another replica: finish what is on its way, then LetGo.
struct GiveWay {
  StreamId stream;
};
struct WindowRead {
  StreamId stream;
  std::vector<WindowRow> rows;  ///< Oldest first.
};
/// This save and all earlier ones of the stream are on disk. Without a stream: saving is possible again.
struct Saved {
  StreamId stream;
  std::uint64_t number = 0;
};
/// A commit failed; the store keeps what it was given and tries again by itself.
struct SaveFailed {
  std::string text;
  bool copy = false;  ///< It is the copies that cannot be written; else the state.
};
/// How much is set aside on disk; sent once before the first stream opens and whenever it shrinks.
struct SetAsideSize {
  std::uint64_t bytes = 0;
};
/// The tenants as they are now, all of them. Those that stay keep their place, their budget and their keys'
/// state; what is on its way to a destination they no longer name arrives there, unless it is in trouble.
struct Reload {
  Roster roster;
};
/// The token of this destination was replaced: try at once.
struct TokenChanged {
  DestinationId destination;
};
/// End in order: nothing new is asked, what is in flight may finish within limits::stop_grace.
struct Stop {};
/// Okta delivered something to our event hook, with a credential that is good. Answered by AnswerHook.
struct HookArrived {
  HookId id;
  std::string body;
  std::string region;           ///< The account's region, in lower case, if the hook says it.
  DestinationSpec destination;  ///< Where its events go, if its org is not polled.
  /// The accounts whose token is the credential: it is good only for their tenants; none: for every org.
  std::vector<DestinationId> accounts{};
};
/// The events are on disk (or were before), or could not be put there.
struct Spooled {
  StreamId stream;
  HookId hook;
  bool kept = false;
  std::string why_not;
  std::uint64_t newest = 0;    ///< The last row it made; 0 if all of it was known.
  std::size_t events = 0;      ///< On disk now, ...
  std::size_t bytes = 0;       ///< (as charged)
  std::size_t duplicates = 0;  ///< ... and those that were known.
};
/// Events of one delivery, as they wait on disk.
struct SpoolRow {
  std::uint64_t number = 0;
  WallTime at;  ///< When it came.
  std::string source;
  std::string event_id;
  std::string event_time;
  bool marked = false;  ///< It may have been delivered before.
  std::string events;   ///< A JSON array.

  [[nodiscard]] std::size_t text_bytes() const {
    return source.size() + event_id.size() + event_time.size() + events.size();
  }
};
/// What a row takes of limits::spool_bytes_max: a delivery of empty events has a cost too. `text_bytes`: the
/// size of its envelope and its events.
[[nodiscard]] constexpr std::size_t spool_bytes_charged(std::size_t text_bytes, std::size_t events) {
  return text_bytes + limits::spool_row_bytes + events * limits::spool_event_bytes;
}

struct SpoolRead {
  StreamId stream;
  std::vector<SpoolRow> rows;
};
/// What the spool holds that the core does not know: at the start, what earlier runs left; later, what other
/// replicas took and we must ship. Counts only what is new.
struct SpoolFound {
  struct Stream {
    HookRoute route;
    DestinationSpec destination;
    std::uint64_t newest = 0;  ///< Its last row.
    std::size_t events = 0;
    std::size_t bytes = 0;  ///< As charged.
    std::optional<WallTime> oldest;
  };
  std::vector<Stream> streams;
};
/// Okta asked whether we are its hook, and was answered. `let_in`: with these headers it could deliver.
struct HookVerified {
  bool let_in = false;
};
/// Deliveries that the server refused.
struct HooksRefused {
  HookRefusal kind = HookRefusal::malformed;
  std::uint64_t count = 0;
};
/// Only time has passed.
struct Tick {};

using Input = std::variant<Tick, OktaAnswer, TokenAnswer, BulkAnswer, Opened, HeldBy, Lost, GiveWay,
                           WindowRead, Saved, SaveFailed, SetAsideSize, Reload, TokenChanged, HookArrived,
                           Spooled, SpoolRead, SpoolFound, HookVerified, HooksRefused, Stop>;

}  // namespace logzio_okta
