//! Wiring: a filter says which of its methods runs at which moment; what it does not wire is not there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::attempt::Attempt;
use crate::body::Chunk;
use crate::finished::Finished;
use crate::request::Request;
use crate::response::Response;
use crate::verdict::{Fault, Verdict};

/// A future on the heap: the price of a hook that really waits.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

type RequestFn = Box<dyn Fn(&mut Request) -> Verdict + Send + Sync>;
type ConcealFn = Box<dyn Fn(&mut Request) + Send + Sync>;
type QuickFn = Box<dyn Fn(&mut Request) -> Option<Verdict> + Send + Sync>;
type BodyFn = Box<dyn Fn(&mut Request, &mut Chunk) -> Verdict + Send + Sync>;
type AttemptFn = Box<dyn Fn(&mut Attempt<'_>) -> Result<(), Fault> + Send + Sync>;
type ResponseFn = Box<dyn Fn(&mut Response<'_>) -> Verdict + Send + Sync>;
type ResponseBodyFn = Box<dyn Fn(&Request, &mut Chunk) -> Verdict + Send + Sync>;
type FinishFn = Box<dyn Fn(&Finished<'_>) + Send + Sync>;

/// A method `async fn(&self, &mut Request) -> Verdict`, wired without boxing by its author.
pub trait AsyncHook<'a, F>: Send + Sync {
    /// The future that the method returns.
    type Answer: Future<Output = Verdict> + Send + 'a;

    /// Starts the method.
    fn start(&self, filter: &'a F, request: &'a mut Request) -> Self::Answer;
}

impl<'a, F, Method, Answer> AsyncHook<'a, F> for Method
where
    F: 'a,
    Method: Fn(&'a F, &'a mut Request) -> Answer + Send + Sync,
    Answer: Future<Output = Verdict> + Send + 'a,
{
    type Answer = Answer;

    fn start(&self, filter: &'a F, request: &'a mut Request) -> Answer {
        self(filter, request)
    }
}

/// An async hook whose filter is known.
trait Bound: Send + Sync {
    fn start<'a>(&'a self, request: &'a mut Request) -> Waiting<'a>;
}

struct BoundTo<F, H> {
    filter: Arc<F>,
    hook: H,
}

impl<F, H> Bound for BoundTo<F, H>
where
    F: Send + Sync,
    H: for<'a> AsyncHook<'a, F>,
{
    fn start<'a>(&'a self, request: &'a mut Request) -> Waiting<'a> {
        Box::pin(self.hook.start(&self.filter, request))
    }
}

/// An async hook, erased.
pub struct AsyncFn(Box<dyn Bound>);

impl std::fmt::Debug for AsyncFn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AsyncFn")
    }
}

impl AsyncFn {
    /// Starts the hook; the one allocation of waiting.
    pub fn start<'a>(&'a self, request: &'a mut Request) -> Waiting<'a> {
        self.0.start(request)
    }
}

/// A hook of the request moment.
pub enum RequestHook {
    /// An ordinary function.
    Sync(RequestFn),
    /// A function that waits.
    Async(AsyncFn),
    /// Answers from memory when it can, waits when it must.
    Either(QuickFn, AsyncFn),
}

impl std::fmt::Debug for RequestHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sync(_) => "Sync",
            Self::Async(_) => "Async",
            Self::Either(..) => "Either",
        })
    }
}

/// The hooks of one step, erased: what the engine runs.
#[derive(Default)]
pub struct Wired {
    /// Before an endpoint is chosen.
    pub request: Vec<RequestHook>,
    /// When another branch of a group has passed.
    pub conceal: Vec<ConcealFn>,
    /// For each piece of the request body.
    pub request_body: Vec<BodyFn>,
    /// Once per try.
    pub attempt: Vec<AttemptFn>,
    /// Once per answer.
    pub response: Vec<ResponseFn>,
    /// For each piece of the answer's body.
    pub response_body: Vec<ResponseBodyFn>,
    /// After the last byte.
    pub finish: Vec<FinishFn>,
}

impl std::fmt::Debug for Wired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wired")
            .field("request", &self.request.len())
            .field("conceal", &self.conceal.len())
            .field("request_body", &self.request_body.len())
            .field("attempt", &self.attempt.len())
            .field("response", &self.response.len())
            .field("response_body", &self.response_body.len())
            .field("finish", &self.finish.len())
            .finish()
    }
}

/// Collects the methods that a filter wires to moments.
#[derive(Debug)]
pub struct Hooks<F> {
    filter: Arc<F>,
    wired: Wired,
}

