//! Who may do what: bearer tokens, their scopes, and a short memory of both.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::domain::Clock;
use crate::domain::access::{Caller, Scope};
use crate::domain::version::Actor;
use crate::store::{Store, StoreResult};

use super::error::{ApiError, ApiResult};
use super::problem::ProblemKind;

/// How long an answer of the store is remembered: a revoked token works so much longer.
const REMEMBERED: Duration = Duration::from_secs(4);
/// Most tokens that are remembered.
const REMEMBERED_MAX: usize = 4_096;
/// Longest token that is looked up, in bytes.
const TOKEN_BYTES_MAX: usize = 256;

/// An answer of the token store that is on its way.
pub type Lookup<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

/// Knows the tokens.
pub trait Tokens: Send + Sync {
    /// Whether there is any token at all. Without one, everything is open.
    fn any(&self) -> Lookup<'_, bool>;

    /// Whose token this is, if it is valid now; `None` for any other text.
    fn verify<'a>(&'a self, token: &'a str) -> Lookup<'a, Option<Caller>>;
}

/// No tokens: everything is open.
#[derive(Debug, Clone, Copy)]
pub struct NoTokens;

impl Tokens for NoTokens {
    fn any(&self) -> Lookup<'_, bool> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn verify<'a>(&'a self, _token: &'a str) -> Lookup<'a, Option<Caller>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// The tokens in the database.
#[derive(Debug, Clone)]
pub struct StoredTokens {
    /// Where they are.
    pub store: Store,
    /// Says which have expired.
    pub clock: Arc<dyn Clock>,
}

impl Tokens for StoredTokens {
    fn any(&self) -> Lookup<'_, bool> {
        Box::pin(self.store.any_token(self.clock.now()))
    }

    fn verify<'a>(&'a self, token: &'a str) -> Lookup<'a, Option<Caller>> {
        Box::pin(self.store.verify_token(token, self.clock.now()))
    }
}

/// Decides who may come in. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    tokens: Box<dyn Tokens>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    any: Option<(bool, Instant)>,
    // By digest, so that no token stays in memory in the clear.
    callers: HashMap<[u8; 32], (Option<Arc<Caller>>, Instant)>,
}

impl Access {
    /// Asks `tokens`, and remembers its answers for some seconds.
    pub fn new(tokens: impl Tokens + 'static) -> Self {
        Self(Arc::new(Inner {
            tokens: Box::new(tokens),
            memory: Mutex::default(),
        }))
    }

    /// Whether a request with these headers may do what needs `scope`; who asks, where the server has tokens.
    ///
    /// # Errors
    /// 401 without a valid token, 403 if it lacks the scope, 503 if nobody can tell.
    pub async fn check(
        &self,
        headers: &HeaderMap,
        scope: Scope,
        now: Instant,
    ) -> ApiResult<Option<Arc<Caller>>> {
        if !self.guarded(now).await? {
            return Ok(None);
        }
        let Some(token) = bearer(headers) else {
            return Err(ApiError::new(
                ProblemKind::Unauthorized,
                "the request has no bearer token",
            ));
        };
        let caller = self.caller(token, now).await?.ok_or_else(|| {
            ApiError::new(ProblemKind::Unauthorized, "the token is not valid").with_header(
                WWW_AUTHENTICATE,
                "Bearer realm=\"leeway\", error=\"invalid_token\"",
            )
        })?;
        if caller.may(scope) {
            return Ok(Some(caller));
        }
        let detail = format!("this needs a token with the scope '{scope}'");
        Err(ApiError::new(ProblemKind::Forbidden, detail).with_header(
            WWW_AUTHENTICATE,
            &format!("Bearer realm=\"leeway\", error=\"insufficient_scope\", scope=\"{scope}\""),
        ))
    }

    async fn guarded(&self, now: Instant) -> ApiResult<bool> {
        if let Some((any, until)) = self.memory(|memory| memory.any)
            && now < until
        {
            return Ok(any);
        }
        let any = self.0.tokens.any().await?;
        self.memory(|memory| memory.any = Some((any, now + REMEMBERED)));
        Ok(any)
    }

