//! Symmetric matrices, in f64: eigenvalues and eigenvectors, and triangular factors.
//!
//! Eigenvectors come from Householder's reduction to a tridiagonal matrix, and implicit
//! QL iterations on that: `tred2` and `tql2` of Martin, Reinsch and Wilkinson 1968, as
//! in EISPACK. Row j of the matrix in memory is column j of theirs, so that all inner
//! loops go along memory.

use autoencoder_kernels::Mat;

/// How many iterations an eigenvalue may take; two are usual.
const ITERATIONS: usize = 100;

/// A symmetric matrix as V·diag(values)·Vᵀ.
pub(super) struct Eigen {
    /// The eigenvalues, in no order.
    pub(super) values: Vec<f64>,
    /// Vᵀ: row i is the eigenvector of value i, of length 1.
    pub(super) vectors: Mat<f64>,
}

impl Eigen {
    /// Decomposes a symmetric matrix, whose memory the vectors take. `None` if a number is
    /// NaN or infinite.
    pub(super) fn new(matrix: Mat<f64>) -> Option<Self> {
        let (n, mut vectors) = (matrix.rows(), matrix);
        let (mut values, mut beside) = (vec![0.0; n], vec![0.0; n]);
        let z = vectors.as_mut_slice();
        if !z.iter().all(|x| x.is_finite()) {
            return None;
        }
        // Products of eigenvalues are neither infinite nor 0 where the largest number is 1.
        let largest = z.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
        if largest > 0.0 {
            z.iter_mut().for_each(|x| *x /= largest);
            tridiagonalise(n, z, &mut values, &mut beside);
            diagonalise(n, z, &mut values, &mut beside)?;
            values.iter_mut().for_each(|value| *value *= largest);
        } else {
            (0..n).for_each(|i| vectors[(i, i)] = 1.0);
        }
        Some(Eigen { values, vectors })
    }
}

/// Makes the matrix `z` tridiagonal, with the diagonal `d` and the numbers `e[1..]` beside
/// it; `z` becomes the transposed transformation.
fn tridiagonalise(n: usize, z: &mut [f64], d: &mut [f64], e: &mut [f64]) {
    for (j, d) in d.iter_mut().enumerate() {
        *d = z[j * n + n - 1];
    }
    for i in (1..n).rev() {
        // d[..i] is the row to reduce, scaled so that its squares are not 0.
        let scale: f64 = d[..i].iter().map(|x| x.abs()).sum();
        if scale == 0.0 {
            e[i] = d[i - 1];
            for j in 0..i {
                d[j] = z[j * n + i - 1];
                z[j * n + i] = 0.0;
                z[i * n + j] = 0.0;
            }
            d[i] = 0.0;
            continue;
        }
        // It becomes the Householder vector; half of its square is h.
        d[..i].iter_mut().for_each(|x| *x /= scale);
        let mut h = dot(&d[..i], &d[..i]);
        let f = d[i - 1];
        let g = -h.sqrt().copysign(f);
        e[i] = scale * g;
        h -= f * g;
        d[i - 1] = f - g;
        // e = A·d, where only one half of A is up to date.
        e[..i].fill(0.0);
        for j in 0..i {
            let f = d[j];
            z[i * n + j] = f;
            let column = &z[j * n..][..i];
            e[j] += column[j] * f + dot(&column[j + 1..], &d[j + 1..i]);
            add(&mut e[j + 1..i], f, &column[j + 1..]);
        }
        // A −= d·eᵀ + e·dᵀ.
        e[..i].iter_mut().for_each(|x| *x /= h);
        let half = dot(&e[..i], &d[..i]) / (h + h);
        add(&mut e[..i], -half, &d[..i]);
        for j in 0..i {
            let (f, g) = (d[j], e[j]);
            let column = &mut z[j * n..][..n];
            for (x, (e, d)) in column[j..i].iter_mut().zip(e[j..].iter().zip(&d[j..])) {
                *x -= f * e + g * d;
            }
            d[j] = column[i - 1];
            column[i] = 0.0;
        }
        d[i] = h;
    }
    // The product of all reflections.
    for i in 0..n - 1 {
        z[i * n + n - 1] = z[i * n + i];
        z[i * n + i] = 1.0;
        let h = d[i + 1];
        let (before, after) = z.split_at_mut((i + 1) * n);
        let vector = &mut after[..=i];
        if h != 0.0 {
            for (d, x) in d.iter_mut().zip(vector.iter()) {
                *d = x / h;
            }
            for column in before.chunks_exact_mut(n) {
                let g = dot(vector, &column[..=i]);
                add(&mut column[..=i], -g, &d[..=i]);
            }
        }
        vector.fill(0.0);
    }
    for (j, d) in d.iter_mut().enumerate() {
        *d = std::mem::take(&mut z[j * n + n - 1]);
    }
    z[n * n - 1] = 1.0;
    e[0] = 0.0;
}

