//! Tasks that live exactly as long as whoever started them.
//!
//! It starts nothing and knows nothing of what the tasks do.

use tokio::task::JoinHandle;

/// Tasks of the upstreams; dropping it ends them.
#[derive(Debug)]
#[must_use = "the tasks end when this is dropped"]
pub struct Background {
    pub(super) tasks: Vec<Task>,
}

impl Background {
    /// Number of tasks that were started.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Nothing needed a task.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}

/// A task that ends when its owner does.
#[derive(Debug)]
pub(super) struct Task(pub(super) JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
