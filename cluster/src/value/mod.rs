//! Values that objects are made of, each valid by its type.

mod asn;
mod community;
mod dscp;
mod duration;
mod interface;
mod labels;
mod mac;
mod name;
mod network;
mod pattern;
mod peer_address;
mod port;
mod protocol;

pub use self::asn::{Asn, NotAnAsn};
pub use self::community::{Community, NotACommunity};
pub use self::dscp::Dscp;
pub use self::duration::{NotASpan, Span};
pub use self::interface::{InterfaceFilter, InterfaceGlob, InterfaceMatch, InterfaceName};
pub use self::labels::{Annotations, Labels, is_label_value, is_qualified_name};
pub use self::mac::{MacAddress, NotAMac};
pub use self::name::{Name, is_dns_label, is_dns_subdomain};
pub use self::network::{InterfaceAddress, LooseNetwork, Network, NetworkV4, NetworkV6, parse_network};
pub use self::pattern::{KeyValueList, Pattern, WireguardKey};
pub use self::peer_address::{NotAPeerAddress, PeerAddress};
pub use self::port::{NamedPort, NotAPort, Port};
pub use self::protocol::Protocol;
