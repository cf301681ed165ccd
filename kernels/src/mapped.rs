//! A file in the address space, whose bytes the system brings in when they are
//! read and lets go of when it needs the memory.

use std::fs::File;
use std::io;

use memmap2::{MmapOptions, MmapRaw};

use crate::error::{Error, check_length};

/// A file mapped to memory, to be read by copies.
///
/// There is no reference to its bytes: others may write to the file at any time,
/// and a reference promises that nobody does. What [`read`](Self::read) copies
/// while that happens are bytes from before or after, each one or the other.
///
/// On Unix, to read what is no longer there since the file was cut off, or what the
/// disk fails to give, ends the process with SIGBUS.
#[derive(Debug)]
pub struct Mapped(MmapRaw);

impl Mapped {
    /// Maps the file as it is now, which must not be empty.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(file: &File) -> io::Result<Self> {
        MmapOptions::new().map_raw_read_only(file).map(Mapped)
    }

    /// How many bytes the file had when it was mapped.
    #[expect(clippy::len_without_is_empty, reason = "an empty file is not mapped")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Copies the bytes from byte `at` on to `out`, as many as it holds.
    ///
    /// # Errors
    /// [`Error::Length`] if they reach beyond the end; nothing is read then.
    pub fn read(&self, at: usize, out: &mut [u8]) -> Result<(), Error> {
        let left = self.len().saturating_sub(at);
        check_length("the bytes to read", out.len().min(left), out.len())?;
        if out.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` is less than the length, since bytes are left.
        let from = unsafe { self.0.as_ptr().add(at) };
        // Words where the file has them aligned, and bytes around them.
        let (head, rest) = out.split_at_mut(from.align_offset(size_of::<u64>()).min(out.len()));
        let (words, tail) = rest.as_chunks_mut::<{ size_of::<u64>() }>();
        let rest = head.len() + size_of_val(words);
        // SAFETY, of all three: 1. `at + out.len()` is no more than the length, as
        // checked, and so is each index plus the size of what is read there; 2. the
        // mapping is readable and lives as long as `self`; 3. words are read from
        // multiples of their size: `align_offset` says where they begin; 4. the
        // read is volatile and no reference to the mapping exists, so that
        // other processes may write to it meanwhile; every bit pattern is a number.
        for (i, to) in head.iter_mut().enumerate() {
            // SAFETY: as above.
            *to = unsafe { from.add(i).read_volatile() };
        }
        for (i, to) in words.iter_mut().enumerate() {
            let at = head.len() + size_of_val(to) * i;
            // SAFETY: as above.
            let word = unsafe { from.add(at).cast::<u64>().read_volatile() };
            *to = word.to_ne_bytes();
        }
        for (i, to) in tail.iter_mut().enumerate() {
            // SAFETY: as above.
            *to = unsafe { from.add(rest + i).read_volatile() };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    /// A file that is removed at the end.
    struct Temporary(std::path::PathBuf);

    impl Temporary {
        fn new(name: &str, bytes: &[u8]) -> Self {
            let name = format!("autoencoder-kernels-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, bytes).unwrap();
            Temporary(path)
        }

        fn map(&self) -> Mapped {
            Mapped::new(&File::open(&self.0).unwrap()).unwrap()
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn every_part_is_what_the_file_holds() {
        // As long as a page, whose end is that of the mapping: one byte too far
        // faults.
        let bytes: Vec<u8> = (0..4096u32).map(|i| ((i * 37) >> 3) as u8).collect();
        let file = Temporary::new("parts", &bytes);
        let mapped = file.map();
        assert_eq!(mapped.len(), bytes.len());
        for start in (0..20).chain(4070..4096) {
            for len in (0..27).filter(|len| start + len <= bytes.len()) {
                let mut out = vec![0xa5; len + 2];
                mapped.read(start, &mut out[1..len + 1]).unwrap();
                assert_eq!(
                    out[1..len + 1],
                    bytes[start..start + len],
                    "{len} from {start}"
                );
                assert_eq!((out[0], out[len + 1]), (0xa5, 0xa5));
            }
        }
    }

    #[test]
    fn beyond_the_end_is_an_error() {
        let file = Temporary::new("end", &[7; 10]);
        let mapped = file.map();
        for (at, len) in [(0, 11), (10, 1), (11, 1), (usize::MAX, 1), (3, 8)] {
            let mut out = vec![1; len];
            assert!(mapped.read(at, &mut out).is_err(), "{len} from {at}");
            assert!(out.iter().all(|&byte| byte == 1));
        }
        for at in [0, 10, 11, usize::MAX] {
            mapped.read(at, &mut []).unwrap();
        }
    }

    #[test]
    fn what_others_write_is_seen() {
        let file = Temporary::new("written", &[7; 100]);
        let mapped = file.map();
        let mut out = [0; 3];
        mapped.read(50, &mut out).unwrap();
        assert_eq!(out, [7, 7, 7]);
        let mut writer = File::options().write(true).open(&file.0).unwrap();
        writer.write_all(&[8; 52]).unwrap();
        mapped.read(50, &mut out).unwrap();
        if cfg!(unix) {
            assert_eq!(out, [8, 8, 7]);
        }
    }
}
