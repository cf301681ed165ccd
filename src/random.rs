//! Random numbers that stay the same: over versions, platforms and threads.
//!
//! The bits are those of the ChaCha8 stream cipher. Its key is the seed as eight
//! little-endian bytes, followed by 24 zeros; its 64-bit stream number tells what
//! the numbers are for. So no purpose shifts the numbers of another one, and the
//! shuffle of epoch 7 is known without the six before it: a seed and an epoch
//! are the whole state.

use autoencoder_kernels::random::Key;
#[cfg(doc)]
use autoencoder_kernels::random::fill_normal;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// What random numbers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The first weights of a model. Stream 0.
    Weights,
    /// The choice of samples to begin with, and of the parts of a mixture.
    /// Stream 1.
    Choice,
    /// The order of the samples in an epoch, counted from 1. Stream 2³² + epoch.
    Shuffle {
        /// The epoch, from 1.
        epoch: u32,
    },
}

impl Purpose {
    fn stream(self) -> u64 {
        match self {
            Purpose::Weights => 0,
            Purpose::Choice => 1,
            Purpose::Shuffle { epoch } => (1 << 32) + u64::from(epoch),
        }
    }
}

/// What the random numbers of the kernels are for, which are a function of seed,
/// stream, step, row and column ([`fill_normal`]): each its own stream, so that with
/// one seed noise is no copy of the data. The operations of a [`Tape`](crate::tape)
/// count streams from 0 on; these lie at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stream {
    /// [`standard_normal`](crate::data::standard_normal): 65 535.
    Data,
    /// The noise of variational codes in a training step, from 1: 65 534.
    Training,
    /// The same on samples that are not trained on: 65 533.
    Validation,
    /// Codes from the prior of a variational model: 65 532.
    Prior,
    /// Noise on samples, outside of training: 65 531.
    Denoising,
    /// Codes from a mixture of Gaussians: 65 527.
    Mixture,
    /// Noise on codes: 65 526.
    Around,
}

impl Stream {
    /// Every stream.
    pub const ALL: [Stream; 7] = [
        Stream::Data,
        Stream::Training,
        Stream::Validation,
        Stream::Prior,
        Stream::Denoising,
        Stream::Mixture,
        Stream::Around,
    ];

    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            Stream::Data => 65_535,
            Stream::Training => 65_534,
            Stream::Validation => 65_533,
            Stream::Prior => 65_532,
            Stream::Denoising => 65_531,
            Stream::Mixture => 65_527,
            Stream::Around => 65_526,
        }
    }

    /// What the numbers of a seed depend on beside row and column. The step is 0
    /// but in training.
    pub fn key(self, seed: u64, step: u64) -> Key {
        let stream = self.number();
        Key { seed, stream, step }
    }
}

/// A sequence of random numbers; see the [module](self).
pub struct Generator(ChaCha8Rng);

impl Generator {
    /// The sequence of a seed and a purpose, from its beginning.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut cipher = ChaCha8Rng::from_seed(key);
        cipher.set_stream(purpose.stream());
        Generator(cipher)
    }

    /// A number in [0, 1): a multiple of 2⁻²⁴, each equally likely.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A whole number below `bound`, each equally likely; 0 for a bound of 0.
    ///
    /// Multiplies and shifts, and rejects the few that would tip the balance
    /// (Lemire, "Fast random integer generation in an interval", 2019).
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        if bound == 0 {
            return 0;
        }
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as usize;
            }
        }
    }

    /// Puts the items in an order of which each is equally likely (Fisher and
    /// Yates, from the last place to the first).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key stream of ChaCha8 for a key and nonce of zeros, as published in
    /// the test vectors of draft-strombergson-chacha-test-vectors-01, TC1.
    #[test]
    fn the_bits_are_those_of_chacha8() {
        let mut generator = Generator::new(0, Purpose::Weights);
        let bytes = [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6];
        let words = [generator.0.next_u32(), generator.0.next_u32()];
        assert_eq!(words[0].to_le_bytes(), bytes[..4]);
        assert_eq!(words[1].to_le_bytes(), bytes[4..]);
    }

    #[test]
    fn purposes_and_seeds_have_sequences_of_their_own() {
        let first = |seed, purpose| Generator::new(seed, purpose).unit();
        let firsts = [
            first(0, Purpose::Weights),
            first(1, Purpose::Weights),
            first(1 << 40, Purpose::Weights),
            first(0, Purpose::Choice),
            first(0, Purpose::Shuffle { epoch: 1 }),
            first(0, Purpose::Shuffle { epoch: 2 }),
        ];
        for (i, a) in firsts.iter().enumerate() {
            assert!((0.0..1.0).contains(a));
            assert!(firsts[..i].iter().all(|b| a != b));
        }
    }

    #[test]
    fn no_two_streams_have_the_same_number() {
        for (i, one) in Stream::ALL.into_iter().enumerate() {
            for other in &Stream::ALL[..i] {
                assert_ne!(one.number(), other.number(), "{one:?} {other:?}");
                assert_ne!(one, *other);
            }
        }
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut generator = Generator::new(3, Purpose::Weights);
        let mut counts = std::collections::HashMap::new();
        for _ in 0..6_000 {
            let mut items = [0, 1, 2];
            generator.shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        // Standard deviation 29: five of them.
        assert_eq!(counts.len(), 6);
        assert!(
            counts.values().all(|count| (855..1145).contains(count)),
            "{counts:?}"
        );
        assert_eq!(generator.below(0), 0);
        assert_eq!(generator.below(1), 0);
    }
}
