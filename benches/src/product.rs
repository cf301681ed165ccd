//! Matrix products: the shapes of dense autoencoders, and peers that are asked
//! for the same product.

use std::time::Duration;

use autoencoder_kernels::gemm::gemm as our_gemm;
use autoencoder_kernels::{Context, Mat, MatRef};

use crate::peak;
use crate::race::{contender, race};

/// A product of the suite: C (m × n) = A (m × k) · B (k × n).
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows of C.
    pub m: usize,
    /// Length of the sums.
    pub k: usize,
    /// Columns of C.
    pub n: usize,
    /// Whether A lies transposed in memory.
    pub a_transposed: bool,
    /// Whether B lies transposed in memory.
    pub b_transposed: bool,
}

/// C = A·B, all row-major.
pub const fn shape(m: usize, k: usize, n: usize) -> Shape {
    Shape {
        m,
        k,
        n,
        a_transposed: false,
        b_transposed: false,
    }
}

const fn at(shape: Shape) -> Shape {
    Shape {
        a_transposed: true,
        ..shape
    }
}

const fn bt(shape: Shape) -> Shape {
    Shape {
        b_transposed: true,
        ..shape
    }
}

/// The products of the tutorials' autoencoders at batch 256, inference, and
/// some for comparison.
pub const SUITE: [Shape; 18] = [
    shape(256, 784, 32),
    shape(256, 32, 784),
    bt(shape(256, 784, 32)),
    at(shape(32, 256, 784)),
    at(shape(784, 256, 32)),
    shape(256, 784, 128),
    shape(256, 128, 64),
    at(shape(784, 256, 128)),
    shape(256, 512, 512),
    shape(10_000, 784, 32),
    shape(1, 784, 32),
    shape(256, 10, 5),
    shape(1024, 1024, 1024),
    shape(2048, 2048, 2048),
    // Odd neighbours.
    shape(257, 785, 33),
    shape(100, 300, 7),
    shape(17, 1000, 17),
    bt(shape(1024, 1024, 4096)),
];

/// Odd shapes, and even ones of nearly the same size.
pub const ODD_AND_EVEN: [(Shape, Shape); 3] = [
    (shape(257, 785, 33), shape(256, 784, 32)),
    (shape(100, 300, 7), shape(100, 300, 8)),
    (shape(17, 1000, 17), shape(16, 1000, 16)),
];

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!(
            "{}×{}×{}{}{}",
            self.m,
            self.k,
            self.n,
            if self.a_transposed { " Aᵀ" } else { "" },
            if self.b_transposed { " Bᵀ" } else { "" },
        );
        f.pad(&text)
    }
}

impl Shape {
    /// Multiplications and additions.
    pub fn flops(&self) -> f64 {
        2.0 * self.m as f64 * self.k as f64 * self.n as f64
    }

    /// Operands with numbers in (−½, ½).
    pub fn problem(&self) -> Problem {
        self.problem_with(if self.a_transposed {
            fill(self.k, self.m, 1)
        } else {
            fill(self.m, self.k, 1)
        })
    }

    /// The same with a matrix of the caller's as A, or Aᵀ where A lies transposed.
    ///
    /// # Panics
    /// If it has another shape.
    pub fn problem_with(&self, a: Mat<f32>) -> Problem {
        let problem = Problem {
            shape: *self,
            a,
            b: if self.b_transposed {
                fill(self.n, self.k, 2)
            } else {
                fill(self.k, self.n, 2)
            },
            #[cfg(feature = "products")]
            rten: rten_gemm::GemmExecutor::new(),
        };
        assert_eq!(problem.a().shape(), (self.m, self.k), "A of {self}");
        problem
    }
}

fn fill(rows: usize, cols: usize, seed: usize) -> Mat<f32> {
    Mat::from_fn(rows, cols, |i, j| {
        ((i * 31 + j * 17 + seed) % 23) as f32 / 23.0 - 0.5
    })
}

/// The operands of one shape.
pub struct Problem {
    shape: Shape,
    a: Mat<f32>,
    b: Mat<f32>,
    #[cfg(feature = "products")]
    rten: rten_gemm::GemmExecutor,
}

/// Whose product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This crate.
    Ours,
    /// `gemm::gemm` with its AVX-512 kernels.
    Gemm,
    /// `faer::linalg::matmul::matmul`.
    #[cfg(feature = "products")]
    Faer,
    /// `rten_gemm::GemmExecutor`.
    #[cfg(feature = "products")]
    Rten,
    /// `matrixmultiply::sgemm`.
    Matrixmultiply,
}

impl Peer {
    /// Ours first, then all peers that are compiled in.
    pub const ALL: &[Peer] = &[
        Peer::Ours,
        Peer::Gemm,
        #[cfg(feature = "products")]
        Peer::Faer,
        #[cfg(feature = "products")]
        Peer::Rten,
        Peer::Matrixmultiply,
    ];

    /// Name and version.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Ours => "ours",
            Peer::Gemm => "gemm 0.19",
            #[cfg(feature = "products")]
            Peer::Faer => "faer 0.24",
            #[cfg(feature = "products")]
            Peer::Rten => "rten-gemm 0.27",
            Peer::Matrixmultiply => "matrixmultiply 0.3.11",
        }
    }
}

impl Problem {
    /// A as it lies in memory.
    pub fn a_in_memory(&self) -> &Mat<f32> {
        &self.a
    }

