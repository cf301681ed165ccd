//! Memory for samples.

use std::collections::TryReserveError;

use autoencoder_kernels::huge_pages::prefer_huge_pages;

/// Makes room for `count` more values, in huge pages where they are many and the
/// system has such pages.
pub(super) fn reserve<T>(values: &mut Vec<T>, count: usize) -> Result<(), TryReserveError> {
    values.try_reserve_exact(count)?;
    prefer_huge_pages(values.spare_capacity_mut());
    Ok(())
}
