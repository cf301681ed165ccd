//! Numbers that stay in a file, mapped to memory.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use autoencoder_kernels::Level;
use autoencoder_kernels::convert::scale_u8;
use autoencoder_kernels::mapped::Mapped;

use crate::error::{Error, Result};

/// The byte that stands for 1.
pub(super) const WHITE: f32 = 255.0;

/// How the numbers of a mapped file stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Stored {
    /// Bytes, fractions of 255.
    U8,
    /// `f32`, the least significant byte first.
    LittleF32,
    /// `f32`, the most significant byte first.
    BigF32,
}

impl Stored {
    pub(in crate::data) fn size(self) -> usize {
        match self {
            Stored::U8 => 1,
            Stored::LittleF32 | Stored::BigF32 => 4,
        }
    }
}

/// Bytes copied at a time on their way to `f32`: they stay in the L1 cache.
const CHUNK: usize = 4096;

/// A file that is read while it is trained on.
///
/// What was checked before training holds only as long as the file stays as it
/// is, and beyond the end of a file that was cut off there is nothing to read. So
/// each minibatch first looks at the file's length and time of change.
pub(in crate::data) struct MappedFile {
    path: PathBuf,
    file: File,
    mapped: Mapped,
    state: State,
}

/// What changes when a file does.
#[derive(Debug, PartialEq, Eq)]
struct State {
    length: u64,
    /// Where the system knows it.
    changed: Option<SystemTime>,
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        State {
            length: metadata.len(),
            changed: metadata.modified().ok(),
        }
    }
}

impl MappedFile {
    pub(in crate::data) fn open(path: &Path) -> Result<Self> {
        let open = || {
            let file = File::open(path)?;
            let state = State::of(&file.metadata()?);
            let mapped = Mapped::new(&file)?;
            Ok((file, state, mapped))
        };
        let (file, state, mapped) = open().map_err(|error| Error::io("map", path, error))?;
        Ok(MappedFile {
            path: path.to_owned(),
            file,
            mapped,
            state,
        })
    }

    pub(in crate::data) fn len(&self) -> usize {
        self.mapped.len()
    }

    /// Fails if the file was changed since it was mapped.
    fn check(&self) -> Result<()> {
        let metadata = self.file.metadata();
        let now = metadata.map_err(|error| Error::io("read", &self.path, error))?;
        if State::of(&now) == self.state {
            Ok(())
        } else {
            Err(Error::format(
                &self.path,
                "a file that was changed while it was mapped",
                "that it stays as it is until the end; begin again, or read it whole, \
                 without --mmap",
            ))
        }
    }
}

/// The numbers of a mapped file.
#[derive(Clone)]
pub(super) struct MappedValues {
    file: Arc<MappedFile>,
    /// Where the numbers begin.
    start: usize,
    pub(super) stored: Stored,
    /// What `f32` are divided by.
    divisor: Option<f32>,
}

impl MappedValues {
    /// The numbers from byte `start` on.
    pub(super) fn new(file: MappedFile, start: usize, stored: Stored) -> Self {
        MappedValues {
            file: Arc::new(file),
            start,
            stored,
            divisor: None,
        }
    }

    pub(super) fn divided_by(&self, divisor: f32) -> Self {
        MappedValues {
            divisor: Some(divisor),
            ..self.clone()
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        self.file.check()
    }

    /// Copies the numbers from number `at` on, as they are read: bytes as
    /// fractions of 255. Allocates nothing.
    pub(super) fn read(&self, level: Level, at: usize, out: &mut [f32]) -> Result<()> {
        let size = self.stored.size();
        let mut bytes = [0; CHUNK];
        let mut at = self.start + at * size;
        for out in out.chunks_mut(CHUNK / size) {
            let bytes = &mut bytes[..size * out.len()];
            self.file.mapped.read(at, bytes)?;
            at += bytes.len();
            let (words, _) = bytes.as_chunks();
            let words = words.iter().copied();
            match self.stored {
                Stored::U8 => scale_u8(level, bytes, WHITE, out)?,
                Stored::LittleF32 => copy(words.map(f32::from_le_bytes), out),
                Stored::BigF32 => copy(words.map(f32::from_be_bytes), out),
            }
            if let (Some(divisor), true) = (self.divisor, self.stored != Stored::U8) {
                out.iter_mut().for_each(|x| *x /= divisor);
            }
        }
        Ok(())
    }

    /// Copies the bytes from byte number `at` on, if they are bytes.
    pub(super) fn read_u8(&self, at: usize, out: &mut [u8]) -> Result<()> {
        Ok(self.file.mapped.read(self.start + at, out)?)
    }
}

fn copy(from: impl Iterator<Item = f32>, to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from);
}
