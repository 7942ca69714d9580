//! A connection to one member.

use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use crate::api::auth_client::AuthClient;
use crate::api::kv_client::KvClient;
use crate::api::lease_client::LeaseClient;
use crate::api::watch_client::WatchClient;
use crate::api::{
    AuthenticateRequest, CompactionRequest, CompactionResponse, LeaseGrantRequest, LeaseGrantResponse,
    LeaseKeepAliveRequest, LeaseKeepAliveResponse, RangeRequest, RangeResponse, TxnRequest, TxnResponse,
    WatchRequest, WatchResponse,
};
use crate::{Credentials, DatastoreError, DatastoreOptions};

type Answer<T> = Result<Response<T>, Status>;
type Service = InterceptedService<Channel, Headers>;

/// A connection to one member, with the token that it gave.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The number of the member.
    pub(crate) member: usize,
    channel: Channel,
    headers: Headers,
    answer_octets: usize,
}

/// What goes with each call.
#[derive(Clone, Debug, Default)]
struct Headers {
    token: Option<MetadataValue<Ascii>>,
}

impl Connection {
    /// Connects to a member and, with credentials, gets a token.
    pub(crate) async fn open(member: usize, options: &DatastoreOptions) -> Result<Self, DatastoreError> {
        let url = options.endpoints.get(member);
        let url =
            url.ok_or_else(|| DatastoreError::Options("there is no member to connect to".to_owned()))?;
        let channel = endpoint(url, options)?
            .connect()
            .await
            .map_err(|error| DatastoreError::Refused(format!("{url}: {}", with_sources(&error))))?;
        let mut connection =
            Self { member, channel, headers: Headers::default(), answer_octets: options.answer_octets };
        if let Some(credentials) = &options.credentials {
            connection.headers.token = Some(connection.authenticate(credentials).await?);
        }
        Ok(connection)
    }

    pub(crate) async fn range(self, request: RangeRequest) -> Answer<RangeResponse> {
        self.kv().range(request).await
    }

    pub(crate) async fn transaction(self, request: TxnRequest) -> Answer<TxnResponse> {
        self.kv().txn(request).await
    }

    pub(crate) async fn compact(self, request: CompactionRequest) -> Answer<CompactionResponse> {
        self.kv().compact(request).await
    }

    pub(crate) async fn watch(
        self,
        requests: ReceiverStream<WatchRequest>,
    ) -> Answer<Streaming<WatchResponse>> {
        WatchClient::with_interceptor(self.channel, self.headers)
            .max_decoding_message_size(self.answer_octets)
            .watch(requests)
            .await
    }

    pub(crate) async fn grant_lease(self, request: LeaseGrantRequest) -> Answer<LeaseGrantResponse> {
        self.lease().lease_grant(request).await
    }

    /// Renews a lease once, on a stream of its own. No answer means that there is no such lease.
    pub(crate) async fn renew_lease(
        self,
        request: LeaseKeepAliveRequest,
    ) -> Answer<Option<LeaseKeepAliveResponse>> {
        let mut answers = self.lease().lease_keep_alive(tokio_stream::once(request)).await?.into_inner();
        answers.message().await.map(Response::new)
    }

    fn kv(self) -> KvClient<Service> {
        KvClient::with_interceptor(self.channel, self.headers).max_decoding_message_size(self.answer_octets)
    }

    fn lease(self) -> LeaseClient<Service> {
        LeaseClient::with_interceptor(self.channel, self.headers)
    }

    async fn authenticate(&self, credentials: &Credentials) -> Result<MetadataValue<Ascii>, DatastoreError> {
        let request =
            AuthenticateRequest { name: credentials.user.clone(), password: credentials.password.clone() };
        let answer = AuthClient::new(self.channel.clone()).authenticate(request).await;
        let token = answer.map_err(|status| match DatastoreError::of_status(&status) {
            // A wrong password, an unknown user, or no users at all.
            DatastoreError::Refused(why) => DatastoreError::Denied(why),
            error => error,
        })?;
        let token = token.into_inner().token.parse();
        token.map_err(|_| DatastoreError::Refused("the member gave a token that cannot be sent".to_owned()))
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        // A member that is cut off from its leader refuses instead of staying silent.
        request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        if let Some(token) = &self.token {
            request.metadata_mut().insert("token", token.clone());
        }
        Ok(request)
    }
}

fn endpoint(url: &str, options: &DatastoreOptions) -> Result<Endpoint, DatastoreError> {
    let wrong =
        |error: tonic::transport::Error| DatastoreError::Options(format!("{url}: {}", with_sources(&error)));
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(wrong)?
        .connect_timeout(options.call_within)
        .http2_keep_alive_interval(options.test_every)
        .keep_alive_timeout(options.test_answer_within)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    match &options.tls {
        Some(files) => endpoint.tls_config(files.read()?).map_err(wrong),
        None => Ok(endpoint),
    }
}

/// An error with its reasons: "transport error" alone tells nobody anything.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
