// TlsBounds: limits the work that a peer can cause within TLS, whatever it sends.
//
// By default one call into OpenSSL continues as long as records without data arrive: key updates,
// renegotiation requests, session tickets, handshake messages in pieces of one byte. Their sender, a stranger
// without a credential or a server that we ask, could hold the loop for as long as it likes. With these
// bounds:
//
// - A call returns after each such record, as if there were nothing to read yet.
// - Such records are counted, and a connection with more than limits::tls_idle_records_max of them ends: from
//   then on it reads and writes as a broken one. So no peer keeps the loop busy over many calls either, and a
//   handshake, in which one call takes everything available, is bounded too.
// - Renegotiation is refused.
// - No finite-field key exchange: the peer chooses its size, and a large one costs more than a turn of the
//   loop.
//
//     bound_tls(context);  // Ours or libcurl's, before it is used for a connection.
#pragma once

struct ssl_ctx_st;
struct ssl_st;

namespace logzio_okta {

void bound_tls(ssl_ctx_st* context);

/// The connection was ended because of its peer's records. It may look like the peer's clean end.
[[nodiscard]] bool is_over_bounds(const ssl_st* connection);

}  // namespace logzio_okta
