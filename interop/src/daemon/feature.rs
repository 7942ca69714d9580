//! What a scenario may need of a daemon, and not every daemon has.

/// An ability that a scenario needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Feature {
    /// Routes of one peer are advertised to others.
    Forwarding,
    /// Routes are installed in the kernel.
    Kernel,
    /// ROUTE-REFRESH on request of the operator (RFC 2918).
    AskForRefresh,
    /// All routes are sent when a peer asks (RFC 2918).
    AnswerRefresh,
    /// Marks around a refresh (RFC 7313).
    EnhancedRefresh,
    /// Route reflection (RFC 4456).
    Reflector,
    /// Several paths to a prefix are sent (RFC 7911).
    AddPathSend,
    /// The paths that are sent have a largest number.
    AddPathNumber,
    /// Several paths to a prefix are accepted (RFC 7911).
    AddPathReceive,
    /// Sessions without 4-octet AS numbers can be configured (RFC 6793).
    TwoOctetAsns,
    /// TCP-MD5 (RFC 2385).
    Md5,
    /// Generalized TTL security (RFC 5082).
    TtlSecurity,
    /// Messages of up to 65,535 octets (RFC 8654).
    ExtendedMessages,
    /// IPv4 routes with IPv6 next hops (RFC 8950).
    ExtendedNextHop,
    /// Sessions between link-local addresses.
    LinkLocal,
    /// Peers from a range of addresses.
    DynamicPeers,
    /// A largest number of prefixes.
    PrefixLimit,
    /// Roles (RFC 9234).
    Roles,
    /// Texts for the peer when a session is shut down (RFC 9003).
    ShutdownMessage,
    /// The routes of a peer that restarts are kept (RFC 4724).
    RestartHelper,
    /// Its routes are kept while it restarts (RFC 4724).
    Restart,
    /// A NOTIFICATION starts a restart as well (RFC 8538).
    RestartOnNotification,
    /// Routes are kept for longer as a last resort (RFC 9494).
    LongLivedRestart,
    /// BFD (RFC 5880).
    Bfd,
    /// Route server (RFC 7947).
    RouteServer,
    /// Sessions without hold time (RFC 4271 §4.2).
    HoldTimeZero,
    /// A LOCAL_PREF for what a peer announces can be configured.
    SetLocalPref,
    /// Own networks with attributes.
    NetworkAttributes,
    /// GRACEFUL_SHUTDOWN lowers the preference (RFC 8326).
    GracefulShutdown,
    /// Connections are accepted as well as made.
    Passive,
    /// The decision process chooses among paths.
    Decision,
}
