//! `GET /metrics`: the daemon in numbers, in the OpenMetrics text format or in that of Prometheus.
//!
//! Every scrape asks each task once, as `GET /v1/peers` and `GET /v1/kernel` do, so that nothing is counted
//! twice. A peer has a fixed number of series, and nothing has one for each pair of peers.

mod bfd;
mod exposition;
mod kernel;
mod peers;
mod process;
mod rib;
mod rpki;
mod snapshot;
mod speaker;
mod status;

use std::fmt;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text, text};
use prometheus_client::registry::Registry;

use self::exposition::Exposition;
use self::snapshot::Snapshot;
use super::api::Api;
use super::error::{ApiError, Unanswered};

/// The daemon in numbers, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (
            status = 200,
            description = "Text in the format of Prometheus, or in that of OpenMetrics for clients that accept it.",
            content(
                (String = "text/plain; version=0.0.4; charset=utf-8"),
                (String = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            ),
        ),
        Unanswered,
    ),
)]
pub(super) async fn get_metrics(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let format = Format::accepted_by(&headers);
    let text = Snapshot::take(&api).await?.encode(format).map_err(|fmt::Error| ApiError::bug("metrics"))?;
    Ok(([(CONTENT_TYPE, format.content_type())], text))
}

/// The text formats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    OpenMetrics,
    Prometheus,
}

impl Format {
    /// OpenMetrics for clients that name it, Prometheus' own format for all others.
    fn accepted_by(headers: &HeaderMap) -> Self {
        let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        if accepted.any(|value| value.contains("application/openmetrics-text")) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Snapshot {
    fn encode(self, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        match format {
            Format::OpenMetrics => text::encode(&mut text, &registry)?,
            Format::Prometheus => prometheus_text::encode(&mut text, &registry)?,
        }
        Ok(text)
    }
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut exposition = Exposition(encoder);
        status::write(self, &mut exposition)?;
        peers::write(self, &mut exposition)?;
        rib::write(self, &mut exposition)?;
        speaker::write(self, &mut exposition)?;
        if let Some(kernel) = &self.kernel {
            kernel::write(kernel, &mut exposition)?;
        }
        bfd::write(self, &mut exposition)?;
        rpki::write(self, &mut exposition)?;
        self.process.write(&mut exposition)
    }
}
