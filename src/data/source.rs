//! Where the bytes of a data file come from: a file, perhaps compressed. No
//! claim in a file makes it allocate more than the file can back.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
#[cfg(any(feature = "npz", feature = "png"))]
use std::io::{Cursor, Seek};
use std::path::Path;

#[cfg(feature = "gzip")]
use flate2::bufread::MultiGzDecoder;

use super::dataset::MappedFile;
use super::memory::reserve;
use crate::error::{Error, Result};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate cannot do better: 258 bytes from two bits.
const BEST_COMPRESSION: u64 = 1032;

/// Bytes read and converted at a time; a multiple of every number's size.
const CHUNK: usize = 1 << 16;

pub(super) struct Source<'a> {
    path: &'a Path,
    reader: Box<dyn BufRead + 'a>,
    /// Where the bytes are as they are read, and in any order.
    whole: Whole<'a>,
    /// Bytes read so far, after decompression.
    position: u64,
    /// Bytes on the disk, where that is known.
    stored: Option<u64>,
    /// Bytes that there can be at most, after decompression.
    limit: u64,
}

#[derive(Clone, Copy)]
enum Whole<'a> {
    File,
    Memory(
        #[cfg_attr(
            not(any(feature = "npz", feature = "png")),
            expect(dead_code, reason = "other formats need no bytes in any order")
        )]
        &'a [u8],
    ),
    /// Only within gzip or in a pipe.
    No,
}

#[cfg(any(feature = "npz", feature = "png"))]
/// Bytes in any order.
pub(super) trait ReadSeek: BufRead + Seek {}

#[cfg(any(feature = "npz", feature = "png"))]
impl<T: BufRead + Seek> ReadSeek for T {}

