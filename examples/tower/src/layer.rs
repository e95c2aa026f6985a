//! The layer, and the service that it makes.

use std::error::Error;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HOST};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use stanch::patch::{self, Action, BodyState, Guard, Header, Inflater, Scan, Verdict};
use tower::{Layer, Service};

use crate::log::{Log, now};
use crate::read::{ReadError, read};

/// The client's address, as an extension of the request: put there by who accepted the connection, or by
/// who knows which proxies to trust.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub IpAddr);

/// Puts a [`GuardService`] in front of a service.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    guard: Arc<Guard>,
    log: Arc<Log>,
    limit: usize,
}

impl GuardLayer {
    /// How many bytes of a body are held while it is looked at, unless told otherwise.
    pub const LIMIT: usize = 1 << 20;

    /// A layer over a guard. Each hit is given to `log`.
    pub fn new(guard: Arc<Guard>, log: Log) -> GuardLayer {
        GuardLayer { guard, log: Arc::new(log), limit: GuardLayer::LIMIT }
    }

    /// The same layer, which holds up to `limit` bytes of a body. One that is longer is refused with 413:
    /// what was not looked at does not pass.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> GuardLayer {
        self.limit = limit;
        self
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { layer: self.clone(), inner }
    }
}

/// Looks at each request before the service behind gets it, head and body, and answers by itself where it
/// is to be refused: 403 for a leaked token, 413 for too long a body, 415 for one that cannot be read
/// without its content encoding, 400 for one that breaks off.
///
/// The service behind gets the body whole, as [`Full`], and its trailers are gone.
#[derive(Clone, Debug)]
pub struct GuardService<S> {
    layer: GuardLayer,
    inner: S,
}

/// What a refused request is answered with, and what the service behind answers otherwise.
type Answer<B> = Response<http_body_util::Either<B, Full<Bytes>>>;

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Answer<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let layer = self.layer.clone();
        // The service that was polled is the one to call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            match layer.admit(request).await {
                Ok(request) => {
                    let response = inner.call(request).await?;
                    Ok(response.map(http_body_util::Either::Left))
                }
                Err(status) => {
                    let mut response =
                        Response::new(http_body_util::Either::Right(Full::default()));
                    *response.status_mut() = status;
                    Ok(response)
                }
            }
        })
    }
}

impl GuardLayer {
    /// The request with its body read, or the status that it is refused with.
    async fn admit<B>(&self, request: Request<B>) -> Result<Request<Full<Bytes>>, StatusCode>
    where
        B: Body<Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let (parts, body) = request.into_parts();
        // A token in the head refuses the request before its body is read. The scan ends here: it is not
        // kept while others are awaited, so that a slow client ties up no memory but its body.
        self.judge(&parts, None)?;
        let body = read(body, self.limit).await.map_err(|error| match error {
            ReadError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            ReadError::Broken => StatusCode::BAD_REQUEST,
        })?;
        if !body.is_empty() {
            self.judge(&parts, Some(&body))?;
        }
        Ok(Request::from_parts(parts, Full::new(body)))
    }

    /// Refuses a request whose head, or whose head and body, hold a leaked token.
    fn judge(&self, parts: &Parts, body: Option<&Bytes>) -> Result<(), StatusCode> {
        let verdict = self.scan(parts, body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        // A hit in the head was told before the body was read.
        let is_told =
            body.is_some() && verdict.hit.is_some_and(|hit| hit.part != patch::Part::Body);
        if let Some(hit) = verdict.hit.filter(|_| !is_told) {
            // The verdict names one token; another may stand in the path, and must not be logged.
            let path = if self.is_clean(parts.uri.path()) { parts.uri.path() } else { "" };
            self.log.put(parts, path, &hit, verdict.action, now());
        }
        match (verdict.action, verdict.body) {
            (Action::Block, _) => Err(StatusCode::FORBIDDEN),
            (_, BodyState::Whole) => Ok(()),
            (_, _) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        }
    }

    fn is_clean(&self, path: &str) -> bool {
        let set = self.guard.held();
        let mut state = vec![0; set.state_len()];
        Scan::new(&set, &mut state).is_ok_and(|mut scan| {
            scan.request(b"", path.as_bytes());
            scan.finish().action == Action::Pass
        })
    }

    fn scan(&self, parts: &Parts, body: Option<&Bytes>) -> Result<Verdict, patch::ScanError> {
        let set = self.guard.current();
        let mut state = vec![0; set.state_len()];
        let mut inflater = None;
        let mut scan = Scan::new(&set, &mut state)?;
        if body.is_some() && parts.headers.contains_key(CONTENT_ENCODING) {
            scan = scan.with_inflater(inflater.insert(Inflater::new()));
        }
        let client = parts.extensions.get::<Client>().map(|client| client.0);
        scan.context(&patch::Context { client, ..patch::Context::default() });
        // In HTTP/2 the host stands in the target, which is then absolute and looked at as it is.
        let target = parts.uri.to_string();
        let host =
            parts.headers.get(HOST).map(|host| Header { name: b"host", value: host.as_bytes() });
        let others = parts.headers.iter().filter(|(name, _)| *name != HOST);
        let others = others.map(|(name, value)| Header {
            name: name.as_str().as_bytes(),
            value: value.as_bytes(),
        });
        // First, so that patches of some hosts know it when the target is looked at.
        let headers: Vec<Header<'_>> = host.into_iter().chain(others).collect();
        scan.headers(&headers);
        scan.request(parts.method.as_str().as_bytes(), target.as_bytes());
        if let Some(body) = body {
            scan.body(&[body]);
        }
        Ok(scan.finish())
    }
}
