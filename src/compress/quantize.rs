//! Codes as few bytes: 8 bits, half or single precision.
