//! Routes of the speaker, page by page.

use bgp_codec::Family;
use margay_control::MAX_PAGE_ROUTES;
use margay_rib::{PagePosition, RouteView};

use super::api::Api;
use super::error::ApiError;
use crate::speaker::{PeerSelection, RoutesQuestion, SpeakerRequest};

/// The routes of a selection, page by page.
pub(super) struct Pages {
    question: RoutesQuestion,
    has_next: bool,
}

impl Pages {
    /// The routes of a family.
    pub(super) fn new(family: Family, selection: PeerSelection) -> Self {
        let question = RoutesQuestion {
            destination: None,
            selection,
            family,
            position: PagePosition::default(),
            limit: MAX_PAGE_ROUTES,
            filter: None,
        };
        Self { question, has_next: true }
    }

    /// The next page, which may be empty; `None` after the last one. A peer without a session has no routes.
    pub(super) async fn next(&mut self, api: &Api) -> Result<Option<Vec<RouteView>>, ApiError> {
        if !self.has_next {
            return Ok(None);
        }
        let question = self.question.clone();
        let page = api.ask(|answer| SpeakerRequest::Routes(question, answer)).await?;
        let (routes, next) = page.map_or_else(Default::default, |page| (page.routes, page.next));
        self.has_next = next.is_some();
        self.question.position = next.unwrap_or_default();
        Ok(Some(routes))
    }
}
