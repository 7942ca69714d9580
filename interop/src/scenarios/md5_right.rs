//! A session whose segments are signed with one password on both sides (RFC 2385).
//!
//! ```text
//! s (AS 65001) ──MD5── p (AS 65002)
//! "one secret"         "one secret"
//! ```

use anyhow::Result;

use super::Need;
use crate::daemon::Feature;
use crate::node::Network;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Md5), Need::Both(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    // Both dial: OpenBGPD signs only connections that it makes.
    stage.link(s, p, |of_s, of_p| {
        of_s.password = Some("one-secret".to_owned());
        of_p.password = Some("one-secret".to_owned());
    });
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(())).map(drop)
}
