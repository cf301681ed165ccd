//! Writing files so that nothing half-written is ever seen.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// Writes a file whole or not at all.
///
/// `write` fills a temporary file in the same folder, which is synced to the
/// disk and then renamed to `path`. After an error, a panic or a crash at any
/// moment, `path` is what it was before; after success it is the new file, with
/// the permissions of the one that it replaces. Where `path` is a link, its
/// destination is replaced. A pipe or a device has nothing to keep and is
/// written straight.
///
/// # Errors
/// [`Error::Io`], also for the error that `write` returns.
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    try_write(path, write).map_err(|error| Error::io("write", path, error))
}

fn try_write(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let old = fs::metadata(path).ok();
    let target = match &old {
        Some(old) if old.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Some(old) if !old.is_file() => {
            let mut device = BufWriter::new(OpenOptions::new().write(true).open(path)?);
            write(&mut device)?;
            return device.flush();
        }
        Some(_) => fs::canonicalize(path)?,
        None => path.to_owned(),
    };
    let (temporary, file) = Temporary::create(&target)?;
    if let Some(old) = old {
        file.set_permissions(old.permissions())?;
    }
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    let file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    drop(file);
    temporary.rename(&target)?;
    sync_folder(&target);
    Ok(())
}

/// A file that vanishes when dropped, unless it was renamed.
struct Temporary(Option<PathBuf>);

impl Temporary {
    /// A new file in the folder of `target`, under a name that nobody has.
    fn create(target: &Path) -> io::Result<(Self, File)> {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            hidden.push(format!(".{}-{count}.tmp", std::process::id()));
            let path = target.with_file_name(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Temporary(Some(path)), file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.0 {
            fs::rename(path, target)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Nothing more can be done, and the error that led here is told.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes the rename itself last, where the system can do that. The new file is
/// whole with or without it.
fn sync_folder(target: &Path) {
    if cfg!(unix) {
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder that is removed at the end of the test.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let name = format!("autoencoder-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        pub(crate) fn names(&self) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = Folder::new("atomic");
        let path = folder.0.join("model");
        write_atomically(&path, |w| w.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |w| {
            w.write_all(&[1; 100_000])?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot write {}: disk full", path.display())
        );
        let panicked = std::panic::catch_unwind(|| {
            write_atomically(&path, |w| {
                w.write_all(b"half")?;
                panic!("in the middle")
            })
        });
        assert!(panicked.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(folder.names(), ["model"]);
        write_atomically(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(folder.names(), ["model"]);
    }

    #[test]
    fn impossible_paths_are_errors() {
        let folder = Folder::new("impossible");
        for path in [folder.0.clone(), folder.0.join("no/file"), PathBuf::new()] {
            let written = write_atomically(&path, |w| w.write_all(b"x"));
            assert!(matches!(written, Err(Error::Io { .. })), "{path:?}");
        }
        assert!(folder.names().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = Folder::new("links");
        let (path, link) = (folder.0.join("real"), folder.0.join("link"));
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&path, &link).unwrap();
        write_atomically(&link, |w| w.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        write_atomically("/dev/null", |w| w.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
