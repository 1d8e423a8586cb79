// TlsBounds: how much work a peer can give us within TLS, whatever it sends.
//
// By default one call into OpenSSL goes on for as long as records come that bring no data: key updates,
// requests to renegotiate, session tickets, handshake messages in pieces of one byte. Whoever sends them, a
// stranger before any credential or a server that we ask, would hold the loop for as long as it likes. Under
// these bounds:
//
// - A call returns after each such record, as if there were nothing to read yet.
// - They are counted, and a connection that brings more than limits::tls_idle_records_max of them ends: from
//   then on it reads and writes as a broken one. So nobody keeps the loop busy for longer either, and a
//   handshake, in which one call takes whatever is there, is bounded too.
// - Renegotiation is refused.
// - No key is agreed on over a finite field. There the peer chooses the size, and a large one costs more time
//   than a turn of the loop has.
//
//     bound_tls(context);  // Of ours or of libcurl's, before a connection is made of it.
#pragma once

struct ssl_ctx_st;
struct ssl_st;

namespace logzio_okta {

void bound_tls(ssl_ctx_st* context);

/// The connection was ended because of what its peer sent. It may look like a peer's orderly end.
[[nodiscard]] bool is_over_bounds(const ssl_st* connection);

}  // namespace logzio_okta
