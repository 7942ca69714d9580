//! What address management has to know of the cluster besides its own values: pools, reservations and settings.

use margay_cluster::document::read_json;
use margay_cluster::ipam::IpamSettings;
use margay_cluster::key::{Key, ObjectKey};
use margay_cluster::object::{IpPool, IpReservation, Kind, decode_object};
use margay_cluster::schema::{UnknownFields, decode};
use margay_watch::{KeyRange, KeyValue, Store};

use crate::{IpamError, Pool, PrefixSet};

/// Pools, reservations and settings.
#[derive(Clone, Debug, Default)]
pub struct ClusterState {
    /// All pools, also disabled ones, in the order of their names.
    pub pools: Vec<Pool>,
    /// Addresses that are not given out without being named.
    pub reservations: PrefixSet,
    /// Settings of the cluster.
    pub settings: IpamSettings,
    /// Stored objects that cannot be read, with the reason. They count as absent.
    pub problems: Vec<IpamError>,
}

impl ClusterState {
    /// Reads everything from the store.
    ///
    /// # Errors
    ///
    /// When the store cannot be reached, or the settings cannot be read.
    pub async fn load(store: &impl Store) -> Result<Self, IpamError> {
        let pools = store.list(&range_of(Kind::IpPool)).await?;
        let reservations = store.list(&range_of(Kind::IpReservation)).await?;
        let settings = store.get(&Key::IpamSettings.to_string()).await?;
        let mut state = Self::default();
        for key_value in &pools {
            match read_object::<IpPool>(key_value) {
                Ok(pool) => state.pools.push(Pool::of_object(&pool)),
                Err(problem) => state.problems.push(problem),
            }
        }
        let mut reserved = Vec::new();
        for key_value in &reservations {
            match read_object::<IpReservation>(key_value) {
                Ok(object) => reserved.extend(object.spec.reserved_cidrs.iter().map(|network| network.0)),
                Err(problem) => state.problems.push(problem),
            }
        }
        state.reservations = PrefixSet::new(reserved);
        if let Some(current) = settings {
            state.settings = read_settings(&current.value)?;
        }
        Ok(state)
    }
}

/// Reads stored settings.
///
/// # Errors
///
/// When they are not JSON, or not settings.
pub fn read_settings(value: &[u8]) -> Result<IpamSettings, IpamError> {
    let unreadable = |problem: String| IpamError::Unreadable { key: Key::IpamSettings.to_string(), problem };
    let document = read_json(value).map_err(|error| unreadable(error.to_string()))?;
    decode(&document, UnknownFields::Ignore).map_err(|problems| unreadable(problems.to_string()))
}

/// Checks settings before they are stored.
///
/// # Errors
///
/// When they contradict themselves: nodes that may neither claim blocks nor borrow addresses never get any, and a limit of blocks
/// means nothing while nodes may borrow.
pub fn check_settings(settings: &IpamSettings) -> Result<(), IpamError> {
    if !settings.strict_affinity && !settings.auto_allocate_blocks {
        let message = "auto_allocate_blocks can only be false together with a strict_affinity that is true";
        return Err(IpamError::Invalid(message.to_owned()));
    }
    if !settings.strict_affinity && settings.max_blocks_per_host > 0 {
        let message = "maxBlocksPerHost needs a strict_affinity that is true";
        return Err(IpamError::Invalid(message.to_owned()));
    }
    Ok(())
}

fn range_of(kind: Kind) -> KeyRange {
    KeyRange::of_prefix(ObjectKey::prefix(kind, None))
}

pub(crate) fn read_object<O: margay_cluster::object::Object>(key_value: &KeyValue) -> Result<O, IpamError> {
    let key = || String::from_utf8_lossy(&key_value.key).into_owned();
    let document = read_json(&key_value.entry.value)
        .map_err(|error| IpamError::Unreadable { key: key(), problem: error.to_string() })?;
    decode_object(&document, UnknownFields::Ignore)
        .map_err(|problems| IpamError::Unreadable { key: key(), problem: problems.to_string() })
}