/// Turns a tridiagonal matrix into its eigenvalues `d`, and the rows of `z` into their
/// eigenvectors. `None` if that does not come to an end.
fn diagonalise(n: usize, z: &mut [f64], d: &mut [f64], e: &mut [f64]) -> Option<()> {
    // From here on e[i] is beside d[i] and d[i + 1].
    e.rotate_left(1);
    e[n - 1] = 0.0;
    let (mut shift, mut largest) = (0.0, 0.0f64);
    for l in 0..n {
        largest = largest.max(d[l].abs() + e[l].abs());
        let is_small = |x: f64| x.abs() <= f64::EPSILON * largest;
        // The block from l to m is cut off from the others.
        let m = (l..n).find(|&m| is_small(e[m]))?;
        let mut left = ITERATIONS;
        loop {
            if m == l {
                break;
            }
            left = left.checked_sub(1)?;
            let g = d[l];
            let p = (d[l + 1] - g) / (2.0 * e[l]);
            let r = p.hypot(1.0).copysign(p);
            d[l] = e[l] / (p + r);
            d[l + 1] = e[l] * (p + r);
            let next = d[l + 1];
            let h = g - d[l];
            d[l + 2..].iter_mut().for_each(|x| *x -= h);
            shift += h;
            let mut p = d[m];
            let (mut c, mut c2, mut c3) = (1.0, 1.0, 1.0);
            let (mut s, mut s2) = (0.0, 0.0);
            let beside = e[l + 1];
            for i in (l..m).rev() {
                (c3, c2, s2) = (c2, c, s);
                let (g, h) = (c * e[i], c * p);
                let r = p.hypot(e[i]);
                e[i + 1] = s * r;
                s = e[i] / r;
                c = p / r;
                p = c * d[i] - s * g;
                d[i + 1] = h + s * (c * g + s * d[i]);
                let (row, below) = z[i * n..].split_at_mut(n);
                for (a, b) in row.iter_mut().zip(below) {
                    (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
                }
            }
            p = -s * s2 * c3 * beside * e[l] / next;
            e[l] = s * p;
            d[l] = c * p;
            if is_small(e[l]) {
                break;
            }
        }
        d[l] += shift;
        e[l] = 0.0;
    }
    Some(())
}

/// L, lower triangular, of L·Lᵀ (Cholesky); `None` unless the matrix is positive definite.
pub(super) fn cholesky(matrix: &Mat<f64>) -> Option<Mat<f64>> {
    let n = matrix.rows();
    let mut factor = Mat::zeros(n, n);
    for i in 0..n {
        for j in 0..=i {
            let rest = matrix[(i, j)] - dot(&factor.row(i)[..j], &factor.row(j)[..j]);
            factor[(i, j)] = match i == j {
                true if rest > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / factor[(j, j)],
            };
        }
    }
    Some(factor)
}

/// L⁻¹ of a lower triangular L; `None` if there is none.
pub(super) fn inverse_of_lower(factor: &Mat<f64>) -> Option<Mat<f64>> {
    let n = factor.rows();
    let mut inverse = Mat::zeros(n, n);
    for i in 0..n {
        let diagonal = factor[(i, i)];
        if diagonal == 0.0 {
            return None;
        }
        // Row i of L·L⁻¹ = 1, solved for row i of L⁻¹.
        let mut row = vec![0.0; n];
        row[i] = 1.0;
        for k in 0..i {
            add(&mut row, -factor[(i, k)], inverse.row(k));
        }
        for (to, x) in inverse.row_mut(i).iter_mut().zip(row) {
            *to = x / diagonal;
        }
    }
    Some(inverse)
}

/// Σ a·b, in eight sums that the processor adds up beside each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// `to` += factor·what.
fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    for (to, x) in to.iter_mut().zip(what) {
        *to += factor * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Generator, Purpose};

    fn symmetric(n: usize, f: impl Fn(usize, usize) -> f64) -> Mat<f64> {
        Mat::from_fn(n, n, |i, j| f(i.max(j), i.min(j)))
    }

    /// Σₖ a(i, k)·b(j, k).
    fn times_transposed(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
        let sum = |i, j| a.row(i).iter().zip(b.row(j)).map(|(a, b)| a * b).sum();
        Mat::from_fn(a.rows(), b.rows(), sum)
    }

    fn assert_near(a: &Mat<f64>, b: &Mat<f64>, bound: f64, what: &str) {
        for (a, b) in a.as_slice().iter().zip(b.as_slice()) {
            assert!((a - b).abs() <= bound, "{what}: {a} {b}");
        }
    }

    fn check(matrix: &Mat<f64>, what: &str) -> Vec<f64> {
        let n = matrix.rows();
        let Eigen { values, vectors } = Eigen::new(matrix.clone()).unwrap();
        let largest = values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let identity = symmetric(n, |i, j| f64::from(u8::from(i == j)));
        let products = times_transposed(&vectors, &vectors);
        assert_near(&products, &identity, 1e-13, what);
        // A·v = λ·v, for each v.
        let scaled = Mat::from_fn(n, n, |i, j| values[i] * vectors[(i, j)]);
        let products = times_transposed(&vectors, matrix);
        assert_near(&products, &scaled, 1e-13 * largest, what);
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn eigenvectors_are_orthonormal_and_only_scaled() {
        let mut generator = Generator::new(1, Purpose::Choice);
        let numbers: Vec<f64> = (0..60 * 60)
            .map(|_| f64::from(generator.unit()) - 0.5)
            .collect();
        for n in [1, 2, 3, 4, 7, 8, 9, 17, 60] {
            check(&symmetric(n, |i, j| numbers[i * 60 + j]), "random");
        }
        assert_eq!(check(&symmetric(4, |_, _| 0.0), "zeros"), [0.0; 4]);
        let diagonal = symmetric(3, |i, j| f64::from(u8::from(i == j)) * (3 - i) as f64);
        assert_eq!(check(&diagonal, "diagonal"), [1.0, 2.0, 3.0]);
        // One eigenvalue of 6, five of 0.
        let ones = check(&symmetric(6, |_, _| 1.0), "ones");
        assert!((ones[5] - 6.0).abs() < 1e-14 && ones[4].abs() < 1e-14);
        // 2 − 2·cos(πk/(n+1)): the second differences on a line.
        let n = 12;
        let line = symmetric(n, |i, j| match i - j {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        });
        for (k, value) in check(&line, "line").into_iter().enumerate() {
            let angle = std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-14);
        }
        // A block in the middle of zeros, tiny and huge.
        for scale in [1.0, 1e-200, 1e200] {
            let block = symmetric(9, |i, j| match (3..7).contains(&i) && (3..7).contains(&j) {
                true => scale * ((i * j) % 5) as f64,
                false => 0.0,
            });
            check(&block, "block");
        }
        assert!(Eigen::new(symmetric(3, |i, _| [0.0, f64::NAN, 1.0][i])).is_none());
        assert!(Eigen::new(Mat::zeros(0, 0)).unwrap().values.is_empty());
    }

    #[test]
    fn factors_give_the_matrix_back() {
        let n = 11;
        let lower = Mat::from_fn(n, n, |i, j| match j <= i {
            true => 1.0 + ((i * 7 + j * 3) % 5) as f64,
            false => 0.0,
        });
        let matrix = times_transposed(&lower, &lower);
        let factor = cholesky(&matrix).unwrap();
        assert_near(&factor, &lower, 1e-9, "factor");
        let transposed = inverse_of_lower(&factor).unwrap().transposed();
        let identity = symmetric(n, |i, j| f64::from(u8::from(i == j)));
        let product = times_transposed(&factor, &transposed);
        assert_near(&product, &identity, 1e-9, "inverse");
        assert!(
            cholesky(&symmetric(2, |_, _| 1.0)).is_none(),
            "not definite"
        );
        assert!(inverse_of_lower(&Mat::zeros(1, 1)).is_none());
    }
}