    async fn caller(&self, token: &str, now: Instant) -> ApiResult<Option<Arc<Caller>>> {
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some((caller, until)) = self.memory(|memory| memory.callers.get(&key).cloned())
            && now < until
        {
            return Ok(caller);
        }
        let caller = self.0.tokens.verify(token).await?.map(Arc::new);
        self.memory(|memory| {
            if memory.callers.len() >= REMEMBERED_MAX {
                memory.callers.retain(|_, (_, until)| now < *until);
            }
            // Somebody guesses tokens: what was learned so far is learned again.
            if memory.callers.len() >= REMEMBERED_MAX {
                memory.callers.clear();
            }
            memory
                .callers
                .insert(key, (caller.clone(), now + REMEMBERED));
        });
        Ok(caller)
    }

    fn memory<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        // The memory is whole between any two lines: a panic elsewhere does not spoil it.
        look(&mut self.0.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Who sends a request, as the audit notes it.
#[derive(Debug, Clone)]
pub(super) struct Who(pub Actor);

/// The layer of the routes that need a scope.
pub(super) async fn require(
    State((access, scope)): State<(Access, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    match access.check(request.headers(), scope, Instant::now()).await {
        Ok(caller) => {
            let who = Who(caller.as_deref().map(Actor::from).unwrap_or_default());
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Book {
        asked: AtomicUsize,
        revoked: AtomicBool,
    }

    impl Tokens for Arc<Book> {
        fn any(&self) -> Lookup<'_, bool> {
            Box::pin(async { Ok(true) })
        }

        fn verify<'a>(&'a self, token: &'a str) -> Lookup<'a, Option<Caller>> {
            Box::pin(async move {
                self.asked.fetch_add(1, Ordering::Relaxed);
                let valid = token == "good" && !self.revoked.load(Ordering::Relaxed);
                Ok(valid.then(|| Caller {
                    token_id: "1".into(),
                    name: "somebody".into(),
                    scopes: vec![Scope::Ingest],
                }))
            })
        }
    }

    fn with(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    #[tokio::test]
    async fn a_token_opens_what_its_scopes_hold() {
        let access = Access::new(Arc::new(Book::default()));
        let check = async |headers: HeaderMap, scope| {
            let now = Instant::now();
            access
                .check(&headers, scope, now)
                .await
                .map(|caller| assert_eq!(caller.unwrap().name, "somebody"))
                .map_err(|error| error.kind())
        };

        assert_eq!(check(with("Bearer good"), Scope::Ingest).await, Ok(()));
        assert_eq!(check(with("bearer  good"), Scope::Ingest).await, Ok(()));
        for scope in [Scope::Read, Scope::Admin] {
            assert_eq!(
                check(with("Bearer good"), scope).await,
                Err(ProblemKind::Forbidden)
            );
        }
        for headers in [
            HeaderMap::new(),
            with("Bearer bad"),
            with("Basic good"),
            with("Bearer"),
            with(&format!("Bearer {}", "x".repeat(TOKEN_BYTES_MAX + 1))),
        ] {
            assert_eq!(
                check(headers, Scope::Ingest).await,
                Err(ProblemKind::Unauthorized)
            );
        }
    }

    #[tokio::test]
    async fn without_tokens_everything_is_open() {
        let access = Access::new(NoTokens);
        let checked = access
            .check(&HeaderMap::new(), Scope::Admin, Instant::now())
            .await;
        assert!(checked.unwrap().is_none());
    }

    #[tokio::test]
    async fn the_store_is_asked_once_in_a_while_and_a_revoked_token_stops_within_five_seconds() {
        let book = Arc::new(Book::default());
        let access = Access::new(Arc::clone(&book));
        let start = Instant::now();
        let headers = with("Bearer good");
        for _ in 0..1000 {
            access.check(&headers, Scope::Ingest, start).await.unwrap();
        }
        assert_eq!(book.asked.load(Ordering::Relaxed), 1);

        book.revoked.store(true, Ordering::Relaxed);
        let later = start + Duration::from_secs(5);

        let error = access.check(&headers, Scope::Ingest, later).await;
        assert_eq!(error.unwrap_err().kind(), ProblemKind::Unauthorized);
    }

    #[tokio::test]
    async fn guesses_do_not_fill_the_memory() {
        let access = Access::new(Arc::new(Book::default()));
        let now = Instant::now();
        for guess in 0..=REMEMBERED_MAX {
            let headers = with(&format!("Bearer {guess}"));
            assert!(access.check(&headers, Scope::Read, now).await.is_err());
        }
        assert!(access.memory(|memory| memory.callers.len()) <= REMEMBERED_MAX);
    }
}
