//! SIMD levels: which one the CPU has, which one to use, and the one dispatch
//! that turns the runtime value into a type parameter.
//!
//! ```text
//! Level (runtime value) ── dispatch, once per outermost call ──> S: Simd (type parameter)
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::error::Error;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Portable, Simd, Token};

/// Name of the environment variable that forces a level.
pub const LEVEL_VARIABLE: &str = "AUTOENCODER_LEVEL";

/// A SIMD instruction set that the kernels are compiled for.
///
/// Ordered from the slowest to the fastest. All levels compute the same
/// algorithms; results differ between levels only by rounding (AVX2 and
/// AVX-512 fuse multiply and add, `Portable` rounds twice), and not at all
/// where every intermediate value is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// 8 lanes through the `wide` crate: SSE2, NEON, wasm or scalar code, as
    /// the compiler's target has it. Always available.
    Portable,
    /// 8 lanes with AVX2 and FMA (x86-64).
    Avx2,
    /// 16 lanes with AVX-512F (x86-64).
    Avx512,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        })
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Level::ALL
            .into_iter()
            .find(|level| level.to_string().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| Error::UnknownLevel(name.to_string()))
    }
}

impl Level {
    /// Every level that the crate knows, whether or not this CPU has it.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The levels that this CPU has, slowest first.
    pub fn available() -> &'static [Level] {
        static AVAILABLE: OnceLock<Vec<Level>> = OnceLock::new();
        AVAILABLE.get_or_init(|| {
            Level::ALL
                .into_iter()
                .filter(|level| level.is_supported_by_cpu())
                .collect()
        })
    }

    /// Whether this CPU has the level.
    pub fn is_available(self) -> bool {
        Level::available().contains(&self)
    }

    /// The fastest level that this CPU has.
    pub fn fastest() -> Level {
        *Level::available().last().unwrap_or(&Level::Portable)
    }

    /// The level named by `AUTOENCODER_LEVEL`, or the fastest one where the
    /// variable is unset or empty.
    ///
    /// # Errors
    /// The variable names no level, or one that this CPU lacks.
    pub fn from_environment() -> Result<Level, Error> {
        match std::env::var(LEVEL_VARIABLE) {
            Ok(name) if !name.trim().is_empty() => {
                let level: Level = name.parse()?;
                if level.is_available() {
                    Ok(level)
                } else {
                    Err(Error::UnavailableLevel(level))
                }
            }
            _ => Ok(Level::fastest()),
        }
    }

    /// The level that calls use unless they are given another: detected once
    /// per process, see [`Level::from_environment`].
    ///
    /// A bad `AUTOENCODER_LEVEL` falls back to the fastest level here, since a
    /// numeric call has no better place to complain; programs should call
    /// [`Level::from_environment`] at their start and report its error.
    pub fn current() -> Level {
        static CURRENT: OnceLock<Level> = OnceLock::new();
        *CURRENT.get_or_init(|| Level::from_environment().unwrap_or_else(|_| Level::fastest()))
    }

    #[cfg(target_arch = "x86_64")]
    fn is_supported_by_cpu(self) -> bool {
        match self {
            Level::Portable => true,
            Level::Avx2 => Avx2::detect().is_some(),
            Level::Avx512 => Avx512::detect().is_some(),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_supported_by_cpu(self) -> bool {
        matches!(self, Level::Portable)
    }

    /// Runs `kernel` compiled for this level. A level that the CPU lacks runs
    /// as [`Level::Portable`], so that no safe call can execute an illegal
    /// instruction.
    #[inline]
    pub(crate) fn dispatch<K: Kernel>(self, kernel: K) -> K::Output {
        #[cfg(target_arch = "x86_64")]
        match self {
            Level::Avx512 => {
                if let Some(s) = Avx512::detect() {
                    return s.vectorize(
                        #[inline(always)]
                        || kernel.run(s),
                    );
                }
            }
            Level::Avx2 => {
                if let Some(s) = Avx2::detect() {
                    return s.vectorize(
                        #[inline(always)]
                        || kernel.run(s),
                    );
                }
            }
            Level::Portable => {}
        }
        Portable.vectorize(
            #[inline(always)]
            || kernel.run(Portable),
        )
    }
}

/// A computation that is generic over the SIMD level; see [`Level::dispatch`].
pub(crate) trait Kernel {
    /// What the computation returns.
    type Output;

    /// The computation. Implementations are `#[inline(always)]`, so that the
    /// body is compiled inside the function that enables the instruction set.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}
