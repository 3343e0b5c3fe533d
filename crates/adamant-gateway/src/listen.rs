//! The transport: sockets, accept loops, client streams and TLS.
//!
//! It decides about connections and bytes, never about requests: who may do what is the plan's business,
//! and who serves a request is the [`Carrier`]'s.
//!
//! | file | |
//! |---|---|
//! | `bind` | sockets, all or none |
//! | `accept` | workers, accept loops, drain |
//! | `admission` | how many connections may be open |
//! | `serve` | the requests of one connection, one after the other |
//! | `connection` | what is known about it, for hooks |
//! | `stream` | the buffered stream that Pingora sees |
//! | `head` | two readers of this head agree, or it is refused |
//! | `framing` | where the request ends |
//! | `frames` | where HTTP/2 frames end |
//! | `pace` | deadlines |
//! | `linger` | closing so that the answer arrives |
//! | `tls` | certificates, SNI, versions |
//! | `reasons` | why a head is refused |

mod accept;
mod admission;
mod bind;
mod buffer;
mod connection;
mod frames;
mod framing;
mod head;
mod linger;
mod pace;
pub mod reasons;
mod serve;
mod stream;
mod tls;

pub use accept::{Counts, Listening, Workers, WorkersWatch};
pub use bind::{BindError, Bound};
pub(crate) use buffer::Buffer;
pub use connection::{Breach, Connection, Origin, Phase};
pub use head::{BodyFraming, HeadBounds, HeadFacts, Progress, inspect};
pub(crate) use pace::BodyPace;
pub use serve::Carrier;
pub use stream::ClientStream;
pub use tls::{
    CertificateError, CertificateFiles, Certificates, ClientAuthoritiesError, KeySource, client_verifier,
    server_config,
};