impl<F: Send + Sync + 'static> Hooks<F> {
    pub(crate) fn of(filter: Arc<F>) -> Self {
        Self {
            filter,
            wired: Wired::default(),
        }
    }

    pub(crate) fn into_wired(self) -> Wired {
        self.wired
    }

    /// Once per request, before an endpoint is chosen.
    #[must_use]
    pub fn request(mut self, hook: impl Fn(&F, &mut Request) -> Verdict + Send + Sync + 'static) -> Self {
        let filter = Arc::clone(&self.filter);
        self.wired
            .request
            .push(RequestHook::Sync(Box::new(move |request| hook(&filter, request))));
        self
    }

    /// Once per request, by an `async fn`.
    #[must_use]
    pub fn request_async(mut self, hook: impl for<'a> AsyncHook<'a, F> + 'static) -> Self {
        let waiting = self.bind(hook);
        self.wired.request.push(RequestHook::Async(waiting));
        self
    }

    /// Once per request: `quick` answers from memory or returns `None` to ask for `slow`.
    ///
    /// `quick` may be asked twice before `slow` runs, so it charges nothing unless it answers.
    #[must_use]
    pub fn request_or_async(
        mut self,
        quick: impl Fn(&F, &mut Request) -> Option<Verdict> + Send + Sync + 'static,
        slow: impl for<'a> AsyncHook<'a, F> + 'static,
    ) -> Self {
        let filter = Arc::clone(&self.filter);
        let waiting = self.bind(slow);
        self.wired.request.push(RequestHook::Either(
            Box::new(move |request| quick(&filter, request)),
            waiting,
        ));
        self
    }

    /// Takes away whatever this step would take for a credential, whatever it is worth: another branch of a group
    /// has passed, and the upstream could believe what nobody has checked. A step that passes a credential on when
    /// it is good leaves it.
    ///
    /// It runs for every branch of `any-of` but the one that passed, once the group has passed.
    #[must_use]
    pub fn conceal(mut self, hook: impl Fn(&F, &mut Request) + Send + Sync + 'static) -> Self {
        let filter = Arc::clone(&self.filter);
        self.wired
            .conceal
            .push(Box::new(move |request| hook(&filter, request)));
        self
    }

    /// For each piece of the request body; for the whole body at once when the filter asked for
    /// [`Boot::buffer_request`](crate::Boot::buffer_request).
    #[must_use]
    pub fn request_body(
        mut self,
        hook: impl Fn(&F, &mut Request, &mut Chunk) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        let filter = Arc::clone(&self.filter);
        self.wired
            .request_body
            .push(Box::new(move |request, chunk| hook(&filter, request, chunk)));
        self
    }

    /// Once per try: change what this endpoint sees.
    #[must_use]
    pub fn attempt(
        mut self,
        hook: impl Fn(&F, &mut Attempt<'_>) -> Result<(), Fault> + Send + Sync + 'static,
    ) -> Self {
        let filter = Arc::clone(&self.filter);
        self.wired
            .attempt
            .push(Box::new(move |attempt| hook(&filter, attempt)));
        self
    }

    /// Once per answer, in reverse order, for upstream answers and our own alike.
    #[must_use]
    pub fn response(
        mut self,
        hook: impl Fn(&F, &mut Response<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        let filter = Arc::clone(&self.filter);
        self.wired
            .response
            .push(Box::new(move |response| hook(&filter, response)));
        self
    }

    /// For each piece of the answer's body. A denial here can only cut the answer short: its head is gone.
    /// [`Chunk::delay`] makes it wait.
    #[must_use]
    pub fn response_body(
        mut self,
        hook: impl Fn(&F, &Request, &mut Chunk) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        let filter = Arc::clone(&self.filter);
        self.wired
            .response_body
            .push(Box::new(move |request, chunk| hook(&filter, request, chunk)));
        self
    }

    /// After the last byte, or when the exchange breaks off: whatever becomes of it, this runs once. Read-only.
    ///
    /// It runs, too, where a step above refused and the request hook of this filter was not reached; a word that
    /// the request hook sets tells the two apart. Under a `when` it runs where the request hook ran, even if
    /// the request does not look the same any more.
    #[must_use]
    pub fn finish(mut self, hook: impl Fn(&F, &Finished<'_>) + Send + Sync + 'static) -> Self {
        let filter = Arc::clone(&self.filter);
        self.wired
            .finish
            .push(Box::new(move |finished| hook(&filter, finished)));
        self
    }

    fn bind(&self, hook: impl for<'a> AsyncHook<'a, F> + 'static) -> AsyncFn {
        AsyncFn(Box::new(BoundTo {
            filter: Arc::clone(&self.filter),
            hook,
        }))
    }
}
