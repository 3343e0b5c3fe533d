//! A folder for one test, gone with the value.
//!
//! It never lies inside the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder below the system's folder for temporary files.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder that nobody else uses.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("adamant-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("the system's folder for temporary files is writable");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, with the folders above it, and tells its path.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).expect("a folder of the test is writable");
        }
        fs::write(&path, contents).expect("a file of the test is writable");
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over is in the system's folder for temporary files; nothing depends on it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