    fn a(&self) -> MatRef<'_, f32> {
        if self.shape.a_transposed {
            self.a.as_ref().transpose()
        } else {
            self.a.as_ref()
        }
    }

    fn b(&self) -> MatRef<'_, f32> {
        if self.shape.b_transposed {
            self.b.as_ref().transpose()
        } else {
            self.b.as_ref()
        }
    }

    /// C = A·B by `peer`, on one thread or on all. matrixmultiply takes its
    /// number of threads from the environment at its first call
    /// (`MATMUL_NUM_THREADS`), rten-gemm always the current pool's, whatever is
    /// asked here.
    pub fn multiply(&self, peer: Peer, parallel: bool, c: &mut Mat<f32>) {
        let (a, b) = (self.a(), self.b());
        let Shape { m, k, n, .. } = self.shape;
        match peer {
            Peer::Ours => {
                let context = if parallel {
                    Context::default()
                } else {
                    Context::serial()
                };
                our_gemm(context, 1.0, a, b, 0.0, c.as_mut()).expect("the shapes fit");
            }
            #[cfg(feature = "products")]
            Peer::Faer => {
                use faer::{Accum, MatMut, Par, linalg::matmul::matmul};
                let a = faer_view(&self.a, self.shape.a_transposed);
                let b = faer_view(&self.b, self.shape.b_transposed);
                let c = MatMut::from_row_major_slice_mut(c.as_mut_slice(), m, n);
                let threads = if parallel { Par::rayon(0) } else { Par::Seq };
                matmul(c, Accum::Replace, a, b, 1.0, threads);
            }
            #[cfg(feature = "products")]
            Peer::Rten => {
                use rten_gemm::{GemmInputA, GemmInputB, GemmOptions};
                let a = GemmInputA::Unpacked(rten_view(&self.a, self.shape.a_transposed));
                let b = GemmInputB::Unpacked(rten_view(&self.b, self.shape.b_transposed));
                self.rten
                    .gemm(c.as_mut_slice(), a, b, GemmOptions::default())
                    .expect("the shapes fit");
            }
            // SAFETY: pointers and strides are those of checked views; C is
            // m × n, row-major, and exclusively borrowed.
            Peer::Matrixmultiply => unsafe {
                matrixmultiply::sgemm(
                    m,
                    k,
                    n,
                    1.0,
                    a.as_ptr(),
                    a.row_stride() as isize,
                    a.col_stride() as isize,
                    b.as_ptr(),
                    b.row_stride() as isize,
                    b.col_stride() as isize,
                    0.0,
                    c.as_mut_slice().as_mut_ptr(),
                    n as isize,
                    1,
                );
            },
            // SAFETY: as above.
            Peer::Gemm => unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    c.as_mut_slice().as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a.as_ptr(),
                    a.col_stride() as isize,
                    a.row_stride() as isize,
                    b.as_ptr(),
                    b.col_stride() as isize,
                    b.row_stride() as isize,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    if parallel {
                        gemm::Parallelism::Rayon(0)
                    } else {
                        gemm::Parallelism::None
                    },
                );
            },
        }
    }

    /// A matrix for the result.
    pub fn output(&self) -> Mat<f32> {
        Mat::zeros(self.shape.m, self.shape.n)
    }

    /// Panics unless `peer` computes what we compute, up to rounding.
    pub fn check(&self, peer: Peer, parallel: bool) {
        let (mut ours, mut theirs) = (self.output(), self.output());
        self.multiply(Peer::Ours, false, &mut ours);
        self.multiply(peer, parallel, &mut theirs);
        let bound = 1e-6 * self.shape.k as f32 + 1e-6;
        for (x, y) in ours.as_slice().iter().zip(theirs.as_slice()) {
            assert!(
                (x - y).abs() <= bound,
                "{} {peer:?}: {x} and {y}",
                self.shape
            );
        }
    }
}

#[cfg(feature = "products")]
fn faer_view(mat: &Mat<f32>, transposed: bool) -> faer::MatRef<'_, f32> {
    let view = faer::MatRef::from_row_major_slice(mat.as_slice(), mat.rows(), mat.cols());
    if transposed { view.transpose() } else { view }
}

#[cfg(feature = "products")]
fn rten_view(mat: &Mat<f32>, transposed: bool) -> rten_tensor::Matrix<'_, f32> {
    let view = rten_tensor::Matrix::from_data([mat.rows(), mat.cols()], mat.as_slice());
    if transposed { view.transposed() } else { view }
}

/// Of one race.
pub struct Speeds {
    /// FLOP/s, by peer.
    pub peers: Vec<f64>,
    /// What multiply-adds in registers reached meanwhile.
    pub peak: Option<f64>,
}

impl Speeds {
    /// The product by each of the peers, which take turns, on one thread or on
    /// the current pool's.
    pub fn race(shape: Shape, peers: &[Peer], parallel: bool) -> Self {
        let problem = shape.problem();
        let mut contenders: Vec<_> = peers
            .iter()
            .map(|&peer| {
                problem.check(peer, parallel);
                let (problem, mut c) = (&problem, problem.output());
                contender(move || problem.multiply(peer, parallel, &mut c))
            })
            .collect();
        let (counter, flops) = peak::counter(parallel).unzip();
        contenders.extend(counter);
        let times = race(&mut contenders, Duration::from_millis(500));
        Speeds {
            peers: times[..peers.len()]
                .iter()
                .map(|time| shape.flops() / time.least)
                .collect(),
            peak: flops.map(|flops| flops / times[peers.len()].least),
        }
    }
}
