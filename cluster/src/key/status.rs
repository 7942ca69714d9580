//! Keys of what nodes report.

use std::fmt;

use super::segment::{Escaped, split, unescape};

/// A part of a cloud of OpenStack; `no-region` where there are none.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Region(pub Option<String>);

/// A node's report: `/calico/felix/v2/<region>/host/<host>/status`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeStatusKey {
    /// The region.
    pub region: Region,
    /// The node.
    pub host: String,
}

/// The state of a workload's interface:
/// `/calico/felix/v2/<region>/host/<host>/workload/<orchestrator>/<workload>/endpoint/<endpoint>`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WorkloadStatusKey {
    /// The region.
    pub region: Region,
    /// The node.
    pub host: String,
    /// The orchestrator.
    pub orchestrator: String,
    /// The workload, with its namespace before it.
    pub workload: String,
    /// The interface inside of the workload.
    pub endpoint: String,
}

const ROOT: &str = "/calico/felix/v2/";
const NO_REGION: &str = "no-region";
const REGION_PREFIX: &str = "region-";

impl Region {
    fn parse(segment: &str) -> Option<Self> {
        if segment == NO_REGION {
            return Some(Self(None));
        }
        let name = segment.strip_prefix(REGION_PREFIX).filter(|name| !name.is_empty())?;
        Some(Self(Some(name.to_owned())))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(name) => write!(f, "{REGION_PREFIX}{name}"),
            None => f.write_str(NO_REGION),
        }
    }
}

impl NodeStatusKey {
    /// The last segment of a report that goes with its node.
    pub const LIVE: &'static str = "status";

    /// The last segment of a report that stays.
    pub const LAST: &'static str = "last_reported_status";

    pub(super) fn parse(text: &str, last_segment: &str) -> Option<Self> {
        let [region, "host", host, last] = split(text.strip_prefix(ROOT)?)? else { return None };
        let region = Region::parse(region).filter(|_| last == last_segment)?;
        Some(Self { region, host: host.to_owned() })
    }

    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, last_segment: &str) -> fmt::Result {
        write!(f, "{ROOT}{}/host/{}/{last_segment}", self.region, self.host)
    }
}

impl WorkloadStatusKey {
    /// What keys begin with; of all regions when it is not known, and of all nodes when the region is not.
    #[must_use]
    pub fn prefix(region: Option<&Region>, host: Option<&str>) -> String {
        match (region, host) {
            (Some(region), Some(host)) => format!("{ROOT}{region}/host/{host}/workload"),
            (Some(region), None) => format!("{ROOT}{region}/host/"),
            (None, _) => ROOT.to_owned(),
        }
    }

    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [region, "host", host, "workload", orchestrator, workload, "endpoint", endpoint] =
            split(text.strip_prefix(ROOT)?)?
        else {
            return None;
        };
        Some(Self {
            region: Region::parse(region)?,
            host: host.to_owned(),
            orchestrator: unescape(orchestrator),
            workload: unescape(workload),
            endpoint: unescape(endpoint),
        })
    }
}

impl fmt::Display for WorkloadStatusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.orchestrator, &self.workload, &self.endpoint].map(|part| Escaped(part));
        let [orchestrator, workload, endpoint] = parts;
        let (region, host) = (&self.region, &self.host);
        write!(f, "{ROOT}{region}/host/{host}/workload/{orchestrator}/{workload}/endpoint/{endpoint}")
    }
}

/// The name of the file that holds the state of a workload's interface, for programs of the same node.
#[must_use]
pub fn status_file_name(orchestrator: &str, workload: &str, endpoint: &str) -> String {
    [orchestrator, workload, endpoint].map(|part| part.replace('/', "%2F")).join(" ")
}