impl<'a> Source<'a> {
    /// Opens a file and looks through gzip if its first bytes say so.
    pub(super) fn open(path: &'a Path) -> Result<Self> {
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            // A pipe does not know its length.
            let stored = metadata.is_file().then_some(metadata.len());
            Ok((file, stored))
        };
        let (file, stored) = open().map_err(|error| Error::io("open", path, error))?;
        let whole = stored.map_or(Whole::No, |_| Whole::File);
        Self::new(path, BufReader::new(file), stored, whole)
    }

    /// Reads from memory; `path` is for messages.
    pub(super) fn from_bytes(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        Self::new(path, bytes, Some(bytes.len() as u64), Whole::Memory(bytes))
    }

    #[cfg(feature = "npz")]
    /// Reads what an archive holds: `packed` bytes that cannot become more than
    /// `claimed`.
    pub(super) fn unpacked(
        path: &'a Path,
        reader: impl Read + 'a,
        packed: u64,
        claimed: u64,
    ) -> Self {
        Source {
            path,
            reader: Box::new(BufReader::new(reader)),
            whole: Whole::No,
            position: 0,
            stored: None,
            limit: packed.saturating_mul(BEST_COMPRESSION).min(claimed),
        }
    }

    fn new(
        path: &'a Path,
        mut reader: impl BufRead + 'a,
        stored: Option<u64>,
        whole: Whole<'a>,
    ) -> Result<Self> {
        let start = reader
            .fill_buf()
            .map_err(|error| Error::io("read", path, error))?;
        let compressed = start.starts_with(&GZIP_MAGIC);
        let limit = stored.unwrap_or(u64::MAX);
        Ok(if compressed {
            Source {
                path,
                reader: unpack(reader)?,
                whole: Whole::No,
                position: 0,
                stored,
                limit: limit.saturating_mul(BEST_COMPRESSION),
            }
        } else {
            Source {
                path,
                reader: Box::new(reader),
                whole,
                position: 0,
                stored,
                limit,
            }
        })
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// All bytes, to be read one after another.
    pub(super) fn into_reader(self) -> Box<dyn BufRead + 'a> {
        self.reader
    }

    #[cfg(any(feature = "npz", feature = "png"))]
    /// All bytes, to be read in any order, and how many they are.
    pub(super) fn into_seekable(self) -> Result<(Box<dyn ReadSeek + 'a>, u64)> {
        let length = self.stored.unwrap_or(0);
        match self.whole {
            Whole::Memory(bytes) => Ok((Box::new(Cursor::new(bytes)), length)),
            Whole::File => {
                let file = File::open(self.path);
                let file = file.map_err(|error| Error::io("open", self.path, error))?;
                Ok((Box::new(BufReader::new(file)), length))
            }
            Whole::No => Err(Error::format(
                self.path,
                "a file within gzip, or a pipe",
                "the file itself, whose format needs bytes in any order",
            )),
        }
    }

    /// Maps the file, of which `count` numbers of `size` bytes each are left, to the
    /// end: where they begin.
    pub(super) fn map(self, count: usize, size: usize) -> Result<(MappedFile, usize)> {
        if !matches!(self.whole, Whole::File) {
            return Err(Error::format(
                self.path,
                "bytes within gzip, in a pipe or in memory",
                "a file as it is, which can be mapped; unpack it, or read it whole, without --mmap",
            ));
        }
        let (needed, start) = (count as u128 * size as u128, self.position);
        // Its length as it is now.
        let file = MappedFile::open(self.path)?;
        let left = (file.len() as u64).saturating_sub(start);
        if u128::from(left) != needed {
            return Err(Error::format(
                self.path,
                format_args!("{left} bytes of numbers"),
                format_args!("{needed}, as the header says"),
            ));
        }
        // It is less than the file's length, which is a `usize`.
        Ok((file, start as usize))
    }

    /// The next bytes, which stay unread; fewer at the end.
    pub(super) fn peek(&mut self) -> Result<&[u8]> {
        let path = self.path;
        self.reader
            .fill_buf()
            .map_err(|error| read_error(path, error))
    }

    /// The next `N` bytes, which are `what`.
    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut array = [0; N];
        self.fill(&mut array, what)?;
        Ok(array)
    }

    /// The next `count` numbers of `size` bytes each. `decode` appends those
    /// that a slice holds.
    pub(super) fn numbers<T>(
        &mut self,
        count: usize,
        size: usize,
        mut decode: impl FnMut(&[u8], &mut Vec<T>),
    ) -> Result<Vec<T>> {
        let needed = count as u128 * size as u128;
        let left = self.limit.saturating_sub(self.position);
        if needed > u128::from(left) {
            return Err(Error::format(
                self.path,
                format_args!("at most {left} bytes of numbers"),
                format_args!("{needed}, as the header says"),
            ));
        }
        let mut numbers = Vec::new();
        // As much as the disk really holds; more only when it has been read.
        let backed = self.stored.unwrap_or(0) / size as u64;
        let reserved = reserve(&mut numbers, count.min(backed as usize));
        reserved.map_err(|_| self.no_memory(needed))?;
        let mut buffer = vec![0; CHUNK];
        while numbers.len() < count {
            let n = (count - numbers.len()).min(CHUNK / size);
            let bytes = &mut buffer[..n * size];
            self.fill(bytes, "numbers")?;
            if numbers.capacity() - numbers.len() < n {
                let more = numbers.len().max(n).min(count - numbers.len());
                reserve(&mut numbers, more).map_err(|_| self.no_memory(needed))?;
            }
            decode(bytes, &mut numbers);
        }
        Ok(numbers)
    }

    /// Fails unless all has been read. Only this proves a gzip checksum.
    pub(super) fn end(mut self) -> Result<()> {
        if self.peek()?.is_empty() {
            Ok(())
        } else {
            Err(Error::format(
                self.path,
                format_args!("more than {} bytes", self.position),
                "the end, as the header says",
            ))
        }
    }

    fn fill(&mut self, bytes: &mut [u8], what: &str) -> Result<()> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.reader.read(&mut bytes[filled..]) {
                Ok(0) => {
                    return Err(Error::format(
                        self.path,
                        format_args!("the end after {} bytes", self.position),
                        format_args!("{} more of {what}", bytes.len() - filled),
                    ));
                }
                Ok(n) => {
                    filled += n;
                    self.position += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(self.path, error)),
            }
        }
        Ok(())
    }

    fn no_memory(&self, bytes: u128) -> Error {
        Error::no_memory(self.path, format_args!("{bytes} bytes"))
    }
}

/// What is within gzip.
fn unpack<'a>(reader: impl BufRead + 'a) -> Result<Box<dyn BufRead + 'a>> {
    #[cfg(feature = "gzip")]
    return Ok(Box::new(BufReader::new(MultiGzDecoder::new(reader))));
    #[cfg(not(feature = "gzip"))]
    {
        let _ = reader;
        Err(Error::feature("reading gzip", "gzip"))
    }
}

pub(super) fn read_error(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Error::format(path, "compressed data that is cut off", "all of it")
        }
        // What does not come from the system is what a decoder says of the bytes.
        _ if error.raw_os_error().is_none() => Error::format(path, error, "intact compressed data"),
        _ => Error::io("read", path, error),
    }
}
