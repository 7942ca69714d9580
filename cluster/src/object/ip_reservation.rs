//! IP reservations: addresses that nothing gets.

use serde_json::Value;

use crate::object::object;
use crate::schema::record;
use crate::value::Network;

object! {
    /// Addresses that are not given out.
    pub struct IpReservation { spec: IpReservationSpec, status: Value }
}

record! {
    /// Which addresses.
    pub struct IpReservationSpec {
        /// Networks and addresses.
        "reservedCIDRs" => reserved_cidrs: Vec<Network>,
    }
}
